//! The only hand that writes the journal: groups with their seals, padding, rotation.
//! Not here: what to write (`staging`), the thread that calls this (`thread`), reading back
//! (`scan`, `recover`).
//!
//! **Invariant:** at most one group is written and not yet synced. Recovery rests on it: a valid
//! seal behind damage proves that the damaged bytes were once durable.
//! **Invariant:** a group is written only into bytes that were padded and synced before, so that
//! its sync needs no metadata.
//! **Invariant:** after a failed write, sync or rename this process writes nothing more.

use std::io;
use std::sync::Arc;

use ledger::Seq;

use crate::disk::{Disk, read_full_at, write_all_at};
use crate::error::JournalError;
use crate::hash::Hash;
use crate::header::{Genesis, Header};
use crate::limits::{READ_BYTES_MAX, SEAL_BYTES_MAX, Sizes};
use crate::names::{ACTIVE, ACTIVE_NEW, closed_segment};
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
    disk: Arc<D>,
    sizes: Sizes,
    plants: Plants,
    genesis: Genesis,
    staging: Arc<Staging>,
    position: Arc<Mutex<Position>>,
    file: D::File,
    /// First seq of the active file.
    file_first: Seq,
    /// Where the next group goes, in bytes from the start of the file.
    end: u64,
    /// Up to where the file is padded and synced.
    padded_to: u64,
    link: Link,
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

/// The active file as recovery leaves it.
pub(crate) struct ActiveFile<F> {
    pub(crate) file: F,
    pub(crate) first: Seq,
    pub(crate) end: u64,
    pub(crate) padded_to: u64,
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
            file_first: active.first,
            end: active.end,
            padded_to: active.padded_to,
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

    /// Writes and syncs the next group; `None` when nothing is staged. On an error the journal
    /// has stopped: staging refuses, and the outcome of what was staged is unknown.
    pub fn commit(&mut self) -> Result<Option<Committed<'_>>, JournalError> {
        let written = self.guarded(Self::commit_next)?;
        Ok(written.map(|Written { cut, traces_start, bytes, file_first, offset }| {
            let traces = self.taken.traces.slice(traces_start, cut.traces_end, cut.first);
            Committed { head: cut.head, bytes, traces, file_first, offset }
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

    /// Closes the journal: commits what is staged, seals, and cuts the file to its real length.
    /// Staging must have been stopped.
    pub fn close(&mut self) -> Result<(), JournalError> {
        while self.commit()?.is_some() {}
        self.seal_idle()?;
        self.guarded(|writer| {
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
        let result = step(self);
        if result.is_err() {
            self.failed = true;
            self.staging.stop();
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

    /// Writes the bytes of a group with its seal, syncs them, and only then counts them.
    fn write_group(&mut self, bytes: &[u8], seal: Seal) -> Result<u64, JournalError> {
        let len = bytes.len() as u64;
        self.pad_for(len)?;
        write_all_at(&*self.disk, &self.file, bytes, self.end).map_err(failed("write", ACTIVE))?;
        if !self.plants.has(Planted::NoSync) {
            self.disk.sync_data(&self.file).map_err(failed("sync", ACTIVE))?;
        }
        self.end = self.end.strict_add(len);
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

    /// Extends the padding until `len` more bytes fit in it and one is left: a file without any
    /// padding is the mark of a clean stop.
    fn pad_for(&mut self, len: u64) -> Result<(), JournalError> {
        let needed = self.end.strict_add(len);
        if needed < self.padded_to {
            return Ok(());
        }
        let step = pad_step(&self.sizes, self.padded_to);
        let target = needed.max(self.padded_to).strict_add(step);
        let (padded_to, stopped_by) = pad(&*self.disk, &self.file, self.padded_to, target);
        match stopped_by {
            // A disk that is nearly full takes less than a whole step, and that may do for now.
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

    /// Closes the active file under a name of its own and begins the next one. Every crash
    /// between two of these steps leaves a folder that recovery takes.
    fn rotate(&mut self) -> Result<(), JournalError> {
        let full = |source: io::Error| {
            if is_full(&source) {
                JournalError::DiskFull { file: ACTIVE_NEW, source }
            } else {
                JournalError::Failed { what: "creation", file: ACTIVE_NEW, source }
            }
        };
        let Link { last, hash, world, .. } = self.link;
        let header = Header::new(self.genesis.clone(), last.next(), world, hash);
        let next = create_active_aside(&*self.disk, &self.sizes, &header, None).map_err(full)?;
        self.disk.sync_all(&next.file).map_err(failed("sync", ACTIVE_NEW))?;

        self.disk.set_len(&self.file, self.end).map_err(failed("cut", ACTIVE))?;
        self.disk.sync_all(&self.file).map_err(failed("sync", ACTIVE))?;
        let closed = closed_segment(self.file_first, last);
        let names = self.disk.list().map_err(failed("list", ACTIVE))?;
        if names.contains(&closed) {
            let taken = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(failed("rename", ACTIVE)(taken));
        }
        self.disk.rename(ACTIVE, &closed).map_err(failed("rename", ACTIVE))?;
        // IMPORTANT: synced between the two renames. Otherwise the second may become durable
        // alone and replace the file that the first was to keep.
        self.sync_folder()?;
        self.disk.rename(ACTIVE_NEW, ACTIVE).map_err(failed("rename", ACTIVE_NEW))?;
        self.sync_folder()?;

        self.file = next.file;
        self.file_first = next.first;
        self.end = next.end;
        self.padded_to = next.padded_to;
        Ok(())
    }

    fn sync_folder(&self) -> Result<(), JournalError> {
        if self.plants.has(Planted::NoFolderSync) {
            return Ok(());
        }
        self.disk.sync_dir().map_err(failed("sync of the folder", ACTIVE))
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

/// The proven groups of a file: bytes `start` to `end`.
pub(crate) struct ProvenGroups<'f, F> {
    pub(crate) file: &'f F,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Writes `header`, a copy of `groups` and padding into a new file beside the active one.
/// The caller syncs it and gives it its name.
pub(crate) fn create_active_aside<D: Disk>(
    disk: &D,
    sizes: &Sizes,
    header: &Header,
    groups: Option<ProvenGroups<'_, D::File>>,
) -> io::Result<ActiveFile<D::File>> {
    if disk.list()?.iter().any(|name| name == ACTIVE_NEW) {
        disk.unlink(ACTIVE_NEW)?;
    }
    let file = disk.create(ACTIVE_NEW)?;
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    write_all_at(disk, &file, &bytes, 0)?;
    let mut end = bytes.len() as u64;
    if let Some(groups) = groups {
        copy(disk, &groups, &file, end)?;
        end = end.strict_add(groups.end.strict_sub(groups.start));
        // The seal of a group at the very end of a file may have lost its newline.
        let mut last = [0];
        read_full_at(disk, &file, &mut last, end - 1)?;
        if last != [b'\n'] {
            write_all_at(disk, &file, b"\n", end)?;
            end = end.strict_add(1);
        }
    }
    let padded_to = end.strict_add(pad_step(sizes, end));
    if let (_, Some(error)) = pad(disk, &file, end, padded_to) {
        return Err(error);
    }
    Ok(ActiveFile { file, first: header.first, end, padded_to })
}

fn copy<D: Disk>(
    disk: &D,
    groups: &ProvenGroups<'_, D::File>,
    to: &D::File,
    mut to_offset: u64,
) -> io::Result<()> {
    let left = usize::try_from(groups.end.strict_sub(groups.start)).unwrap_or(READ_BYTES_MAX);
    let mut bytes = vec![0; left.min(READ_BYTES_MAX)];
    let mut offset = groups.start;
    while offset < groups.end {
        let left = groups.end.strict_sub(offset);
        let len = usize::try_from(left).unwrap_or(bytes.len()).min(bytes.len());
        let Some(space) = bytes.get_mut(..len) else { break };
        if read_full_at(disk, groups.file, space, offset)? < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all_at(disk, to, space, to_offset)?;
        offset = offset.strict_add(len as u64);
        to_offset = to_offset.strict_add(len as u64);
    }
    Ok(())
}

/// How much padding to add to a file of `len` bytes: as much as it holds, within bounds, so that
/// a small bank stays small and a busy one is seldom interrupted.
pub(crate) fn pad_step(sizes: &Sizes, len: u64) -> u64 {
    len.clamp(sizes.pad_step_bytes_min, sizes.pad_step_bytes_max)
}

/// Writes newlines from byte `from` to byte `to`; returns how far it got, and what stopped it.
pub(crate) fn pad<D: Disk>(
    disk: &D,
    file: &D::File,
    from: u64,
    to: u64,
) -> (u64, Option<io::Error>) {
    const NEWLINES: &[u8] = &[b'\n'; 64 << 10];
    let mut offset = from;
    while offset < to {
        let len = usize::try_from(to - offset).unwrap_or(NEWLINES.len()).min(NEWLINES.len());
        let newlines = NEWLINES.get(..len).unwrap_or_default();
        if let Err(error) = write_all_at(disk, file, newlines, offset) {
            return (offset, Some(error));
        }
        offset = offset.strict_add(len as u64);
    }
    (offset, None)
}

/// Whether the disk, or this user's part of it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

pub(crate) fn failed(
    what: &'static str,
    file: &'static str,
) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Failed { what, file, source }
}
