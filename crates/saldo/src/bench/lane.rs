//! One connection's closed loop: as many new transfers as replies came, all in one write.
//!
//! **Invariant:** it reads while it waits to write, so that a server which stops reading until its
//! replies are taken never stops for ever.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::fault::Fault;
use super::replies::Replies;
use super::requests::Requests;
use super::tally::Tally;

/// One connection.
#[derive(Debug)]
pub struct Lane {
    stream: TcpStream,
    requests: Requests,
    replies: Replies,
    /// Lines that were made, of which `sent_bytes` were taken over by the system.
    out: Vec<u8>,
    sent_bytes: usize,
    /// When requests were handed over, and how many of those are not answered: oldest first.
    in_flight: VecDeque<(Instant, u64)>,
    in_flight_count: u64,
    tally: Tally,
}

impl Lane {
    /// A connection that is open and has sent nothing.
    pub fn new(stream: TcpStream, requests: Requests, tally: Tally) -> Self {
        Self {
            stream,
            requests,
            replies: Replies::new(),
            out: Vec::new(),
            sent_bytes: 0,
            in_flight: VecDeque::new(),
            in_flight_count: 0,
            tally,
        }
    }

    /// Keeps `depth` transfers in flight until `end`, then reads the replies that are still to come.
    /// Adds to `answered` what it reads, for the progress shown.
    pub async fn drive(
        mut self,
        depth: u32,
        end: Instant,
        answered: &AtomicU64,
    ) -> Result<Tally, Fault> {
        self.refill(u64::from(depth), Instant::now());
        while self.in_flight_count > 0 {
            let count = match poll_fn(|context| self.poll_turn(context)).await {
                Ok(0) => return Err(self.lost(None)),
                Ok(count) => count,
                Err(error) => return Err(self.lost(Some(error))),
            };
            let now = Instant::now();
            let counted = self.replies.take(count)?;
            let replies = counted.yes + counted.no;
            self.tally.count(counted);
            self.settle(replies, now);
            answered.fetch_add(replies, Ordering::Relaxed);
            if now < end {
                self.refill(replies, now);
            }
        }
        Ok(self.tally)
    }

    /// Writes what waits to be written and reads what has come: how many bytes, 0 at the end.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some(rest) = self.out.get(self.sent_bytes..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(written) => self.sent_bytes += written?,
                Poll::Pending => break,
            }
        }
        let mut room = ReadBuf::new(self.replies.room());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut room))?;
        Poll::Ready(Ok(room.filled().len()))
    }

    /// Makes `count` new requests.
    fn refill(&mut self, count: u64, now: Instant) {
        if count == 0 {
            return;
        }
        if self.sent_bytes == self.out.len() {
            self.out.clear();
            self.sent_bytes = 0;
        }
        self.requests.write(&mut self.out, usize::try_from(count).unwrap_or_default());
        self.in_flight.push_back((now, count));
        self.in_flight_count += count;
    }

    /// Times the replies that came, which belong to the oldest requests.
    fn settle(&mut self, mut replies: u64, now: Instant) {
        self.in_flight_count = self.in_flight_count.saturating_sub(replies);
        while replies > 0 {
            let Some((sent, waiting)) = self.in_flight.front_mut() else { return };
            let answered = replies.min(*waiting);
            self.tally.time(now - *sent, answered);
            replies -= answered;
            *waiting -= answered;
            if *waiting == 0 {
                self.in_flight.pop_front();
            }
        }
    }

    fn lost(self, cause: Option<io::Error>) -> Fault {
        Fault::Lost { cause, unanswered: self.in_flight_count, first_no: self.tally.first_no }
    }
}
