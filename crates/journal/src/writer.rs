//! The only hand that writes events: groups with their seals.
//! Not here: what to write (`staging`), the thread that calls this (`thread`), padding ahead of it
//! (`ahead`), the next file (`rotate`), reading back (`scan`, `recover`).
//!
//! **Invariant:** at most one group is written and not yet synced. Recovery rests on it: a valid
//! seal behind damage proves that the damaged bytes were once durable.
//! **Invariant:** a group is written only into bytes that were padded and synced before, so that
//! its sync needs no metadata.
//! **Invariant:** after a failed write, sync or rename this process writes nothing more.

use std::io;
use std::sync::Arc;

use ledger::Seq;

use crate::active::{ActiveFile, failed, pad};
use crate::ahead::Ahead;
use crate::disk::{Disk, is_full, write_all_at};
use crate::error::JournalError;
use crate::hash::Hash;
use crate::header::{FORMAT_WITH_BY, Genesis};
use crate::limits::{SEAL_BYTES_MAX, Sizes};
use crate::names::{ACTIVE, ACTIVE_NEW};
use crate::padding::Padding;
use crate::planted::{Planted, Plants};
use crate::scan::Link;
use crate::seal::Seal;
use crate::staging::{Cut, Head, Staging, Taken};
use crate::sync::{Mutex, lock};
use crate::trace::TraceSlice;

/// The durable end of the journal, shared with whoever makes snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Last event whose group was synced.
    pub seq: Seq,
    /// Hash of the seal of that group.
    pub seal: Hash,
    /// Bytes of groups and seals that this process has written.
    pub bytes_written: u64,
}

/// One committed group.
#[derive(Clone, Copy, Debug)]
pub struct Committed<'w> {
    /// The journal as it is durable now.
    pub head: Head,
    /// Hash of the group's seal.
    pub seal: Hash,
    /// Bytes of the group with its seal.
    pub bytes: u64,
    /// The events of the group.
    pub traces: TraceSlice<'w>,
    /// Seq of the first event of the file that the group is in.
    pub file_first: Seq,
    /// Byte of that file at which the group begins.
    pub offset: u64,
}

/// Owns the active file.
pub struct Writer<D: Disk> {
    pub(crate) disk: Arc<D>,
    pub(crate) sizes: Sizes,
    pub(crate) plants: Plants,
    pub(crate) genesis: Genesis,
    staging: Arc<Staging>,
    position: Arc<Mutex<Position>>,
    pub(crate) file: D::File,
    /// Format of the active file.
    pub(crate) file_format: u64,
    /// First seq of the active file.
    pub(crate) file_first: Seq,
    /// Where the next group goes, in bytes from the start of the file.
    pub(crate) end: u64,
    /// Up to where the file is padded and synced, as far as the writer has asked.
    pub(crate) padded_to: u64,
    pub(crate) padding: Arc<Padding<D::File>>,
    pub(crate) link: Link,
    taken: Taken,
    /// The next of `taken.cuts`, and where its group begins.
    next_cut: usize,
    next_start: usize,
    next_traces_start: usize,
    /// A group with its seal, when it cannot be sealed where it stands.
    scratch: Vec<u8>,
    failed: bool,
}

/// A group that was written and synced.
struct Written {
    cut: Cut,
    traces_start: usize,
    bytes: u64,
    file_first: Seq,
    offset: u64,
}

impl<D: Disk> Writer<D> {
    pub(crate) fn new(
        disk: Arc<D>,
        sizes: Sizes,
        plants: Plants,
        genesis: Genesis,
        staging: Arc<Staging>,
        active: ActiveFile<D::File>,
        link: Link,
    ) -> Self {
        let position = Position { seq: link.last, seal: link.hash, bytes_written: 0 };
        Self {
            disk,
            sizes,
            plants,
            genesis,
            staging,
            position: Arc::new(Mutex::new(position)),
            file: active.file,
            file_format: active.format,
            file_first: active.first,
            end: active.end,
            padded_to: active.padded_to,
            padding: Arc::new(Padding::new(sizes, active.end, active.padded_to)),
            link,
            taken: Taken::default(),
            next_cut: 0,
            next_start: 0,
            next_traces_start: 0,
            scratch: Vec::new(),
            failed: false,
        }
    }

    /// A handle on the durable end of the journal.
    pub fn position(&self) -> PositionHandle {
        PositionHandle(Arc::clone(&self.position))
    }

    /// The staging that this writer empties.
    pub fn staging(&self) -> &Arc<Staging> {
        &self.staging
    }

    /// The helper of this writer, for a thread of its own. There should be one at a time.
    pub fn ahead(&self) -> Ahead<D> {
        let (disk, staging) = (Arc::clone(&self.disk), Arc::clone(&self.staging));
        Ahead::new(disk, staging, Arc::clone(&self.padding))
    }

    /// Writes and syncs the next group; `None` when nothing is staged. On an error the journal
    /// has stopped: staging refuses, and the outcome of what was staged is unknown.
    pub fn commit(&mut self) -> Result<Option<Committed<'_>>, JournalError> {
        let written = self.guarded(Self::commit_next)?;
        Ok(written.map(|Written { cut, traces_start, bytes, file_first, offset }| {
            let traces = self.taken.traces.slice(traces_start, cut.traces_end, cut.first);
            Committed { head: cut.head, seal: self.link.hash, bytes, traces, file_first, offset }
        }))
    }

    /// Seals an empty group, unless the last one was: it turns damage to the last acknowledged
    /// group from what looks like a torn tail into proven corruption.
    pub fn seal_idle(&mut self) -> Result<bool, JournalError> {
        if self.link.last_group_empty {
            return Ok(false);
        }
        self.guarded(|writer| {
            let Link { last, hash, world, .. } = writer.link;
            let seal = Seal::over(last.next(), last, world, hash, &[]);
            let mut line = Vec::with_capacity(SEAL_BYTES_MAX);
            seal.encode(&mut line);
            writer.write_group(&line, seal)?;
            Ok(true)
        })
    }

    /// Whether the last group is an empty one.
    pub fn is_sealed_idle(&self) -> bool {
        self.link.last_group_empty
    }

    /// Closes the journal: commits what is staged, seals, ends the helper, and cuts the file to
    /// its real length. Staging must have been stopped.
    pub fn close(&mut self) -> Result<(), JournalError> {
        while self.commit()?.is_some() {}
        self.seal_idle()?;
        self.guarded(|writer| {
            if writer.padding.hold_all()?.is_some() {
                // Should it stay, the next start removes it.
                drop(writer.disk.unlink(ACTIVE_NEW));
            }
            writer.padding.stop();
            writer.disk.set_len(&writer.file, writer.end).map_err(failed("cut", ACTIVE))?;
            writer.disk.sync_all(&writer.file).map_err(failed("sync", ACTIVE))?;
            writer.padded_to = writer.end;
            Ok(())
        })
    }

    /// Runs `step` unless an earlier one failed; stops everything when it fails.
    fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        if self.failed {
            return Err(JournalError::Stopped);
        }
        let result = self.padding.failure().and_then(|()| step(self));
        if result.is_err() {
            self.failed = true;
            self.staging.stop();
            self.padding.stop();
        }
        result
    }

    fn commit_next(&mut self) -> Result<Option<Written>, JournalError> {
        if self.next_cut == self.taken.cuts.len() {
            self.next_cut = 0;
            self.next_start = 0;
            self.next_traces_start = 0;
            if self.end >= self.sizes.segment_bytes_max {
                // Not behind the group that filled the file: its answers would wait for this.
                self.rotate()?;
            }
            if !self.staging.take(&mut self.taken) {
                return Ok(None);
            }
            if self.taken.named {
                self.see_to_the_format()?;
            }
        }
        let Some(cut) = self.taken.cuts.get(self.next_cut).copied() else { return Ok(None) };
        let (start, traces_start) = (self.next_start, self.next_traces_start);
        self.next_cut += 1;
        self.next_start = cut.end;
        self.next_traces_start = cut.traces_end;
        let group = self.taken.bytes.get(start..cut.end).unwrap_or_default();
        let seal = Seal::over(cut.first, cut.head.seq, cut.head.world, self.link.hash, group);
        // The last group is sealed where it stands; an earlier one has its successor behind it.
        let in_place = self.next_cut == self.taken.cuts.len();
        let mut sealed = if in_place {
            std::mem::take(&mut self.taken.bytes)
        } else {
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            scratch.extend_from_slice(group);
            scratch
        };
        let start = if in_place { start } else { 0 };
        seal.encode(&mut sealed);
        let (file_first, offset) = (self.file_first, self.end);
        let written = self.write_group(sealed.get(start..).unwrap_or_default(), seal);
        if in_place {
            self.taken.bytes = sealed;
        } else {
            self.scratch = sealed;
        }
        let bytes = written?;
        Ok(Some(Written { cut, traces_start, bytes, file_first, offset }))
    }

    /// Sees to it that events that say who did them go into a file whose format has room for that.
    /// A file of an earlier format is closed; one that holds no event has nothing to be closed for:
    /// it goes on as it is, and programs that know only its format refuse its lines one by one.
    fn see_to_the_format(&mut self) -> Result<(), JournalError> {
        if self.file_format < FORMAT_WITH_BY && self.link.last >= self.file_first {
            self.rotate()?;
        }
        Ok(())
    }

    /// Writes the bytes of a group with its seal, syncs them, and only then counts them.
    fn write_group(&mut self, bytes: &[u8], seal: Seal) -> Result<u64, JournalError> {
        let len = bytes.len() as u64;
        self.pad_for(len)?;
        write_all_at(&*self.disk, &self.file, bytes, self.end).map_err(failed("write", ACTIVE))?;
        if !self.plants.has(Planted::NoSync) {
            self.disk.sync_data(&self.file).map_err(failed("sync", ACTIVE))?;
        }
        let end = self.end.strict_add(len);
        // IMPORTANT: asked between the sync and the acknowledgement. A sync of the helper that
        // failed may have taken this group along.
        self.padding.written(end)?;
        self.end = end;
        self.link = Link {
            last: seal.last,
            hash: seal.hash,
            last_group_empty: seal.is_empty(),
            world: seal.world,
        };
        let mut position = lock(&self.position);
        let bytes_written = position.bytes_written.strict_add(len);
        *position = Position { seq: seal.last, seal: seal.hash, bytes_written };
        Ok(len)
    }

    /// Sees to it that `len` more bytes fit into the padding and one is left: a file without any
    /// padding is the mark of a clean stop.
    fn pad_for(&mut self, len: u64) -> Result<(), JournalError> {
        let needed = self.end.strict_add(len);
        if needed < self.padded_to {
            return Ok(());
        }
        let padded_to = self.padding.hold_active()?;
        self.padded_to = padded_to;
        if needed >= padded_to {
            // There is no helper, or it is late: a whole step, so that it does not stay late.
            let step = self.sizes.pad_step_bytes(padded_to);
            self.extend(needed, needed.max(padded_to).strict_add(step))?;
        }
        self.padding.extended(self.padded_to);
        Ok(())
    }

    /// Extends the padding to `target`, or as far as a disk that is nearly full allows, as long as
    /// that is more than `needed`.
    fn extend(&mut self, needed: u64, target: u64) -> Result<(), JournalError> {
        let (mut padded_to, mut stopped_by) = pad(&*self.disk, &self.file, self.padded_to, target);
        let is_short = |padded_to: u64, stopped_by: &Option<io::Error>| {
            padded_to <= needed && stopped_by.as_ref().is_some_and(is_full)
        };
        if is_short(padded_to, &stopped_by) && self.padding.take_next_back()?.is_some() {
            // The file that was prepared for later has what is needed now.
            self.disk.unlink(ACTIVE_NEW).map_err(failed("unlink", ACTIVE_NEW))?;
            (padded_to, stopped_by) = pad(&*self.disk, &self.file, padded_to, target);
        }
        match stopped_by {
            Some(source) if is_full(&source) && padded_to <= needed => {
                return Err(JournalError::DiskFull { file: ACTIVE, source });
            }
            Some(source) if !is_full(&source) => {
                return Err(JournalError::Failed { what: "padding", file: ACTIVE, source });
            }
            _ => {}
        }
        self.disk.sync_all(&self.file).map_err(failed("sync", ACTIVE))?;
        self.padded_to = padded_to;
        Ok(())
    }
}

impl<D: Disk> Drop for Writer<D> {
    fn drop(&mut self) {
        self.padding.stop();
    }
}

/// Reads the durable end of the journal.
#[derive(Clone)]
pub struct PositionHandle(Arc<Mutex<Position>>);

impl PositionHandle {
    /// The durable end now.
    pub fn get(&self) -> Position {
        *lock(&self.0)
    }
}
