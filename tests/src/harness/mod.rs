//! What the tests stand on: a server in a folder of its own, a client of raw lines, verbs run as a
//! shell runs them, a reader of the log with a model of the bank, and random numbers from a seed.

mod binary;
mod folder;
mod journal;
mod layout;
mod model;
mod random;
mod run;
mod scripted;
mod server;
mod strace;
mod stuck;
mod terminal;
mod wire;

use std::time::{Duration, Instant};

pub use binary::{repository, saldo};
pub use folder::Folder;
pub use journal::{Event, Journal, Kind};
pub use layout::{Group, Layout, rehashed};
pub use model::Model;
pub use random::Random;
pub use run::{Ended, Run, clean, end, run};
pub use scripted::Scripted;
pub use server::{Serve, Server, signal};
pub use strace::{Strace, is_stalled, release};
pub use stuck::{QUESTIONS, stuck_client};
pub use terminal::Terminal;
pub use wire::Wire;

/// How long anything may take before it counts as never: far more than it needs, also on a machine
/// that is busy with other things.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks again and again until the condition gives something, and fails at the deadline.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}");
        // The condition decides; the pause only leaves the processor to whom it waits for.
        std::thread::sleep(Duration::from_millis(1));
    }
}
