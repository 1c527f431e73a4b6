//! How the server ends a connection: with one line that says why, so that the client reads it.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use engine::Unavailable;
use ledger::Seq;
use protocol::{Code, reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::desk::No;
use crate::feed::FeedEnd;
use crate::options::{AUTH_LINE_BYTES_MAX, LINGER, LINGER_BYTES_MAX};
use crate::wire::Wire;

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LastWord {
    /// There are as many connections as there may be.
    #[error("too many connections, the limit is {connections_max}")]
    TooManyConnections {
        /// The limit.
        connections_max: usize,
    },
    /// All the memory for long lines is in use.
    #[error("too many long lines at once, send shorter ones or come again later")]
    TooManyLongLines,
    /// A line is longer than the limit.
    #[error("a line has at most {line_bytes_max} bytes")]
    LineTooLong {
        /// The limit.
        line_bytes_max: usize,
    },
    /// There are as many connections from one address as there may be.
    #[error("too many connections from this address, the limit is {per_address_max}")]
    TooManyFromAddress {
        /// The limit.
        per_address_max: usize,
    },
    /// A line before `auth` is too long for one.
    #[error("the first line must be an auth, and has at most {AUTH_LINE_BYTES_MAX} bytes")]
    AuthTooLong,
    /// No `auth` came in time.
    #[error("no auth came in time")]
    AuthLate,
    /// Whoever asked is not known any more.
    #[error("the token was revoked, changed or is at its end")]
    Revoked,
    /// A follower sent a request.
    #[error("a connection that follows takes no more requests")]
    FollowerSpoke,
    /// A follower was too slow.
    #[error(transparent)]
    Behind(FeedEnd),
    /// There is nothing more to follow, or not now.
    #[error("{0}")]
    Unavailable(Unavailable),
    /// It is not allowed.
    #[error(transparent)]
    No(No),
    /// The client speaks HTTP.
    #[error(
        "HTTP is not spoken here: send one JSON object per line, such as \
         {{\"cmd\":\"balance\",\"user\":\"alice\"}}"
    )]
    HttpNotSpoken,
}

impl LastWord {
    fn code(self) -> Code {
        match self {
            Self::TooManyConnections { .. }
            | Self::TooManyFromAddress { .. }
            | Self::TooManyLongLines => Code::Overloaded,
            Self::AuthTooLong | Self::AuthLate | Self::Revoked => Code::Unauthenticated,
            Self::FollowerSpoke => Code::InvalidRequest,
            Self::Behind(_) => Code::Behind,
            Self::Unavailable(why) => crate::batch::code_of(why),
            Self::No(no) => no.code(),
            Self::LineTooLong { .. } => Code::LineTooLong,
            Self::HttpNotSpoken => Code::HttpNotSpoken,
        }
    }

    fn line(self, as_of: Seq) -> Vec<u8> {
        let mut line = Vec::new();
        reply::failed(&mut line, self.code(), &self.to_string(), as_of, None);
        line
    }
}

/// Says the last word and closes.
pub(crate) async fn say<S: Wire>(
    mut stream: S,
    word: LastWord,
    as_of: Seq,
    write_timeout: Duration,
) -> io::Result<()> {
    let line = word.line(as_of);
    let said = async {
        stream.write_all(&line).await?;
        stream.flush().await
    };
    timeout(write_timeout, said).await??;
    close(stream).await
}

/// Closes so that what was written arrives: a client that is still sending is read and forgotten
/// for [`LINGER`] and [`LINGER_BYTES_MAX`] at most; see there.
pub(crate) async fn close<S: Wire>(mut stream: S) -> io::Result<()> {
    stream.shutdown().await?;
    let forget = async {
        let mut forgotten = vec![0; 16 << 10];
        let mut left = LINGER_BYTES_MAX;
        while left > 0 {
            match stream.read(&mut forgotten).await? {
                0 => break,
                bytes => left = left.saturating_sub(bytes),
            }
        }
        io::Result::Ok(())
    };
    match timeout(LINGER, forget).await {
        Ok(ended) => ended,
        // It goes on sending: what it was told is out of our hands now.
        Err(_) => Ok(()),
    }
}

/// Says the last word to a connection that was only just accepted, waiting for nothing.
pub(crate) fn say_at_once(stream: TcpStream, word: LastWord, as_of: Seq) -> io::Result<()> {
    // The runtime does not know yet whether a new socket can be written to; the kernel does.
    let mut stream = stream.into_std()?;
    stream.write_all(&word.line(as_of))?;
    stream.shutdown(Shutdown::Write)?;
    // Closing over unread bytes would reset the connection; most clients sent nothing yet.
    match stream.read(&mut [0; 4 << 10]) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}
