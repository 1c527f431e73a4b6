//! The door over real sockets, with a bank behind it that is nothing but the ledger's model.
#![expect(clippy::unwrap_used, reason = "a test stops where its own words are wrong")]

mod access;
mod answers;
mod bank;
mod books;
mod door;
mod feed;
mod follow;
mod history;
mod limits;
mod lines;
mod stopping;
mod tls;
