//! Deterministic simulation: the real engine and the real journal over a simulated disk, stepped by
//! hand from one seed, with power cuts, crashes of the process and failing calls wherever the seed
//! puts them; after each, everything that any client was told is held against what survived.
//! The index of history is real as well, and lies on a second disk of the same machine.
//!
//! From the bottom up: `random`, `image` (what a disk holds, frozen), `order` (the order of
//! events), `workload` (what the clients ask), `told` (what they were told), `asking`
//! (an engine at rest), `questions` (about history), `life` (one life of the server), `recovery` (from a crash to the next life), `invariants` (one file each), `run` and
//! `sweep`.
//!
//! **Invariant:** a run is a function of its seed and its [`Config`]; nothing reads a clock, and
//! nothing runs in parallel within a run.
//! **Invariant:** what is right is said by `ledger::model`, fed in the order of the surviving
//! journal, whose files are read here anew; never by the engine under test.

mod asking;
mod checkpoints;
mod config;
mod image;
mod invariants;
mod life;
mod order;
mod questions;
mod random;
mod recovery;
mod run;
mod stats;
mod sweep;
mod told;
mod violation;
mod workload;

pub use config::Config;
pub use run::run;
pub use stats::Stats;
pub use sweep::{Caught, sweep};
pub use violation::Violation;
