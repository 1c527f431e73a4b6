//! One client's loop: wait, read what the socket has, take the complete lines, execute, answer.
//!
//! Invariants:
//! * Replies leave in the order of the lines, in one write per batch unless they are large; until it
//!   is done, nothing more is executed and nothing is read.
//! * While it waits for its client, a connection holds no buffers.
//! * Once the server stops, it answers what it received until then and waits for no more.

use std::future::poll_fn;
use std::io::{self, Read};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use engine::Engine;
use ledger::Seq;
use protocol::foreign::{Speech, speech};
use protocol::lines::{Front, Portion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, Parts};
use crate::buffers::Pool;
use crate::input::{Input, LongLines};
use crate::last_word::{self, LastWord};
use crate::options::{
    BATCH_BYTES_MAX, BATCH_LINES_MAX, DRAIN_BYTES_MAX, Options, REPLIES_BYTES_MAX,
};
use crate::query;
use crate::tx_ids::TxIds;

/// The side of a connection that answers, while its input lends out the lines.
struct Talk<'c> {
    stream: &'c mut TcpStream,
    house: &'c House,
    seen: &'c mut Seq,
}

/// What all connections of a server share.
pub(crate) struct House {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) options: Options,
    /// Cancelled when the server is to stop; a `shutdown` request cancels it.
    pub(crate) stop: CancellationToken,
    pub(crate) pool: Pool,
    pub(crate) long_lines: LongLines,
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
    /// The server had a reason, and said it.
    LastWord(LastWord),
}

/// Serves one client until it or the server ends the connection.
pub(crate) async fn serve(stream: TcpStream, house: Arc<House>) -> io::Result<Ended> {
    // Replies are written whole; holding one back to fill a packet would only delay it.
    stream.set_nodelay(true)?;
    let (house, stop) = (&*house, house.stop.child_token());
    let mut stopping = pin!(stop.cancelled());
    let mut connection = Connection {
        stream,
        house,
        input: Input::default(),
        tx_ids: TxIds::default(),
        seen: Seq::ZERO,
        is_known_to_speak_lines: false,
    };
    loop {
        if let Some(ended) = connection.answer_lines().await? {
            return connection.end(ended).await;
        }
        let read = tokio::select! {
            biased;
            () = &mut stopping => return connection.drain().await,
            read = connection.read() => read?,
        };
        match read {
            Some(0) => {
                connection.input.end(&house.pool);
                let ended = connection.answer_lines().await?.unwrap_or(Ended::ByClient);
                return connection.end(ended).await;
            }
            Some(_) => {}
            None => return Ok(Ended::Idle),
        }
    }
}

struct Connection<'h> {
    stream: TcpStream,
    house: &'h House,
    input: Input,
    tx_ids: TxIds,
    /// The highest position that this client was told.
    seen: Seq,
    /// Whether the first bytes showed that this is no HTTP.
    is_known_to_speak_lines: bool,
}

impl Connection<'_> {
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
        let (taken, made, replies) = self.input.work(bytes);
        let parts = Batch::read(taken, lines, &mut self.tx_ids, made).into_parts();
        let (bytes, stop_asked) = (parts.bytes, parts.asides.ask_to_stop());
        let mut talk = Talk { stream: &mut self.stream, house: self.house, seen: &mut self.seen };
        let ended = talk.answer(parts, replies).await;
        // Also when the client that asked for it is gone already.
        if stop_asked {
            self.house.stop.cancel();
        }
        self.input.take(bytes);
        ended
    }

    /// Waits until there is something to read and reads it. Returns how many bytes, zero at the
    /// end; `None` when the client said nothing for too long.
    async fn read(&mut self) -> io::Result<Option<usize>> {
        let (stream, input, pool) = (&mut self.stream, &mut self.input, &self.house.pool);
        let read = poll_fn(|cx| {
            loop {
                let readable = stream.poll_read_ready(cx)?;
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

    /// Answers what the client has sent by now, waiting for nothing more.
    async fn drain(mut self) -> io::Result<Ended> {
        let was_waiting = self.input.is_at_rest();
        let mut received = 0;
        loop {
            let place = self.input.place(&self.house.pool);
            let (before, room) = (place.len(), place.capacity() - place.len());
            // The runtime hears of new bytes later than the kernel does, so the kernel is asked.
            let socket = self.stream.into_std()?;
            let limit = u64::try_from(room).unwrap_or(u64::MAX);
            let (is_empty, has_ended) = match (&socket).take(limit).read_to_end(place) {
                Ok(read) => (read < room, read < room),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (true, false),
                Err(error) => return Err(error),
            };
            received += place.len() - before;
            self.stream = TcpStream::from_std(socket)?;
            if has_ended {
                self.input.end(&self.house.pool);
            }
            if let Some(ended) = self.answer_lines().await? {
                return self.end(ended).await;
            }
            if is_empty || received >= DRAIN_BYTES_MAX {
                // One that was at work may be sending at this very moment.
                if received > 0 || !was_waiting {
                    last_word::close(self.stream).await?;
                }
                return Ok(Ended::Drained);
            }
        }
    }

    /// Ends the connection, with a last word where there is one.
    async fn end(self, ended: Ended) -> io::Result<Ended> {
        if let Ended::LastWord(word) = ended {
            let as_of = self.house.engine.seq_durable().max(self.seen);
            last_word::say(self.stream, word, as_of, self.house.options.write_timeout).await?;
        }
        Ok(ended)
    }
}

impl Talk<'_> {
    /// Executes `parts` and writes the replies, by way of `replies`.
    async fn answer(
        &mut self,
        parts: Parts<'_>,
        replies: &mut Vec<u8>,
    ) -> io::Result<Option<Ended>> {
        let Parts { requests: mut rest, mut asides, query, bytes: _ } = parts;
        let engine = &*self.house.engine;
        while !rest.is_empty() {
            let rest_count = rest.len();
            let answered = engine.execute(rest).await;
            let answered_count = answered.outcomes.len();
            assert!(answered_count > 0, "the engine answers the first request");
            assert_eq!(answered_count + answered.rest.len(), rest_count, "and none twice");
            rest = answered.rest;
            let durable = engine.seq_durable();
            for outcome in answered.outcomes {
                asides.write_next(replies, &outcome, self.seen, durable);
                if replies.len() >= REPLIES_BYTES_MAX {
                    drop(outcome);
                    if let Some(ended) = self.write(replies).await? {
                        return Ok(Some(ended));
                    }
                }
            }
        }
        asides.write_rest(replies, engine.seq_durable().max(*self.seen));
        if let Some(asked) = query {
            let reading = engine.read(query::for_engine(&asked)).await;
            query::write_reading(replies, &asked, &reading, self.seen, engine.seq_durable());
        }
        self.write(replies).await
    }

    /// Writes the replies, most often at once, and forgets them.
    async fn write(&mut self, replies: &mut Vec<u8>) -> io::Result<Option<Ended>> {
        let written = match self.stream.try_write(replies) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        let rest = &replies[written..];
        if !rest.is_empty() {
            match timeout(self.house.options.write_timeout, self.stream.write_all(rest)).await {
                Ok(written) => written?,
                Err(_) => {
                    // What stands in the kernel for a client that does not read goes with it.
                    self.stream.set_zero_linger()?;
                    return Ok(Some(Ended::NotReading));
                }
            }
        }
        replies.clear();
        Ok(None)
    }
}
