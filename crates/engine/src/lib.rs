//! Executes requests: the [`Engine`] seam, and the embedded engine that keeps the bank in this
//! process and its journal in one folder.
#![deny(clippy::indexing_slicing)]

mod chain;
#[cfg(feature = "promises")]
pub mod conformance;
pub mod embedded;
pub mod histogram;
#[cfg(feature = "mirror")]
pub mod mirror;
pub mod query;
mod seam;
pub mod vitals;

pub use chain::chain;
pub use query::{Query, Reading};
pub use seam::{Answered, BalanceReading, BoxFuture, Engine, Outcome, Request, Unavailable};
pub use vitals::Vitals;
