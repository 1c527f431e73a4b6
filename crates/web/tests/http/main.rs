//! The HTTP door over a real socket, before the model as an engine: the same small bank that the tests of
//! the other door have.
#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod access;
#[expect(dead_code, reason = "the tests of the other door use more of it")]
#[path = "../../../server/tests/server/bank.rs"]
mod bank;
#[path = "../../../server/tests/server/books.rs"]
mod books;
mod document;
mod door;
mod events;
mod limits;
mod lists;
mod problems;
mod reads;
mod server;
mod writes;
