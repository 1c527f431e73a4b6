//! The Rust client of the bank: one JSON object per line over TCP, pipelined, and repeated by
//! tx_id when an answer is lost.
//!
//! [`Client`] asks one thing at a time, within a total timeout, and knows what may be repeated.
//! [`Route`] says how a server is reached: its address, a token, TLS.
//! [`Connection`] is the door below it: lines out, lines in, no opinion. [`request`] writes the
//! lines, [`reply`] reads them; both have a `history` of their own.
//! Not here: how an answer is shown, and what a person should do about an error (`saldo`).
//!
//! **Invariant:** a write that may have happened is never reported as one that did not.
//! **Invariant:** a write is repeated only with the tx_id of its first sending.
//! **Invariant:** every wait has a deadline, every reply line a limit.

mod address;
mod client;
mod connection;
mod error;
mod history;
mod pipe;
pub mod reply;
pub mod request;
mod route;
mod stream;

pub use address::{Address, AddressFault};
pub use client::{Client, new_tx_id};
pub use connection::{Connection, Exchange, REPLY_BYTES_MAX};
pub use error::{BadLine, Error, Fault};
pub use pipe::Pipe;
pub use route::{ClientTls, Route, TlsFault};
