//! The writer's helper: extends the padding of the active file before the writer needs it, and
//! prepares the file that comes after it.
//! Not here: when a step is due (`padding`), and the thread that takes the steps (`thread`).
//!
//! **Invariant:** the helper writes newlines and nothing else, and only behind the padding.
//! **Invariant:** after a write or a sync of it failed, nothing is acknowledged any more.

use std::io;
use std::sync::Arc;

use crate::active::{failed, pad};
use crate::disk::{Disk, is_full};
use crate::error::JournalError;
use crate::names::{ACTIVE, ACTIVE_NEW};
use crate::padding::{NextFile, Padding, Step, Stepped};
use crate::staging::Staging;

/// Pads ahead of one [`Writer`](crate::Writer), which works without it as well, but then stands
/// still while it extends the padding and prepares the next file by itself.
///
/// A thread calls [`Ahead::run`]; a simulation calls [`Ahead::step`] between the writer's own. The
/// writer ends it: after [`Writer::close`](crate::Writer::close), after a failure and after the
/// writer was dropped, no step begins and none is under way.
pub struct Ahead<D: Disk> {
    disk: Arc<D>,
    staging: Arc<Staging>,
    padding: Arc<Padding<D::File>>,
    /// The active file by its number. A handle of the helper's own, because the operating system
    /// tells a failed sync to every handle once: the writer must not miss one that took its group
    /// along.
    file: Option<(u64, D::File)>,
}

impl<D: Disk> Ahead<D> {
    pub(crate) fn new(disk: Arc<D>, staging: Arc<Staging>, padding: Arc<Padding<D::File>>) -> Self {
        Self { disk, staging, padding, file: None }
    }

    /// Takes one step if one is due: newlines, and a sync of them. `false` when there was nothing
    /// to do. A failure stops the staging; the writer's next call returns it.
    pub fn step(&mut self) -> bool {
        let Some((step, next)) = self.padding.begin() else { return false };
        let stepped = match step {
            Step::Active { file_number, from, to } => self.extend_active(file_number, from, to),
            Step::Next { from, to } => self.extend_next(next, from, to),
        };
        let has_failed = matches!(stepped, Stepped::Failed(_));
        self.padding.end(step, stepped);
        if has_failed {
            self.staging.stop();
        }
        true
    }

    pub(crate) fn wait(&self) -> bool {
        self.padding.wait_until_due()
    }

    fn extend_active(&mut self, file_number: u64, from: u64, to: u64) -> Stepped<D::File> {
        let held = self.file.take().filter(|(number, _)| *number == file_number);
        // The name stands for this file as long as the step lasts: the writer renames in none.
        let Some(file) = held.map(|(_, file)| file).or_else(|| self.disk.open(ACTIVE).ok()) else {
            return Stepped::NotBegun;
        };
        let extended = self.extend(&file, ACTIVE, from, to);
        self.file = Some((file_number, file));
        match extended {
            Ok((padded_to, is_full)) => Stepped::Active { padded_to, is_full },
            Err(error) => Stepped::Failed(error),
        }
    }

    fn extend_next(&self, next: Option<Arc<D::File>>, from: u64, to: u64) -> Stepped<D::File> {
        let Some(file) = next.or_else(|| self.create_next().map(Arc::new).ok()) else {
            return Stepped::NotBegun;
        };
        match self.extend(&file, ACTIVE_NEW, from, to) {
            Ok((padded_to, is_full)) => {
                Stepped::Next { next: NextFile { file, padded_to }, is_full }
            }
            Err(error) => Stepped::Failed(error),
        }
    }

    fn create_next(&self) -> io::Result<D::File> {
        match self.disk.create(ACTIVE_NEW) {
            // What a writer left that had no room for the whole of it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.disk.unlink(ACTIVE_NEW)?;
                self.disk.create(ACTIVE_NEW)
            }
            created => created,
        }
    }

    /// Pads from `from` to `to`, syncs, and returns how far that went and whether the disk is full.
    fn extend(
        &self,
        file: &D::File,
        name: &'static str,
        from: u64,
        to: u64,
    ) -> Result<(u64, bool), JournalError> {
        let (padded_to, stopped_by) = pad(&*self.disk, file, from, to);
        let is_full = match stopped_by {
            None => false,
            Some(source) if is_full(&source) => true,
            Some(source) => {
                return Err(JournalError::Failed { what: "padding", file: name, source });
            }
        };
        if padded_to > from {
            self.disk.sync_all(file).map_err(failed("sync", name))?;
        }
        Ok((padded_to, is_full))
    }
}
