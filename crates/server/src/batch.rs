//! From the lines of one batch to the requests for the engine, and from its outcomes to replies.

use std::iter::Peekable;
use std::time::Duration;
use std::vec;

use engine::{Outcome, Request, Unavailable};
use ledger::{Rejection, Seq, TxId};
use protocol::query::Query;
use protocol::reply::{self, Standing};
use protocol::{Code, Incoming, Refusal, lines, parse_line};

use crate::tx_ids::{self, TX_ID_BYTES, TxIds};

/// The lines of one batch, read: what goes to the engine and what is answered here.
///
/// **Invariant:** a question about history is the last line of its batch, so that it sees what the
/// lines before it did and nothing of what those behind it do.
pub(crate) struct Batch<'a> {
    /// For the engine, in the order of their lines.
    requests: Vec<Request<'a>>,
    /// The rest, each with the number of requests that stand before it.
    asides: Vec<(usize, Aside)>,
    /// The question that ended the batch.
    query: Option<Box<Query<'a>>>,
    /// How many bytes of lines were read.
    bytes: usize,
}

/// A line that the engine need not see.
enum Aside {
    Refused(Refusal),
    Shutdown,
}

/// What is answered without the engine, beside its outcomes.
pub(crate) struct Asides {
    list: Peekable<vec::IntoIter<(usize, Aside)>>,
    /// How many of the requests are answered.
    answered_count: usize,
    asks_to_stop: bool,
}

/// A batch, taken apart.
pub(crate) struct Parts<'a> {
    /// To be executed, in their order.
    pub(crate) requests: Vec<Request<'a>>,
    /// To be answered with them.
    pub(crate) asides: Asides,
    /// To be asked once the requests are done, and answered behind all else.
    pub(crate) query: Option<Box<Query<'a>>>,
    /// How many bytes of lines these are.
    pub(crate) bytes: usize,
}

impl<'a> Batch<'a> {
    /// Reads `taken`, which is `lines_count` lines, up to a question about history. `made` is the place for the text of tx_ids
    /// that `tx_ids` makes for writes without one.
    pub(crate) fn read(
        taken: &'a [u8],
        lines_count: usize,
        tx_ids: &mut TxIds,
        made: &'a mut Vec<u8>,
    ) -> Self {
        if made.len() < lines_count * TX_ID_BYTES {
            made.resize(lines_count * TX_ID_BYTES, 0);
        }
        let mut places = made.chunks_exact_mut(TX_ID_BYTES);
        // One look at the clock is enough for all that is made here.
        let mut time: Option<Duration> = None;
        let mut make = || {
            let place = places.next().expect("there is a place for each line");
            let text: &'a str = tx_ids.write(place, *time.get_or_insert_with(tx_ids::now));
            TxId::new(text).expect("a UUID is a tx_id")
        };

        let mut batch = Self {
            requests: Vec::with_capacity(lines_count),
            asides: Vec::new(),
            query: None,
            bytes: 0,
        };
        for line in lines::split(taken) {
            batch.bytes += line.len() + 1;
            let request = match parse_line(line) {
                Ok(Incoming::Write { command, tx_id: Some(tx_id), not_after_us }) => {
                    let (tx_id_given, by) = (true, None);
                    Ok(Request::Write { command, tx_id, tx_id_given, not_after_us, by })
                }
                Ok(Incoming::Write { command, tx_id: None, not_after_us }) => {
                    let (tx_id, tx_id_given, by) = (make(), false, None);
                    Ok(Request::Write { command, tx_id, tx_id_given, not_after_us, by })
                }
                Ok(Incoming::Resolve(tx_id)) => Ok(Request::Resolve { tx_id, by: None }),
                Ok(Incoming::Query(query)) => {
                    batch.query = Some(query);
                    break;
                }
                Ok(Incoming::Balance(account)) => Ok(Request::Balance(account)),
                Ok(Incoming::Balances(accounts)) => Ok(Request::Balances(accounts)),
                Ok(Incoming::Shutdown) => Err(Aside::Shutdown),
                Err(refusal) => Err(Aside::Refused(refusal)),
            };
            match request {
                Ok(request) => batch.requests.push(request),
                Err(aside) => batch.asides.push((batch.requests.len(), aside)),
            }
        }
        batch
    }

    /// What is to be done with it.
    pub(crate) fn into_parts(self) -> Parts<'a> {
        let Self { requests, asides, query, bytes } = self;
        let asks_to_stop = asides.iter().any(|(_, aside)| matches!(aside, Aside::Shutdown));
        let asides =
            Asides { list: asides.into_iter().peekable(), answered_count: 0, asks_to_stop };
        Parts { requests, asides, query, bytes }
    }
}

impl Asides {
    /// Whether the server was asked to stop.
    pub(crate) fn ask_to_stop(&self) -> bool {
        self.asks_to_stop
    }

    /// Writes the reply to the next request, behind those to the lines before it.
    /// `seen`: the highest position that this connection was told; it moves up. `durable`: the
    /// engine's own.
    pub(crate) fn write_next(
        &mut self,
        out: &mut Vec<u8>,
        outcome: &Outcome<'_>,
        seen: &mut Seq,
        durable: Seq,
    ) {
        self.write_up_to(out, self.answered_count, durable.max(*seen));
        self.answered_count += 1;
        *seen = (*seen).max(outcome.rests_on());
        write_outcome(out, outcome, durable.max(*seen));
    }

    /// Writes the replies to the lines behind the last request.
    pub(crate) fn write_rest(mut self, out: &mut Vec<u8>, as_of: Seq) {
        self.write_up_to(out, usize::MAX, as_of);
    }

    fn write_up_to(&mut self, out: &mut Vec<u8>, place: usize, as_of: Seq) {
        while let Some((_, aside)) = self.list.next_if(|(before, _)| *before <= place) {
            aside.write(out, as_of);
        }
    }
}

impl Aside {
    fn write(&self, out: &mut Vec<u8>, as_of: Seq) {
        match self {
            Self::Refused(refusal) => reply::refused(out, refusal, as_of),
            Self::Shutdown => reply::shutting_down(out),
        }
    }
}

/// Writes the reply to a request, its line feed included. `position`: what an outcome reflects that
/// has no position of its own.
pub fn write_outcome(out: &mut Vec<u8>, outcome: &Outcome<'_>, position: Seq) {
    match outcome {
        Outcome::Done { seq, tx_id, event, duplicate } => {
            reply::done(out, event, *seq, tx_id, *duplicate);
        }
        Outcome::Resolved { transaction, duplicate } => {
            reply::history::resolved(out, transaction, *duplicate);
        }
        Outcome::Balance { reading, as_of } => {
            reply::balance(out, &reading.account, reading.balance, *as_of);
        }
        Outcome::Balances { readings, as_of } => {
            let readings = readings.iter().map(|reading| (&reading.account, reading.balance));
            reply::balances(out, readings, *as_of);
        }
        Outcome::Refused { rejection, seq, tx_id, as_of, duplicate } => {
            let tx_id = tx_id.as_ref();
            let standing = Standing { as_of: *as_of, seq: *seq, tx_id, duplicate: *duplicate };
            reply::rejected(out, rejection, &standing);
        }
        Outcome::Conflict { tx_id, as_of } => {
            let standing = Standing::unrecorded(*as_of, Some(tx_id));
            reply::rejected(out, &Rejection::TxIdReused, &standing);
        }
        Outcome::Unavailable(why) => {
            let code = code_of(*why);
            reply::failed(out, code, &why.to_string(), position, None);
        }
        Outcome::Unknown { tx_id } => {
            let text = match tx_id {
                Some(_) => {
                    "the outcome is unknown: it may have happened, ask again with the same tx_id"
                }
                None => "the answer was lost: ask again",
            };
            reply::failed(out, Code::OutcomeUnknown, text, position, tx_id.as_ref());
        }
    }
}

/// The code of an engine that did nothing.
pub fn code_of(why: Unavailable) -> Code {
    match why {
        Unavailable::ShuttingDown => Code::ShuttingDown,
        Unavailable::JournalStopped => Code::Internal,
        Unavailable::TooLarge => Code::TooLarge,
        Unavailable::IndexDamaged | Unavailable::IndexUnreadable => Code::IndexUnavailable,
        Unavailable::JournalUnreadable => Code::JournalUnavailable,
        Unavailable::DatabaseUnreachable => Code::DatabaseUnreachable,
    }
}
