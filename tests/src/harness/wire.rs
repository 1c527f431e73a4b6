//! A client of raw lines: what is sent is exactly what the test says, replies are any JSON.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::DEADLINE;

/// A connection.
pub struct Wire {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
    deadline: Duration,
}

impl Wire {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address, DEADLINE).unwrap()
    }

    /// Connects, where the server may be gone; a reply that takes longer than `deadline` fails the
    /// test.
    pub fn try_connect(address: SocketAddr, deadline: Duration) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(deadline))?;
        stream.set_write_timeout(Some(deadline))?;
        let replies = BufReader::new(stream.try_clone()?);
        Ok(Self { stream, replies, deadline })
    }

    /// The same connection for another thread. Replies that this one has buffered stay here.
    pub fn another_hand(&self) -> Self {
        let stream = self.stream.try_clone().unwrap();
        let replies = BufReader::new(stream.try_clone().unwrap());
        Self { stream, replies, deadline: self.deadline }
    }

    /// Its port on this side.
    pub fn port(&self) -> u16 {
        self.stream.local_addr().unwrap().port()
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    /// The same, where the server may be gone.
    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends one line.
    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// Closes the sending half.
    pub fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The next line, without its end; `None` when the connection has ended.
    pub fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.replies.read_until(b'\n', &mut line) {
            Ok(_) if line.last() == Some(&b'\n') => {
                line.pop();
                Some(String::from_utf8(line).unwrap())
            }
            // The end; half a line is none.
            Ok(_) => None,
            Err(error) if is_end(error.kind()) => None,
            Err(error) => panic!("no reply within {:?}: {error}", self.deadline),
        }
    }

    /// The next reply.
    pub fn reply(&mut self) -> Value {
        self.reply_or_end().expect("the server closed the connection")
    }

    /// The next reply; `None` when the connection has ended.
    pub fn reply_or_end(&mut self) -> Option<Value> {
        let line = self.line()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// Sends a line and reads its reply.
    pub fn ask(&mut self, line: &str) -> Value {
        self.say(line);
        self.reply()
    }

    /// The reply to a line; `None` when the connection has ended.
    pub fn reply_to(&mut self, line: &str) -> Option<Value> {
        self.try_send(format!("{line}\n").as_bytes()).ok()?;
        self.reply_or_end()
    }

    /// What the account holds, and the position of that answer.
    pub fn balance(&mut self, user: &str) -> (i64, u64) {
        let asked = serde_json::json!({"cmd": "balance", "user": user});
        let reply = self.ask(&asked.to_string());
        assert_eq!(reply["ok"], true, "{reply}");
        (reply["balance"].as_i64().unwrap(), reply["as_of"].as_u64().unwrap())
    }

    /// Whether no byte has come that was not read yet.
    pub fn is_silent(&mut self) -> bool {
        if !self.replies.buffer().is_empty() {
            return false;
        }
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Checks that the server says nothing more and closes.
    pub fn ends(mut self) {
        let mut rest = Vec::new();
        match self.replies.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert!(is_end(error.kind()), "still open: {error}"),
        }
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}

/// Whether the error is one of the ways in which a connection ends when the other side is gone.
fn is_end(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}
