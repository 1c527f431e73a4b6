//! How a life ends: what failed, whether it had a cause, and what the server must do then.

use journal::{CheckpointError, JournalError};

use crate::invariants::stopped;
use crate::run::{Run, Trouble};
use crate::violation::{Broken, Holds};

use super::{Doing, Ending, Life, Step};

impl Life<'_, '_> {
    pub(super) fn checkpoint_ended(&mut self, doing: Doing, error: &CheckpointError) -> Step {
        match error {
            // The snapshot before still serves; production tries again later.
            CheckpointError::Write(_) if !self.run.is_down() => {
                self.must_have_a_cause(&error.to_string())?;
                Ok(None)
            }
            CheckpointError::Write(_) => self.went_down(doing),
            CheckpointError::Fatal(_) if self.run.is_down() => self.went_down(doing),
            CheckpointError::Fatal(error) => {
                self.core.staging().stop();
                self.stopped(error)
            }
        }
    }

    /// A call failed and the journal with it.
    pub(super) fn ended(&mut self, doing: Doing, error: &JournalError) -> Step {
        if self.run.is_down() {
            return self.went_down(doing);
        }
        stopped::writes_nothing_more(&mut self.writer)?;
        self.stopped(error)
    }

    pub(super) fn stopped(&mut self, error: &JournalError) -> Step {
        self.must_have_a_cause(&error.to_string())?;
        let (core, recaller) = (self.core, &self.recaller);
        self.run.in_peace(|| stopped::takes_nothing_more(core, recaller))?;
        self.run.stats.journal_stops += 1;
        self.run.stats.disks_full += u64::from(matches!(error, JournalError::DiskFull { .. }));
        Ok(Some(Ending::Stopped))
    }

    pub(super) fn must_have_a_cause(&self, error: &str) -> Holds {
        let full = self.run.trouble == Trouble::FullDisk;
        if full || self.run.faults_met() > self.faults_met {
            return Ok(());
        }
        Err(Broken::new("the journal stops for a failing call alone", error))
    }

    pub(super) fn went_down(&mut self, doing: Doing) -> Step {
        let Run { stats, disk, .. } = &mut *self.run;
        let names = disk.names();
        let has = |name: &str| names.iter().any(|known| known == name);
        // The helper prepares the next file long before the rotation.
        let rotating =
            !has("transactions.log") || (self.ahead.is_none() && has("transactions.log.new"));
        *match doing {
            Doing::Commit if rotating => &mut stats.down_in_rotation,
            Doing::Commit => &mut stats.down_in_commit,
            Doing::IdleSeal => &mut stats.down_in_idle_seal,
            Doing::Padding => &mut stats.down_in_padding,
            Doing::Index => &mut stats.down_in_index,
            Doing::Reading => &mut stats.down_in_reading,
            Doing::Checkpoint => &mut stats.down_in_checkpoint,
            Doing::CleanStop => &mut stats.down_in_clean_stop,
        } += 1;
        Ok(Some(Ending::Crashed))
    }
}
