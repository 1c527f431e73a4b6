//! The load generator, an instrument: many connections, each with requests in flight, over accounts of
//! its own; then the proof that each of them holds what the answers say, so that no money was made or
//! lost.
//!
//! It shares the machine with the server that it measures, so it does next to nothing per request:
//! lines are copied from patterns, replies are told by their first bytes, time is read once per
//! block of replies, and nothing is allocated once a run is under way. What it takes all the same is
//! measured and shown.
//! Not here: its flags (`verbs::bench`).
//!
//! **Invariant:** it touches no account but its own, and each of its tx_ids is used once.

pub mod baseline;
pub mod books;
pub mod choice;
pub mod clock;
pub mod disk;
pub mod drive;
pub mod expected;
pub mod fault;
pub mod figures;
pub mod flight;
pub mod html;
pub mod lane;
pub mod names;
pub mod pace;
pub mod process;
pub mod progress;
pub mod replies;
pub mod report;
pub mod requests;
pub mod run;
pub mod spread;
pub mod tally;
pub mod workload;

use choice::Dist;
use workload::Workload;

/// What to do to the server.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// What is asked.
    pub workload: Workload,
    /// How many connections.
    pub conns: u32,
    /// How many requests each connection keeps in flight; with a rate, how many it may have.
    pub depth: u32,
    /// How many requests become due in a second, over all connections; `None`: as many as are
    /// answered.
    pub rate: Option<u32>,
    /// Between how many accounts money moves; at least 2.
    pub accounts: u32,
    /// Which of them are chosen how often.
    pub dist: Dist,
    /// How many of 100 choices fall on one and the same account.
    pub hot_percent: u32,
    /// For how long before anything is measured, in seconds.
    pub warmup_secs: u32,
    /// For how long it is measured, in seconds.
    pub secs: u32,
    /// How often all of that.
    pub runs: u32,
    /// In how many threads the requests are made.
    pub threads: u32,
    /// What the choice of accounts and amounts follows from.
    pub seed: u64,
}

#[cfg(test)]
impl Load {
    /// A small load, for tests.
    pub fn of(workload: Workload, accounts: u32) -> Self {
        Self {
            workload,
            conns: 2,
            depth: 1,
            rate: None,
            accounts,
            dist: Dist::Uniform,
            hot_percent: 0,
            warmup_secs: 0,
            secs: 1,
            runs: 1,
            threads: 1,
            seed: 42,
        }
    }
}
