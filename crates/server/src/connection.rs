//! One client's loop: wait, read what the socket has, take the complete lines, execute, answer.
//!
//! Invariants:
//! * Replies leave in the order of the lines, in one write per batch unless they are large; until it
//!   is done, nothing more is executed and nothing is read.
//! * While it waits for its client, a connection holds no buffers.
//! * Once the server stops, it answers what it received until then and waits for no more.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};

use access::{Entry, Principal, Reserved};
use engine::Request;
use ledger::Seq;
use protocol::foreign::{Speech, speech};
use protocol::lines::{Front, Portion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::batch::{Asides, Batch, Last, Parts};
use crate::buffers::Pool;
use crate::counters::AuthFailure;
use crate::desk::{Desk, settle};
use crate::input::{Input, LongLines};
use crate::last_word::{self, LastWord};
use crate::options::{
    BATCH_BYTES_MAX, BATCH_LINES_MAX, DRAIN_BYTES_MAX, Options, REPLIES_BYTES_MAX,
};
use crate::query;
use crate::throttle::Throttle;
use crate::tx_ids::TxIds;
use crate::visitors::Visitors;
use crate::wire::{Received, Wire};

/// The side of a connection that answers, while its input lends out the lines.
struct Talk<'c, S> {
    stream: &'c mut S,
    house: &'c House,
    who: &'c Principal,
    seen: &'c mut Seq,
}

/// What all connections of a server share.
pub(crate) struct House {
    pub(crate) desk: Desk,
    pub(crate) options: Options,
    /// Cancelled when the server is to stop; a `shutdown` request cancels it.
    pub(crate) stop: CancellationToken,
    pub(crate) pool: Pool,
    pub(crate) long_lines: LongLines,
    pub(crate) visitors: Visitors,
    denied: Mutex<Throttle>,
}

impl House {
    pub(crate) fn new(desk: Desk, options: Options, stop: CancellationToken) -> Self {
        Self {
            desk,
            options,
            stop,
            pool: Pool::default(),
            long_lines: LongLines::default(),
            visitors: Visitors::default(),
            denied: Mutex::default(),
        }
    }

    /// Keeps log-ins that fail to one line of the audit log a second.
    pub(crate) fn denied_throttle(&self) -> MutexGuard<'_, Throttle> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a connection came to its end, when nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The client has no more to say, and has its answers.
    ByClient,
    /// The client said nothing for too long.
    Idle,
    /// The client did not take its replies.
    NotReading,
    /// The server stops; the client has its answers.
    Drained,
    /// The server closes it, and the client knows why.
    Closed,
    /// From here on, the client follows.
    Follows(Option<Seq>),
    /// The server had a reason, and said it.
    LastWord(LastWord),
}

/// Serves one client until it or the server ends the connection. `known`: who it is, when its
/// certificate says so.
pub(crate) async fn serve<S: Wire>(
    stream: S,
    from: SocketAddr,
    known: Option<Principal>,
    house: Arc<House>,
) -> io::Result<Ended> {
    let house = &*house;
    let _open = house.desk.counters().open_connection();
    let mut connection = Connection {
        stream,
        house,
        from,
        who: Principal::open(),
        wake: house.stop.child_token(),
        input: Input::default(),
        tx_ids: TxIds::default(),
        seen: Seq::ZERO,
        is_known_to_speak_lines: false,
    };
    let access = house.desk.access();
    if access.is_on() {
        match known {
            Some(who) => connection.who = who,
            None => {
                if let Some(ended) = connection.authenticate(from).await? {
                    return connection.end(ended).await;
                }
            }
        }
    }
    let (who, wake) = (connection.who.clone(), connection.wake.clone());
    let _visit = access.is_on().then(|| house.visitors.enter(&who, &wake));
    connection.run(&wake).await
}

pub(crate) struct Connection<'h, S> {
    pub(crate) stream: S,
    pub(crate) house: &'h House,
    from: SocketAddr,
    /// Who asks.
    pub(crate) who: Principal,
    /// Cancelled when the server is to stop, and when who asks is not known any more.
    pub(crate) wake: CancellationToken,
    pub(crate) input: Input,
    tx_ids: TxIds,
    /// The highest position that this client was told.
    pub(crate) seen: Seq,
    /// Whether the first bytes showed that this is no HTTP.
    is_known_to_speak_lines: bool,
}

impl<S: Wire> Connection<'_, S> {
    /// Answers until the connection ends.
    async fn run(mut self, wake: &CancellationToken) -> io::Result<Ended> {
        let mut waking = pin!(wake.cancelled());
        loop {
            if let Some(ended) = self.answer_lines().await? {
                return self.end(ended).await;
            }
            let read = tokio::select! {
                biased;
                () = &mut waking => None,
                read = self.read() => Some(read?),
            };
            match read {
                None if self.house.stop.is_cancelled() => return self.drain().await,
                None => return self.end(Ended::LastWord(LastWord::Revoked)).await,
                Some(Some(0)) => {
                    self.input.end(&self.house.pool);
                    let ended = self.answer_lines().await?.unwrap_or(Ended::ByClient);
                    return self.end(ended).await;
                }
                Some(Some(_)) => {}
                Some(None) => return Ok(Ended::Idle),
            }
        }
    }

    /// Answers every complete line that was read, and makes room for more.
    /// Returns how the connection is to end, when it is.
    async fn answer_lines(&mut self) -> io::Result<Option<Ended>> {
        let line_bytes_max = self.house.options.line_bytes_max;
        let portion =
            Portion { line_bytes_max, lines_max: BATCH_LINES_MAX, bytes_max: BATCH_BYTES_MAX };
        if !self.is_known_to_speak_lines {
            match speech(self.input.unread()) {
                Speech::Http => return Ok(Some(Ended::LastWord(LastWord::HttpNotSpoken))),
                Speech::Lines => self.is_known_to_speak_lines = true,
                Speech::Unclear => {}
            }
        }
        loop {
            match self.input.front(portion) {
                Front::Lines { bytes, lines } => {
                    if let Some(ended) = self.answer(bytes, lines).await? {
                        return Ok(Some(ended));
                    }
                }
                Front::Partial => break,
                Front::TooLong => {
                    return Ok(Some(Ended::LastWord(LastWord::LineTooLong { line_bytes_max })));
                }
            }
        }
        let room = self.input.make_room(line_bytes_max, &self.house.long_lines);
        Ok(room.err().map(|_| Ended::LastWord(LastWord::TooManyLongLines)))
    }

    /// Executes the first `lines` lines, which are `bytes` bytes, up to a question about history,
    /// and writes their replies. What stands behind a reply that the client does not take is not
    /// executed.
    async fn answer(&mut self, bytes: usize, lines: usize) -> io::Result<Option<Ended>> {
        let began = Instant::now();
        let desk = &self.house.desk;
        if !desk.access().is_current(&self.who) {
            return Ok(Some(Ended::LastWord(LastWord::Revoked)));
        }
        let (taken, made, replies) = self.input.work(bytes);
        let parts = Batch::read(&self.who, taken, lines, &mut self.tx_ids, made).into_parts();
        let (bytes, lines, stop_asked) = (parts.bytes, parts.lines, parts.asides.ask_to_stop());
        let forbidden_count = parts.asides.forbidden_count();
        if stop_asked {
            note_shutdown(desk, &self.who, self.from).await;
        }
        let (stream, seen) = (&mut self.stream, &mut self.seen);
        let mut talk = Talk { stream, house: self.house, who: &self.who, seen };
        let ended = talk.answer(parts, replies).await;
        // Also when the client that asked for it is gone already.
        if stop_asked {
            self.house.stop.cancel();
        }
        self.input.take(bytes);
        let counters = desk.counters();
        counters.note_batch(lines as u64, began.elapsed());
        if forbidden_count > 0 {
            counters.note_forbidden(forbidden_count as u64);
        }
        ended
    }

    /// Waits until there is something to read and reads it. Returns how many bytes, zero at the
    /// end; `None` when the client said nothing for too long.
    pub(crate) async fn read(&mut self) -> io::Result<Option<usize>> {
        let (stream, input, pool) = (&mut self.stream, &mut self.input, &self.house.pool);
        let read = poll_fn(|cx| {
            loop {
                let readable = stream.poll_readable(cx)?;
                if readable.is_pending() {
                    input.rest(pool);
                }
                ready!(readable);
                // The socket may turn out to have nothing; then its readiness is gone, and the
                // next turn of the loop waits for a new one.
                if let Poll::Ready(read) = pin!(stream.read_buf(input.place(pool))).poll(cx) {
                    return Poll::Ready(read);
                }
            }
        });
        match self.house.options.idle_timeout {
            None => read.await.map(Some),
            Some(idle_timeout) => match timeout(idle_timeout, read).await {
                Ok(read) => read.map(Some),
                Err(_) => Ok(None),
            },
        }
    }

    /// Writes `bytes`, within the time that a client has to take them.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match send(&mut self.stream, bytes, self.house).await? {
            true => Ok(()),
            false => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Answers what the client has sent by now, waiting for nothing more.
    async fn drain(mut self) -> io::Result<Ended> {
        let was_waiting = self.input.is_at_rest();
        let mut received_bytes = 0;
        loop {
            let place = self.input.place(&self.house.pool);
            let before = place.len();
            let received = self.stream.received(place).await?;
            let Received { stream, is_empty, has_ended } = received;
            self.stream = stream;
            received_bytes += place.len() - before;
            if has_ended {
                self.input.end(&self.house.pool);
            }
            if let Some(ended) = self.answer_lines().await? {
                return self.end(ended).await;
            }
            if is_empty || received_bytes >= DRAIN_BYTES_MAX {
                // One that was at work may be sending at this very moment.
                if received_bytes > 0 || !was_waiting {
                    last_word::close(self.stream).await?;
                }
                return Ok(Ended::Drained);
            }
        }
    }

    /// Ends the connection, with a last word where there is one.
    async fn end(mut self, ended: Ended) -> io::Result<Ended> {
        let ended = if let Ended::Follows(from) = ended { self.follow(from).await? } else { ended };
        match ended {
            Ended::LastWord(word) => {
                if word == LastWord::Revoked {
                    self.house.desk.counters().note_auth_failure(AuthFailure::Revoked);
                }
                // Where the bank stands is nothing for strangers.
                let is_stranger = self.house.desk.access().is_on() && self.who.is_open();
                let durable = self.house.desk.engine().seq_durable().max(self.seen);
                let as_of = if is_stranger { Seq::ZERO } else { durable };
                let write_timeout = self.house.options.write_timeout;
                last_word::say(self.stream, word, as_of, write_timeout).await?;
            }
            Ended::Closed => last_word::close(self.stream).await?,
            Ended::ByClient
            | Ended::Idle
            | Ended::NotReading
            | Ended::Drained
            | Ended::Follows(_) => {}
        }
        Ok(ended)
    }
}

/// Writes to the audit log who stops the server, before that is answered.
async fn note_shutdown(desk: &Desk, who: &Principal, from: SocketAddr) {
    let (access, who) = (desk.access().clone(), who.clone());
    let written = tokio::task::spawn_blocking(move || {
        let (who, from) = (who.by().unwrap_or("open"), from.to_string());
        access.audit(&Entry { who, what: "shutdown", about: "", from: &from, result: "done" })
    });
    match written.await {
        Ok(Ok(())) => {}
        // The stop itself is no secret, and a server whose log is full must be stoppable.
        Ok(Err(error)) => {
            let error = engine::chain(&error);
            tracing::error!(event = "audit_failed", error, "the audit log is not written");
        }
        Err(error) => tracing::error!(event = "audit_failed", %error, "not written"),
    }
}

/// Writes `bytes`, most often at once. False: the client did not take them in time.
async fn send<S: Wire>(stream: &mut S, bytes: &[u8], house: &House) -> io::Result<bool> {
    let written = stream.write_now(bytes)?;
    let rest = bytes.get(written..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(true);
    }
    let writing = async {
        stream.write_all(rest).await?;
        stream.flush().await
    };
    match timeout(house.options.write_timeout, writing).await {
        Ok(written) => written.map(|()| true),
        Err(_) => {
            // What stands in the kernel for a client that does not read goes with it.
            stream.forget()?;
            Ok(false)
        }
    }
}

impl<S: Wire> Talk<'_, S> {
    /// Executes `parts` and writes the replies, by way of `replies`.
    async fn answer(
        &mut self,
        parts: Parts<'_>,
        replies: &mut Vec<u8>,
    ) -> io::Result<Option<Ended>> {
        let Parts { requests, mut asides, last, lines: _, bytes: _ } = parts;
        let ended = if self.who.has_limits() {
            self.answer_within_limits(requests, &mut asides, replies).await?
        } else {
            self.execute(requests, Vec::new(), &mut asides, replies).await?
        };
        if ended.is_some() {
            return Ok(ended);
        }
        let desk = &self.house.desk;
        asides.write_rest(replies, desk.engine().seq_durable().max(*self.seen));
        match last {
            None => self.write(replies).await,
            Some(Last::Query(asked)) => {
                let reading = desk.read_permitted(self.who, query::for_engine(&asked)).await;
                let durable = desk.engine().seq_durable();
                query::write_reading(replies, &asked, &reading, self.seen, durable);
                self.write(replies).await
            }
            Some(Last::Follow(from)) => {
                let ended = self.write(replies).await?;
                Ok(Some(ended.unwrap_or(Ended::Follows(from))))
            }
        }
    }

    /// Executes what is within the limits of who asks, together as far as possible.
    async fn answer_within_limits(
        &mut self,
        requests: Vec<Request<'_>>,
        asides: &mut Asides,
        replies: &mut Vec<u8>,
    ) -> io::Result<Option<Ended>> {
        let desk = &self.house.desk;
        let (mut together, mut held) = (Vec::new(), Vec::new());
        for request in requests {
            let mut reserved = desk.reserve(self.who, &request).await;
            if reserved.is_err() && !together.is_empty() {
                // Those before it may do what it asks for again, or give back what they do not move.
                let before = (std::mem::take(&mut together), std::mem::take(&mut held));
                let ended = self.execute(before.0, before.1, asides, replies).await?;
                if ended.is_some() {
                    return Ok(ended);
                }
                reserved = desk.reserve(self.who, &request).await;
            }
            match reserved {
                Ok(reserved) => {
                    together.push(request);
                    held.push(reserved);
                }
                Err(no) => {
                    let as_of = desk.engine().seq_durable().max(*self.seen);
                    asides.refuse_next(replies, &no, as_of);
                }
            }
        }
        self.execute(together, held, asides, replies).await
    }

    /// Executes `rest` and writes the replies as they grow large. `held`: what was counted for each of
    /// the requests, or nothing at all.
    async fn execute(
        &mut self,
        mut rest: Vec<Request<'_>>,
        held: Vec<Option<Reserved>>,
        asides: &mut Asides,
        replies: &mut Vec<u8>,
    ) -> io::Result<Option<Ended>> {
        let engine = self.house.desk.engine();
        let mut held = held.into_iter();
        while !rest.is_empty() {
            let rest_count = rest.len();
            let answered = engine.execute(rest).await;
            let answered_count = answered.outcomes.len();
            assert!(answered_count > 0, "the engine answers the first request");
            assert_eq!(answered_count + answered.rest.len(), rest_count, "and none twice");
            rest = answered.rest;
            let durable = engine.seq_durable();
            for outcome in answered.outcomes {
                if let Some(Some(reserved)) = held.next() {
                    settle(reserved, &outcome);
                }
                asides.write_next(replies, &outcome, self.seen, durable);
                if replies.len() >= REPLIES_BYTES_MAX {
                    drop(outcome);
                    if let Some(ended) = self.write(replies).await? {
                        return Ok(Some(ended));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Writes the replies, most often at once, and forgets them.
    async fn write(&mut self, replies: &mut Vec<u8>) -> io::Result<Option<Ended>> {
        let is_taken = send(self.stream, replies, self.house).await?;
        replies.clear();
        Ok((!is_taken).then_some(Ended::NotReading))
    }
}
