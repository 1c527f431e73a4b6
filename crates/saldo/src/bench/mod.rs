//! The load generator: many connections, each with a fixed number of transfers in flight, over
//! accounts of its own; then the proof that no money was made or lost.
//!
//! It shares the machine with the server that it measures, so it does next to nothing per request:
//! lines are copied from a pattern, replies are counted by their first bytes, and time is read once
//! per block of replies.
//! Not here: its flags and how its figures are shown (`verbs::bench`).
//!
//! **Invariant:** it touches no account but its own, and each of its tx_ids is used once.

pub mod books;
pub mod fault;
pub mod lane;
pub mod names;
pub mod progress;
pub mod replies;
pub mod report;
pub mod requests;
pub mod run;
pub mod tally;

/// What to do to the server.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many connections.
    pub conns: u32,
    /// How many transfers each connection keeps in flight.
    pub depth: u32,
    /// Between how many accounts money moves; at least 2.
    pub accounts: u32,
    /// For how long, in seconds.
    pub secs: u32,
    /// How many of 100 transfers pay into one and the same account.
    pub hot_percent: u32,
    /// What the choice of accounts and amounts follows from.
    pub seed: u64,
}
