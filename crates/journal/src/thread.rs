//! The loops of the journal's two threads: the writer's and its helper's.

use std::time::{Duration, Instant};

use crate::ahead::Ahead;
use crate::disk::Disk;
use crate::error::JournalError;
use crate::writer::{Committed, Writer};

/// After so long without traffic an empty group is sealed.
const IDLE_SEAL_AFTER: Duration = Duration::from_millis(50);

/// How long to wait once it is: staging wakes the thread, so this bounds nothing that matters.
const IDLE_WAIT: Duration = Duration::from_secs(60);

impl<D: Disk> Writer<D> {
    /// Commits whatever is staged until staging is stopped, then returns. `on_commit` is told of
    /// each group after its sync, and how long that took from the moment it was taken; everything that
    /// is staged meanwhile makes the next group.
    /// On an error the journal has stopped.
    pub fn run(
        &mut self,
        mut on_commit: impl FnMut(Committed<'_>, Duration),
    ) -> Result<(), JournalError> {
        loop {
            // IMPORTANT: asked before the commit. Otherwise what is staged after a commit that
            // found nothing and before the stop is left behind, and whoever waits for its sync
            // waits for ever.
            let is_stopped = self.staging().is_stopped();
            let began = Instant::now();
            match self.commit()? {
                Some(committed) => on_commit(committed, began.elapsed()),
                None if is_stopped => return Ok(()),
                None => {
                    let wait = if self.is_sealed_idle() { IDLE_WAIT } else { IDLE_SEAL_AFTER };
                    if !self.staging().wait(wait) {
                        self.seal_idle()?;
                    }
                }
            }
        }
    }
}

impl<D: Disk> Ahead<D> {
    /// Takes every step that becomes due until the writer ends it: when it is closed, when it has
    /// failed, or when it is dropped. A failure of a step is the writer's to report.
    pub fn run(&mut self) {
        while self.wait() {
            self.step();
        }
    }
}
