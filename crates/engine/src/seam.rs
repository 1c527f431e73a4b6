//! The seam between the doors of the bank and what keeps its money.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ledger::{AccountId, Balance, By, Command, Event, Rejection, Seq, Transaction, TxId};

use crate::query::{Query, Reading};
use crate::vitals::Vitals;

/// A future in a box, so that [`Engine`] is object-safe: one box per batch, not per request.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Executes requests; an outcome is durable when it is returned.
pub trait Engine: Send + Sync + 'static {
    /// Runs `batch` in order, the first of it at least, and resolves when every outcome is durable.
    /// Outcomes that hold much of history end it early: what was not begun then comes back, to be
    /// handed in again.
    fn execute<'a>(&'a self, batch: Vec<Request<'a>>) -> BoxFuture<'a, Answered<'a>>;

    /// Answers a question about history, at one stated position that is durable. It is no earlier than
    /// what any answer before it showed, unless the question itself names an earlier one: a balance of
    /// the past, a later page.
    fn read<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Reading, Unavailable>>;

    /// The highest seq that is known to be durable: the position that an answer reflects when it
    /// rests on nothing newer.
    fn seq_durable(&self) -> Seq;

    /// Resolves with the durable position once it lies behind `seq`: something happened that `seq` does
    /// not cover, whichever server did it. For one waiting task per server, which tells all others;
    /// each call may leave a trace until it resolves. Errors: nothing more will happen here, or the
    /// position cannot be found out at the moment.
    fn beyond(&self, seq: Seq) -> BoxFuture<'_, Result<Seq, Unavailable>>;

    /// How it fares, in numbers.
    fn vitals(&self) -> Vitals;
}

/// How far a batch was run, so that who asks can let go of its outcomes before the next ones come.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered<'a> {
    /// One outcome per request, in the same order, for as many of them as were run.
    pub outcomes: Vec<Outcome<'a>>,
    /// Those that were not begun, in their order; most often none.
    pub rest: Vec<Request<'a>>,
}

/// One thing that a client asks of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A change.
    Write {
        /// What is to change.
        command: Command<'a>,
        /// The name of this change, for ever.
        tx_id: TxId<'a>,
        /// Whether the client gave the tx_id; otherwise the server made it, and a refusal is not
        /// recorded, for nobody can ask again.
        tx_id_given: bool,
        /// The request's deadline by the server's clock, in microseconds since the Unix epoch: it
        /// is refused when its turn comes later. It is no part of what the tx_id is bound to.
        not_after_us: Option<u64>,
        /// Who asks for it: stands in the event. It is no part of what the tx_id is bound to, and a
        /// duplicate keeps that of the first.
        by: Option<By<'a>>,
    },
    /// What became of this tx_id, for ever? One that was never used is voided, so that a request
    /// that comes late can never be executed.
    Resolve {
        /// The name of the change in question.
        tx_id: TxId<'a>,
        /// Who asks: stands in the void, if this makes one.
        by: Option<By<'a>>,
    },
    /// What does one account hold?
    Balance(AccountId<'a>),
    /// What do these accounts hold, all at one position?
    Balances(Vec<AccountId<'a>>),
}

impl<'a> Request<'a> {
    /// The tx_id that it is about; a question about balances has none.
    pub fn tx_id(&self) -> Option<&TxId<'a>> {
        match self {
            Self::Write { tx_id, .. } | Self::Resolve { tx_id, .. } => Some(tx_id),
            Self::Balance(_) | Self::Balances(_) => None,
        }
    }

    /// Who asks for it, if anybody is named.
    pub fn by(&self) -> Option<&By<'a>> {
        match self {
            Self::Write { by, .. } | Self::Resolve { by, .. } => by.as_ref(),
            Self::Balance(_) | Self::Balances(_) => None,
        }
    }

    /// The same request, owning its texts.
    pub fn into_owned(self) -> Request<'static> {
        match self {
            Self::Write { command, tx_id, tx_id_given, not_after_us, by } => Request::Write {
                command: command.into_owned(),
                tx_id: tx_id.into_owned(),
                tx_id_given,
                not_after_us,
                by: by.map(By::into_owned),
            },
            Self::Resolve { tx_id, by } => {
                Request::Resolve { tx_id: tx_id.into_owned(), by: by.map(By::into_owned) }
            }
            Self::Balance(account) => Request::Balance(account.into_owned()),
            Self::Balances(accounts) => {
                Request::Balances(accounts.into_iter().map(AccountId::into_owned).collect())
            }
        }
    }
}

/// What became of a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The change happened.
    Done {
        /// Its place in the one order.
        seq: Seq,
        /// Its name.
        tx_id: TxId<'a>,
        /// What happened. For a duplicate: what happened the first time.
        event: Event<'a>,
        /// Whether it had happened before this request.
        duplicate: bool,
    },
    /// The answer to [`Request::Resolve`].
    Resolved {
        /// What stands under the tx_id: what was done, a recorded refusal, or
        /// [`Event::Void`].
        transaction: Arc<Transaction<'static>>,
        /// Whether that was settled before this request.
        duplicate: bool,
    },
    /// The answer to [`Request::Balance`].
    Balance {
        /// What was asked for.
        reading: BalanceReading<'a>,
        /// The position that the answer reflects.
        as_of: Seq,
    },
    /// The answer to [`Request::Balances`], in the order asked.
    Balances {
        /// What was asked for.
        readings: Vec<BalanceReading<'a>>,
        /// The one position that all of them reflect.
        as_of: Seq,
    },
    /// The bank's no, which rests on the state of an account.
    Refused {
        /// Why.
        rejection: Rejection,
        /// Its place in the one order, when it was recorded.
        seq: Option<Seq>,
        /// The name of the request, when the client gave one.
        tx_id: Option<TxId<'a>>,
        /// The position that the refusal reflects; its own seq when it was recorded.
        as_of: Seq,
        /// Whether this tx_id had been refused before this request.
        duplicate: bool,
    },
    /// The tx_id stands for other content.
    Conflict {
        /// The tx_id.
        tx_id: TxId<'a>,
        /// A position at which it was taken.
        as_of: Seq,
    },
    /// Certainly not written: ask again later.
    Unavailable(Unavailable),
    /// It may have happened: ask again with the same tx_id.
    Unknown {
        /// The tx_id to ask with; `None` for a question.
        tx_id: Option<TxId<'a>>,
    },
}

impl Outcome<'_> {
    /// The highest seq that the outcome shows anything of: it may be told once that is durable.
    pub fn rests_on(&self) -> Seq {
        match self {
            Self::Done { seq, .. } => *seq,
            Self::Resolved { transaction, .. } => transaction.seq,
            Self::Balance { as_of, .. }
            | Self::Balances { as_of, .. }
            | Self::Refused { as_of, .. }
            | Self::Conflict { as_of, .. } => *as_of,
            Self::Unavailable(_) | Self::Unknown { .. } => Seq::ZERO,
        }
    }
}

/// One account's balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceReading<'a> {
    /// The account asked for.
    pub account: AccountId<'a>,
    /// What it holds; `None` when there is no such account.
    pub balance: Option<Balance>,
}

/// Why the engine did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// The engine is stopping.
    ShuttingDown,
    /// The journal stopped after a failed write or sync; nothing more is written by this process.
    JournalStopped,
    /// The command's record would pass the largest record that the journal takes.
    TooLarge,
    /// The history index is damaged; what needs it waits until it is rebuilt. Nothing was done.
    IndexDamaged,
    /// The disk did not give the history index. Nothing was done.
    IndexUnreadable,
    /// The journal cannot be read where the answer stands. Nothing was done.
    JournalUnreadable,
    /// The database did not answer within the time that a request may wait. Nothing was done.
    DatabaseUnreachable,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ShuttingDown => "the server is shutting down",
            Self::JournalStopped => "the journal stopped after a failed write",
            Self::TooLarge => "the command is too large for one record",
            Self::IndexUnreadable => "the history index cannot be read at the moment",
            Self::JournalUnreadable => "the journal cannot be read where the answer stands",
            Self::DatabaseUnreachable => "the database does not answer",
            Self::IndexDamaged => "the history index is damaged and is rebuilt at the next start",
        })
    }
}
