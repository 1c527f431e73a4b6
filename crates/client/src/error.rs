//! What can go wrong on the way to an answer. The bank's own no is none of these: it is an answer
//! ([`crate::reply::Refusal`]).

use std::io;
use std::time::Duration;

use ledger::TxId;
use thiserror::Error;

use crate::connection::REPLY_BYTES_MAX;
use crate::reply::ReplyFault;

/// No answer. Each variant tells what is certain about the request.
#[derive(Debug, Error)]
pub enum Error {
    /// Nothing was sent: it certainly did not happen, and may be asked again at will.
    #[error("the server is not reachable")]
    Unreachable(#[source] Fault),
    /// A question was sent and not answered. Questions change nothing and may be asked again.
    #[error("no answer came")]
    NoAnswer(#[source] Fault),
    /// A write was sent, whole or in part, and no answer came: it may have happened. Ask again with
    /// the same tx_id.
    #[error("a write was sent and no answer came; it may have happened")]
    OutcomeUnknown {
        /// The tx_id to ask with; `None` for a shutdown, which has none.
        tx_id: Option<TxId<'static>>,
        /// What ended the last attempt.
        #[source]
        cause: Fault,
    },
    /// Something answered, but not in this protocol. A write may have happened.
    #[error("the answer is no reply of this protocol")]
    BadReply {
        /// The tx_id of the write; `None` for a question and for a shutdown.
        tx_id: Option<TxId<'static>>,
        /// How the answer begins: at most [`BadLine::BYTES_MAX`] bytes, what is no UTF-8 replaced.
        line: BadLine,
        /// What is wrong with it.
        #[source]
        cause: ReplyFault,
    },
}

/// What ended an attempt.
#[derive(Debug, Error)]
pub enum Fault {
    /// The system said so: refused, reset, no such host.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The time given was over.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The server's last words were that it cannot do it now, or does not know; its code.
    #[error("the server answered {0}")]
    Refused(String),
    /// The server does not know who asks, or does not want them.
    #[error("{error}")]
    NotLetIn {
        /// The code.
        code: String,
        /// The server's words.
        error: String,
    },
    /// A token would be sent to another machine without TLS.
    #[error(
        "a token is sent to other machines by TLS alone: name the server as saldos://host:port"
    )]
    TokenInTheClear,
    /// The server is one that speaks TLS, and nobody said whom to believe.
    #[error("no authorities for TLS are set up")]
    NoTls,
    /// A reply line has more than [`REPLY_BYTES_MAX`] bytes.
    #[error("a reply line has more than {REPLY_BYTES_MAX} bytes")]
    ReplyTooLong,
}

/// The beginning of an answer that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine(String);

impl BadLine {
    /// Most bytes of the answer that are kept.
    pub const BYTES_MAX: usize = 200;

    /// Keeps the beginning of `line`.
    pub fn new(line: &[u8]) -> Self {
        let kept = line.get(..Self::BYTES_MAX).unwrap_or(line);
        Self(String::from_utf8_lossy(kept).into_owned())
    }

    /// The text that was kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
