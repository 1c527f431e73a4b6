//! One TCP connection: lines out, lines in, in order. It keeps no opinion on what the lines say.
//! Not here: what may be sent again after a loss (`client`).
//!
//! **Invariant:** the server is read while it is written to, so that neither side waits for the
//! other with full buffers, however many requests are sent at once.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::error::Fault;

/// Most bytes of one reply line, its newline not counted. The longest honest reply answers a
/// request line of 1 MiB full of the shortest names with some 60 bytes each.
pub const REPLY_BYTES_MAX: usize = 16 << 20;

/// How much the buffer of a connection grows at a time, in bytes.
const READ_BYTES: usize = 64 << 10;

/// An open connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Received,
}

/// What an [`Connection::exchange`] brought.
#[derive(Debug)]
pub struct Exchange {
    /// The replies that came whole, in order, each without its newline.
    pub replies: Vec<Vec<u8>>,
    /// How many bytes of the requests the system took over. Zero: the server saw nothing of them.
    pub sent_bytes: usize,
    /// Why there are fewer replies than asked for; `None` when all came.
    pub fault: Option<Fault>,
}

/// Bytes that came and were not handed out yet.
#[derive(Debug, Default)]
struct Received {
    bytes: Vec<u8>,
    /// Where the first line that was not handed out begins.
    begin: usize,
    /// Up to here there is no newline after `begin`.
    searched: usize,
}

impl Connection {
    /// Connects, without delaying small packets. Tries every address that the host's name has.
    /// `deadline` ends the attempt with `TimedOut(timeout)`. Errors: `Io`, `TimedOut`.
    pub async fn open(
        address: &Address,
        timeout: Duration,
        deadline: Instant,
    ) -> Result<Self, Fault> {
        let connecting = TcpStream::connect(address.as_str());
        let stream = match timeout_at(deadline, connecting).await {
            Ok(connected) => connected?,
            Err(_elapsed) => return Err(Fault::TimedOut(timeout)),
        };
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Received::default() })
    }

    /// Whether nothing has come that nobody asked for: neither the end of the connection nor bytes
    /// that would be taken for the answer to the next request. Ask before using a connection that
    /// was idle.
    pub fn is_quiet(&self) -> bool {
        let mut one = [0];
        let nothing_came = matches!(
            self.stream.try_read(&mut one),
            Err(error) if error.kind() == ErrorKind::WouldBlock
        );
        nothing_came && self.received.waiting_bytes() == 0
    }

    /// Sends `lines` (any number of them, each with its newline) and reads `count` reply lines,
    /// both at once. What came before a failure is in the result beside it. After a fault the
    /// connection is of no more use: replies of unknown number may be on their way.
    /// `timeout` is what a `TimedOut` at `deadline` tells.
    pub async fn exchange(
        &mut self,
        lines: &[u8],
        count: usize,
        timeout: Duration,
        deadline: Instant,
    ) -> Exchange {
        let (read_half, write_half) = self.stream.split();
        let mut replies = Vec::new();
        let mut sent_bytes = 0;
        let working = both(
            send(write_half, lines, &mut sent_bytes),
            receive(read_half, &mut self.received, count, &mut replies),
        );
        let fault = match timeout_at(deadline, working).await {
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(fault),
            Err(_elapsed) => Some(Fault::TimedOut(timeout)),
        };
        Exchange { replies, sent_bytes, fault }
    }
}

/// Runs both, and ends when `receiving` ends: a server that refuses what it is being sent answers
/// before it closes, and that answer must be read although the sending has failed.
async fn both(
    sending: impl Future<Output = Result<(), Fault>>,
    receiving: impl Future<Output = Result<(), Fault>>,
) -> Result<(), Fault> {
    let mut receiving = std::pin::pin!(receiving);
    tokio::select! {
        biased;
        sent = sending => match (sent, receiving.await) {
            (_, Ok(())) => Ok(()),
            // The failure that came first tells more than the end of file that follows from it.
            (Err(first), Err(Fault::Closed)) => Err(first),
            (_, Err(fault)) => Err(fault),
        },
        received = &mut receiving => received,
    }
}

async fn send(mut out: WriteHalf<'_>, lines: &[u8], sent_bytes: &mut usize) -> Result<(), Fault> {
    while let Some(rest) = lines.get(*sent_bytes..).filter(|rest| !rest.is_empty()) {
        *sent_bytes += out.write(rest).await?;
    }
    Ok(())
}

async fn receive(
    mut from: ReadHalf<'_>,
    received: &mut Received,
    count: usize,
    replies: &mut Vec<Vec<u8>>,
) -> Result<(), Fault> {
    while replies.len() < count {
        if let Some(line) = received.take_line() {
            replies.push(line);
            continue;
        }
        if received.waiting_bytes() > REPLY_BYTES_MAX {
            return Err(Fault::ReplyTooLong);
        }
        received.bytes.reserve(READ_BYTES);
        if from.read_buf(&mut received.bytes).await? == 0 {
            return Err(Fault::Closed);
        }
    }
    Ok(())
}

impl Received {
    /// The next whole line, without its newline.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let unsearched = self.bytes.get(self.searched..)?;
        let Some(distance) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            self.forget_read();
            return None;
        };
        let end = self.searched + distance;
        let line = self.bytes.get(self.begin..end)?.to_vec();
        self.begin = end + 1;
        self.searched = self.begin;
        Some(line)
    }

    /// Drops the bytes of lines that were handed out.
    fn forget_read(&mut self) {
        self.bytes.drain(..self.begin);
        self.searched -= self.begin;
        self.begin = 0;
    }

    /// How many bytes of an unfinished line wait.
    fn waiting_bytes(&self) -> usize {
        self.bytes.len() - self.begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_handed_out_whole_wherever_the_network_cuts_them() {
        let text = b"first\n\nthird is longer\nfourth\n";
        for cut in 0..=text.len() {
            let mut received = Received::default();
            let mut lines = Vec::new();
            for part in [&text[..cut], &text[cut..]] {
                received.bytes.extend_from_slice(part);
                while let Some(line) = received.take_line() {
                    lines.push(String::from_utf8(line).unwrap());
                }
            }
            assert_eq!(lines, ["first", "", "third is longer", "fourth"], "cut at {cut}");
            assert_eq!(received.waiting_bytes(), 0);
        }
    }
}
