//! How the bank is spoken to: the bytes of one line become a request or a refusal, and an outcome
//! becomes the bytes of a reply.
//!
//! * [`lines`] finds the lines, [`parse_line`] reads one, [`reply`] writes the answer;
//! * [`query`] has the questions about history, and their cursors;
//! * [`Refusal`] says what is wrong with a line, [`Code`] is the stable code of every `no`;
//! * [`limits`] has every bound of the wire.
//!
//! Not here: sockets and waiting (`server`), what a command does (`ledger`), when a reply may be
//! given (`engine`). `docs/protocol.md` says the same for people, and a test compares the two.
//!
//! **Invariant:** nothing here reads a clock, a file or a socket.
//! **Invariant:** a request that needs no unescaping borrows everything from its line; reading it
//! and writing its reply allocate nothing, but for lists of accounts and questions about history.
#![deny(clippy::indexing_slicing)]

mod code;
mod cursor;
mod escape;
mod fast;
mod fields;
pub mod foreign;
mod json;
pub mod limits;
pub mod lines;
mod plain;
pub mod query;
mod refusal;
pub mod reply;
mod request;
mod shown;
mod token;
mod whole;

pub use code::Code;
pub use refusal::{FieldFault, JsonFault, ListFault, Refusal};
pub use request::{Incoming, parse_line};
pub use token::{TOKEN_BYTES_MAX, Token};
