//! One connection: its requests, what of them the system has not taken yet, and its replies.
//! Not here: when requests are made (`drive`), what stands in them (`requests`).

use std::io::{self, ErrorKind, Read, Write};

use client::Pipe;

use super::clock::Clock;
use super::expected::Sent;
use super::fault::Fault;
use super::flight::Flight;
use super::replies::{Begun, Room};
use super::requests::Requests;
use super::tally::Tally;

/// One connection, which never waits.
#[derive(Debug)]
pub struct Lane {
    stream: Pipe,
    requests: Requests,
    flight: Flight,
    begun: Begun,
    /// Lines that were made, of which `sent_bytes` were taken over by the system.
    out: Vec<u8>,
    sent_bytes: usize,
    has_to_wait: bool,
}

/// What a thread keeps for all of its connections.
#[derive(Debug)]
pub struct Desk {
    /// Room for what is read.
    pub room: Room,
    /// What was counted and timed.
    pub tally: Tally,
    /// The time of the run.
    pub clock: Clock,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// How many replies.
    pub replies: u64,
    /// When, in nanoseconds of the run.
    pub now_ns: u64,
}

impl Lane {
    /// A connection that is open, does not block, and has sent nothing.
    pub fn new(stream: Pipe, requests: Requests, depth: u32) -> Self {
        Self {
            stream,
            requests,
            flight: Flight::new(depth),
            begun: Begun::default(),
            out: Vec::new(),
            sent_bytes: 0,
            has_to_wait: false,
        }
    }

    /// The connection, to be watched.
    pub fn stream(&self) -> &Pipe {
        &self.stream
    }

    /// The requests that were made so far.
    pub fn sent(&self) -> Sent {
        self.requests.sent()
    }

    /// How many more requests may be in flight.
    pub fn room(&self) -> u64 {
        self.flight.room()
    }

    /// Whether the system did not take all that was to be sent.
    pub fn has_to_wait(&self) -> bool {
        self.has_to_wait
    }

    /// Makes `count` requests that were meant to go at this time; [`Lane::flush`] sends them.
    pub fn make(&mut self, count: u64, meant_ns: u64) {
        if self.sent_bytes == self.out.len() {
            self.out.clear();
            self.sent_bytes = 0;
        }
        self.requests.write(&mut self.out, count, &mut self.flight);
        self.flight.meant(meant_ns, count);
    }

    /// Hands over what waits to be sent, as much as the system takes; whether that was all.
    pub fn flush(&mut self) -> Result<bool, Fault> {
        while let Some(rest) = self.out.get(self.sent_bytes..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.sent_bytes += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.has_to_wait = true;
                    return Ok(false);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lost(Some(error))),
            }
        }
        // TLS may hold back what it was given.
        self.has_to_wait = match self.stream.flush() {
            Ok(()) => false,
            Err(error) if is_nothing(&error) => true,
            Err(error) => return Err(self.lost(Some(error))),
        };
        Ok(!self.has_to_wait)
    }

    /// Reads what has come, up to a block, and counts it.
    pub fn read(&mut self, desk: &mut Desk) -> Result<Came, Fault> {
        let count = match self.stream.read(desk.room.behind(&self.begun)) {
            Ok(0) => return Err(self.lost_after(None, &desk.tally)),
            Ok(count) => count,
            Err(error) if is_nothing(&error) => {
                return Ok(Came { replies: 0, now_ns: desk.clock.now_ns() });
            }
            Err(error) => return Err(self.lost_after(Some(error), &desk.tally)),
        };
        let now_ns = desk.clock.now_ns();
        let (flight, tally) = (&mut self.flight, &mut desk.tally);
        let replies = desk.room.take(&mut self.begun, count, |is_yes, line| {
            if !is_yes && tally.first_no.is_none() {
                tally.first_no = Some(String::from_utf8_lossy(line).into_owned());
            }
            flight.answered(is_yes, tally)
        })?;
        flight.time(replies, now_ns, tally);
        tally.mark(now_ns, replies);
        Ok(Came { replies, now_ns })
    }

    fn lost(&self, cause: Option<io::Error>) -> Fault {
        Fault::Lost { cause, unanswered: self.flight.count(), first_no: None }
    }

    fn lost_after(&self, cause: Option<io::Error>, tally: &Tally) -> Fault {
        Fault::Lost { cause, unanswered: self.flight.count(), first_no: tally.first_no.clone() }
    }
}

/// Whether there was only nothing to read.
fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
