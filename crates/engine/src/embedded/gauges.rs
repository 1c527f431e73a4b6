//! Numbers that the threads of the engine keep for whoever watches it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ledger::Seq;

use super::clock::now_us;
use crate::histogram::{Buckets, Histogram};
use crate::vitals::CheckpointVitals;

/// Events per group: what a busy journal commits at once is some thousands.
const EVENTS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384];

/// Microseconds of a commit: from a fast drive to one that stands still.
const COMMIT_US: &[u64] = &[
    50, 100, 200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000,
    1_000_000, 10_000_000,
];

/// What is counted; written by the journal's thread and the checkpointer.
#[derive(Debug)]
pub(super) struct Gauges {
    group_events: Histogram,
    commit_us: Histogram,
    checkpoint: Mutex<Option<CheckpointVitals>>,
}

impl Default for Gauges {
    fn default() -> Self {
        Self {
            group_events: Histogram::new(EVENTS),
            commit_us: Histogram::new(COMMIT_US),
            checkpoint: Mutex::new(None),
        }
    }
}

impl Gauges {
    /// A group was committed.
    pub(super) fn committed(&self, events: u64, took: Duration) {
        self.group_events.add(events);
        self.commit_us.add(micros(took));
    }

    /// A checkpoint was published, behind which replay starts at `seq`.
    pub(super) fn checkpointed(&self, seq: Seq, took: Duration) {
        let made = CheckpointVitals { seq, at_us: now_us(), took_us: micros(took) };
        *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
    }

    pub(super) fn checkpoint(&self) -> Option<CheckpointVitals> {
        *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn group_events(&self) -> Buckets {
        self.group_events.read()
    }

    pub(super) fn commit_us(&self) -> Buckets {
        self.commit_us.read()
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
