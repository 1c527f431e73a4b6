//! What the index's thread does next, and what it makes of a failure.
//!
//! The index is derived from the journal, so nothing that fails here loses anything. But what is not
//! written stays in memory: who cannot write it at all has to stop the server, as for the journal.
//! A merge only makes look-ups cheaper, and never does.

use std::io;
use std::time::{Duration, Instant};

use history::{HistoryError, Work};
use journal::JournalError;
use journal::disk::{Disk, is_full};

use super::OnFatal;
use super::threads::{Shared, Signal};
use crate::chain;

/// How long the thread rests when it has nothing to do.
const PAUSE: Duration = Duration::from_millis(20);

/// How often writing is tried again, and how long it waits before.
const WRITE_TRIES: u32 = 5;
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// How long nothing is merged after a merge failed: it may write a gigabyte before it fails again.
const MERGE_PAUSE: Duration = Duration::from_secs(600);

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// There is more to write.
    Flush,
    /// There is time for a step of a merge.
    Merge,
    Rest(Duration),
    /// What waits in memory cannot be written.
    Stop,
}

/// What went wrong so far.
#[derive(Default)]
struct Upkeep {
    /// Failures to write since the last run was written, whatever went well in between.
    write_failures: u32,
    /// Nothing is merged before.
    merge_from: Option<Instant>,
}

impl Upkeep {
    fn flushed(&mut self, outcome: &Result<Work, HistoryError>, now: Instant) -> Next {
        match outcome {
            Ok(Work::Idle) => {
                self.write_failures = 0;
                let may_merge = self.merge_from.is_none_or(|from| now >= from);
                if may_merge { Next::Merge } else { Next::Rest(PAUSE) }
            }
            Ok(Work::Flushed(_)) => {
                self.write_failures = 0;
                Next::Flush
            }
            Ok(Work::Sorted | Work::Merged) => Next::Flush,
            Err(_) if self.write_failures < WRITE_TRIES => {
                self.write_failures += 1;
                Next::Rest(RETRY_PAUSE)
            }
            Err(_) => Next::Stop,
        }
    }

    fn merged(&mut self, outcome: &Result<Work, HistoryError>, now: Instant) -> Next {
        match outcome {
            Ok(Work::Idle) => Next::Rest(PAUSE),
            Ok(Work::Merged | Work::Sorted | Work::Flushed(_)) => Next::Flush,
            Err(_) => {
                self.merge_from = Some(now + MERGE_PAUSE);
                Next::Flush
            }
        }
    }
}

/// Keeps the index up to date until it is told to stop.
pub(super) fn keep_index<D: Disk>(shared: &Shared<D>, signal: &Signal, on_fatal: &OnFatal) {
    let mut upkeep = Upkeep::default();
    let mut next = Next::Flush;
    loop {
        let outcome = match next {
            Next::Merge => shared.history.merge(),
            Next::Flush | Next::Rest(_) | Next::Stop => shared.flush_index(false),
        };
        if let Err(error) = &outcome {
            if let HistoryError::Damaged { .. } = error {
                // Nothing mends it but the next start, which finds it gone.
                drop(shared.history.discard());
            }
            let what = if next == Next::Merge { "merged" } else { "written" };
            tracing::warn!(event = "index_failed", error = %chain(error),
                "the index could not be {what}; again later");
        }
        let now = Instant::now();
        next = match next {
            Next::Merge => upkeep.merged(&outcome, now),
            Next::Flush | Next::Rest(_) | Next::Stop => upkeep.flushed(&outcome, now),
        };
        match (next, outcome) {
            (Next::Rest(pause), _) if !signal.wait(pause) => return,
            (Next::Stop, Err(error)) => {
                shared.stop_staging();
                shared.durability.stop();
                on_fatal(&not_written(error));
                return;
            }
            _ if signal.is_to_stop() => return,
            _ => {}
        }
    }
}

/// What stops the server. A full disk is told apart: it is the user's to mend.
fn not_written(error: HistoryError) -> JournalError {
    match error {
        HistoryError::Disk(source) if is_full(&source) => {
            JournalError::DiskFull { file: "index", source }
        }
        HistoryError::Disk(_) | HistoryError::Damaged { .. } | HistoryError::Nameless { .. } => {
            let source = io::Error::other(error);
            JournalError::Failed { what: "writing", file: "index", source }
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::Seq;

    use super::*;

    fn failed() -> Result<Work, HistoryError> {
        Err(HistoryError::Disk(io::ErrorKind::StorageFull.into()))
    }

    #[test]
    fn a_merge_that_always_fails_is_tried_seldom_and_never_stops_the_server() {
        let (mut upkeep, mut now) = (Upkeep::default(), Instant::now());
        let mut merges = 0;
        for _ in 0..10_000 {
            now += MERGE_PAUSE / 1_000;
            match upkeep.flushed(&Ok(Work::Idle), now) {
                Next::Merge => {
                    merges += 1;
                    // It begins well, each time.
                    assert_eq!(upkeep.merged(&Ok(Work::Merged), now), Next::Flush);
                    assert_eq!(upkeep.flushed(&Ok(Work::Idle), now), Next::Merge);
                    assert_eq!(upkeep.merged(&failed(), now), Next::Flush);
                }
                next @ (Next::Flush | Next::Rest(_) | Next::Stop) => {
                    assert_eq!(next, Next::Rest(PAUSE));
                }
            }
        }
        assert_eq!(merges, 10);
    }

    #[test]
    fn a_run_that_cannot_be_written_stops_the_server_though_chunks_are_sorted_in_between() {
        let (mut upkeep, now) = (Upkeep::default(), Instant::now());
        for _ in 0..WRITE_TRIES {
            assert_eq!(upkeep.flushed(&failed(), now), Next::Rest(RETRY_PAUSE));
            assert_eq!(upkeep.flushed(&Ok(Work::Sorted), now), Next::Flush);
        }
        assert_eq!(upkeep.flushed(&failed(), now), Next::Stop);
        let mut upkeep = Upkeep::default();
        for _ in 0..2 * WRITE_TRIES {
            assert_eq!(upkeep.flushed(&failed(), now), Next::Rest(RETRY_PAUSE));
            assert_eq!(upkeep.flushed(&Ok(Work::Flushed(Seq::new(1))), now), Next::Flush);
        }
    }

    #[test]
    fn an_index_that_finds_no_room_is_told_as_a_full_disk() {
        let full = not_written(HistoryError::Disk(io::ErrorKind::StorageFull.into()));
        assert!(matches!(full, JournalError::DiskFull { file: "index", .. }), "{full}");
        let failed = not_written(HistoryError::Disk(io::ErrorKind::Other.into()));
        assert!(matches!(failed, JournalError::Failed { .. }), "{failed}");
    }
}
