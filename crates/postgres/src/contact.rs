//! What the log says of the database while it does not answer: that it is lost, now and then that it
//! still is, and that it is back, whichever connection noticed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often it is said that the database is still lost.
const SAID_EVERY: Duration = Duration::from_secs(5);

/// Whether the database answers.
#[derive(Default)]
pub(crate) struct Contact {
    /// Looked at with each success, which must cost nothing.
    is_lost: AtomicBool,
    lost: Mutex<Option<Lost>>,
}

#[derive(Clone, Copy)]
struct Lost {
    since: Instant,
    said: Instant,
}

/// What is worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Lost,
    StillLost { for_secs: u64 },
    Back { after_ms: u128 },
    Nothing,
}

impl Contact {
    /// Something was not answered. `why`: for the log.
    pub(crate) fn failed(&self, why: &str) {
        match self.failed_at(Instant::now()) {
            Said::Lost => tracing::warn!(target: "postgres", event = "database_lost", "{why}"),
            Said::StillLost { for_secs } => {
                tracing::warn!(target: "postgres", event = "database_still_lost", for_secs, "{why}");
            }
            Said::Back { .. } | Said::Nothing => {
                tracing::debug!(target: "postgres", event = "database_failed", "{why}");
            }
        }
    }

    /// Something was answered.
    pub(crate) fn succeeded(&self) {
        if let Said::Back { after_ms } = self.succeeded_at(Instant::now()) {
            tracing::info!(target: "postgres", event = "database_back", after_ms,
                "the database answers again");
        }
    }

    /// Whether the last attempt was answered.
    pub(crate) fn is_there(&self) -> bool {
        !self.is_lost.load(Ordering::Acquire)
    }

    fn failed_at(&self, now: Instant) -> Said {
        let mut lost = self.lock();
        self.is_lost.store(true, Ordering::Release);
        let Some(before) = &mut *lost else {
            *lost = Some(Lost { since: now, said: now });
            return Said::Lost;
        };
        if now.saturating_duration_since(before.said) < SAID_EVERY {
            return Said::Nothing;
        }
        before.said = now;
        Said::StillLost { for_secs: now.saturating_duration_since(before.since).as_secs() }
    }

    fn succeeded_at(&self, now: Instant) -> Said {
        if !self.is_lost.load(Ordering::Acquire) {
            return Said::Nothing;
        }
        let mut lost = self.lock();
        self.is_lost.store(false, Ordering::Release);
        lost.take().map_or(Said::Nothing, |lost| Said::Back {
            after_ms: now.saturating_duration_since(lost.since).as_millis(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Lost>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_once_then_every_five_seconds_and_so_is_its_end() {
        let (contact, began) = (Contact::default(), Instant::now());
        let at = |ms| began + Duration::from_millis(ms);
        assert_eq!(contact.succeeded_at(at(0)), Said::Nothing);
        assert_eq!(contact.failed_at(at(0)), Said::Lost);
        assert_eq!(contact.failed_at(at(4_999)), Said::Nothing);
        assert_eq!(contact.failed_at(at(5_000)), Said::StillLost { for_secs: 5 });
        assert_eq!(contact.failed_at(at(9_000)), Said::Nothing);
        assert_eq!(contact.failed_at(at(12_000)), Said::StillLost { for_secs: 12 });
        assert_eq!(contact.succeeded_at(at(12_500)), Said::Back { after_ms: 12_500 });
        assert_eq!(contact.succeeded_at(at(12_600)), Said::Nothing);
        assert_eq!(contact.failed_at(at(13_000)), Said::Lost);
    }
}
