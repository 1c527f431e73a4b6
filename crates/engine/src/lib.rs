//! Executes requests: the [`Engine`] seam and the embedded engine.

mod seam;

pub use seam::{BalanceReading, BoxFuture, Engine, Outcome, Request, Unavailable};
