//! One TCP connection: lines out, lines in, in order. It keeps no opinion on what the lines say.
//! Not here: what may be sent again after a loss (`client`).
//!
//! **Invariant:** the server is read while it is written to, so that neither side waits for the
//! other with full buffers, however many requests are sent at once.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::error::Fault;
use crate::reply;
use crate::request;
use crate::route::Route;
use crate::stream::Stream;

/// Most bytes of one reply line, its newline not counted. The longest honest reply answers a
/// request line of 1 MiB full of the shortest names with some 60 bytes each.
pub const REPLY_BYTES_MAX: usize = 16 << 20;

/// How much the buffer of a connection grows at a time, in bytes.
const READ_BYTES: usize = 64 << 10;

/// An open connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
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
    /// Connects, without delaying small packets, shakes hands where the server speaks TLS, and logs in
    /// where there is a token. Tries every address that the host's name has.
    /// `deadline` ends the attempt with `TimedOut(timeout)`. Errors: `Io`, `TimedOut`, `NotLetIn`,
    /// `TokenInTheClear`, `NoTls`, `Closed`.
    pub async fn open(route: &Route, timeout: Duration, deadline: Instant) -> Result<Self, Fault> {
        match timeout_at(deadline, Self::enter(route)).await {
            Ok(opened) => opened,
            Err(_elapsed) => Err(Fault::TimedOut(timeout)),
        }
    }

    async fn enter(route: &Route) -> Result<Self, Fault> {
        let stream = TcpStream::connect(route.address.as_str()).await?;
        stream.set_nodelay(true)?;
        let is_near = stream.peer_addr()?.ip().to_canonical().is_loopback();
        let token = route.token_for(is_near)?;
        let stream = match route.tls()? {
            None => Stream::Plain(stream),
            Some((tls, name)) => {
                let connector = TlsConnector::from(tls.0.clone());
                Stream::Tls(Box::new(connector.connect(name, stream).await?))
            }
        };
        let mut connection = Self { stream, received: Received::default() };
        if let Some(token) = token {
            let mut line = Vec::new();
            request::auth(&mut line, token);
            connection.stream.write_all(&line).await?;
            connection.stream.flush().await?;
            reply::let_in(connection.next_line().await?)?;
        }
        Ok(connection)
    }

    /// This connection, if nothing has come that nobody asked for: neither the end of the connection
    /// nor bytes that would be taken for the answer to the next request. Ask before using a connection
    /// that was idle.
    pub fn if_quiet(mut self) -> Option<Self> {
        let (mut one, mut waiting) = ([0], Context::from_waker(Waker::noop()));
        let mut into = ReadBuf::new(&mut one);
        let nothing_came =
            Pin::new(&mut self.stream).poll_read(&mut waiting, &mut into).is_pending();
        (nothing_came && self.received.waiting_bytes() == 0).then_some(self)
    }

    /// Sends `lines`, each with its newline, and waits for no answer. Errors: `Io`, `TimedOut`.
    pub async fn send(
        &mut self,
        lines: &[u8],
        timeout: Duration,
        deadline: Instant,
    ) -> Result<(), Fault> {
        let sending = async {
            self.stream.write_all(lines).await?;
            self.stream.flush().await
        };
        match timeout_at(deadline, sending).await {
            Ok(sent) => Ok(sent?),
            Err(_elapsed) => Err(Fault::TimedOut(timeout)),
        }
    }

    /// The next line that comes, whenever that is, without its newline. A call that is dropped before
    /// it resolves takes nothing. Errors: `Io`, `Closed`, `ReplyTooLong`.
    pub async fn next_line(&mut self) -> Result<Vec<u8>, Fault> {
        let mut lines = Vec::new();
        receive(&mut self.stream, &mut self.received, 1, &mut lines).await?;
        lines.pop().ok_or(Fault::Closed)
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
        let (read_half, write_half) = tokio::io::split(&mut self.stream);
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

async fn send(
    mut out: impl AsyncWrite + Unpin,
    lines: &[u8],
    sent_bytes: &mut usize,
) -> Result<(), Fault> {
    while let Some(rest) = lines.get(*sent_bytes..).filter(|rest| !rest.is_empty()) {
        *sent_bytes += out.write(rest).await?;
    }
    out.flush().await?;
    Ok(())
}

async fn receive(
    mut from: impl AsyncRead + Unpin,
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
