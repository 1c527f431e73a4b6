//! The three languages that the peers speak, as bytes: how a transfer is asked for, and how its
//! answer is recognised. Not here: sockets, except for a connection's first words (`greet`).
//!
//! **Invariant:** an answer that is no plain "done" is a fault. The workload is made so that no
//! peer has a reason to refuse.

pub mod lines;
pub mod postgres;
pub mod resp;

use std::io::{Read, Write};

use anyhow::Result;

use super::workload::Transfer;

/// A language.
#[derive(Clone, Copy, Debug)]
pub enum Dialect {
    /// JSON, one object per line: Saldo and the original.
    Lines,
    /// Redis, calling the script with this digest.
    Resp([u8; resp::DIGEST_BYTES]),
    /// PostgreSQL, calling the prepared statement.
    Postgres,
}

/// What was found at the beginning of the bytes received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Bytes of whole answers; what is behind them is not whole yet.
    pub bytes: usize,
    /// Transfers done.
    pub done: u32,
}

impl Dialect {
    /// Says what a connection must say once, before its first transfer.
    pub fn greet(self, stream: &mut (impl Read + Write)) -> Result<()> {
        match self {
            Self::Lines | Self::Resp(_) => Ok(()),
            Self::Postgres => postgres::greet_and_prepare(stream),
        }
    }

    /// Appends the request.
    pub fn ask(self, out: &mut Vec<u8>, transfer: &Transfer) {
        match self {
            Self::Lines => lines::ask(out, transfer),
            Self::Resp(digest) => resp::ask(out, &digest, transfer),
            Self::Postgres => postgres::ask(out, transfer),
        }
    }

    /// Counts the whole answers in `received`.
    ///
    /// Errors: an answer that is no plain "done", with its text.
    pub fn find(self, received: &[u8]) -> Result<Found> {
        match self {
            Self::Lines => lines::find(received),
            Self::Resp(_) => resp::find(received),
            Self::Postgres => postgres::find(received),
        }
    }

    /// What the answer to a transfer contains whose tx_id was seen before.
    pub fn mark_of_duplicate(self) -> &'static [u8] {
        match self {
            Self::Lines => br#""duplicate":"#,
            Self::Resp(_) => b"*1\r\n:2\r\n",
            Self::Postgres => b"(2,",
        }
    }
}

/// A piece of an answer for an error message.
fn excerpt(bytes: &[u8]) -> String {
    let shown = bytes.get(..200).unwrap_or(bytes);
    shown.escape_ascii().to_string()
}
