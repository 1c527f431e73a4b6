//! One connection's closed loop: as many new transfers as answers came, in one write. Not here:
//! waiting for the socket (`load`).
//!
//! **Invariant:** nothing is allocated once every buffer has reached the size of `depth` requests
//! or answers.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::latency::Latencies;
use super::wire::Dialect;
use super::workload::Draw;

/// Room for answers: more than 64 of the longest.
const INBOX_BYTES: usize = 1 << 16;

/// How long the first words of a connection may take.
const GREETING_TIME_MAX: Duration = Duration::from_secs(30);

/// One connection.
#[derive(Debug)]
pub struct Lane {
    stream: TcpStream,
    dialect: Dialect,
    draw: Draw,
    /// Requests that were made, of which `sent_bytes` were taken over by the system.
    out: Vec<u8>,
    sent_bytes: usize,
    inbox: Vec<u8>,
    inbox_bytes: usize,
    /// When requests were made, and how many of those are not answered: oldest first.
    in_flight: VecDeque<(Instant, u32)>,
    /// Transfers that were acknowledged.
    pub acknowledged: u64,
}

impl Lane {
    /// Connects, says what the dialect wants said first, and then never blocks again.
    pub fn open(address: SocketAddr, dialect: Dialect, draw: Draw, depth: u32) -> Result<Self> {
        let mut stream = TcpStream::connect(address).context("connecting for the load")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(GREETING_TIME_MAX))?;
        dialect.greet(&mut stream)?;
        stream.set_nonblocking(true)?;
        let depth = usize::try_from(depth)?;
        Ok(Self {
            stream,
            dialect,
            draw,
            out: Vec::with_capacity(depth * 256),
            sent_bytes: 0,
            inbox: vec![0; INBOX_BYTES],
            inbox_bytes: 0,
            in_flight: VecDeque::with_capacity(depth),
            acknowledged: 0,
        })
    }

    /// The socket, to wait for.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether requests wait for the socket to take them.
    pub fn has_unsent(&self) -> bool {
        self.sent_bytes < self.out.len()
    }

    /// Whether every request is answered.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Makes `count` new transfers and sends what the socket takes.
    pub fn refill(&mut self, count: u32, now: Instant) -> Result<()> {
        for _ in 0..count {
            self.dialect.ask(&mut self.out, &self.draw.transfer());
        }
        if count > 0 {
            self.in_flight.push_back((now, count));
        }
        self.send()
    }

    /// Sends what the socket takes.
    pub fn send(&mut self) -> Result<()> {
        while let Some(rest) = self.out.get(self.sent_bytes..).filter(|rest| !rest.is_empty()) {
            match (&self.stream).write(rest) {
                Ok(0) => bail!("the server takes nothing more"),
                Ok(count) => self.sent_bytes += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("sending"),
            }
        }
        self.out.clear();
        self.sent_bytes = 0;
        Ok(())
    }

    /// Reads once, and gives how many transfers are newly acknowledged. Times them in `latencies`
    /// when they are wanted.
    pub fn receive(&mut self, latencies: Option<&mut Latencies>) -> Result<u32> {
        let room = self.inbox.get_mut(self.inbox_bytes..).unwrap_or_default();
        ensure!(!room.is_empty(), "an answer is longer than {INBOX_BYTES} bytes");
        match (&self.stream).read(room) {
            Ok(0) => bail!("the server closed a connection with requests in flight"),
            Ok(count) => self.inbox_bytes += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(0),
            Err(error) => return Err(error).context("receiving"),
        }
        let found = self.dialect.find(self.inbox.get(..self.inbox_bytes).unwrap_or_default())?;
        self.inbox.copy_within(found.bytes..self.inbox_bytes, 0);
        self.inbox_bytes -= found.bytes;
        self.acknowledged += u64::from(found.done);
        self.settle(found.done, latencies)?;
        Ok(found.done)
    }

    /// Takes `done` answers off the oldest requests.
    fn settle(&mut self, mut done: u32, mut latencies: Option<&mut Latencies>) -> Result<()> {
        let now = Instant::now();
        while done > 0 {
            let (made, waiting) =
                self.in_flight.front_mut().context("more answers came than requests went out")?;
            let answered = done.min(*waiting);
            if let Some(latencies) = latencies.as_deref_mut() {
                latencies.note(now - *made, answered);
            }
            done -= answered;
            *waiting -= answered;
            if *waiting == 0 {
                self.in_flight.pop_front();
            }
        }
        Ok(())
    }
}
