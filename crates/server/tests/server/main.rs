//! The door over real sockets, with a bank behind it that is nothing but the ledger's model.
#![expect(clippy::unwrap_used, reason = "a test stops where its own words are wrong")]

mod answers;
mod bank;
mod books;
mod door;
mod feed;
mod history;
mod limits;
mod lines;
mod stopping;
