//! The state of a simulated machine, and what each call does to it once nothing stands in its way.
//!
//! **Invariant:** a file is forgotten only when no name can lead to it, not even after a power cut,
//! and no handle is open on it.

use std::{collections::BTreeMap, io};

use rustix::io::Errno;
use thiserror::Error;

use super::{
    PowerLoss,
    content::Content,
    directory::{Directory, FileId},
    plan::Plan,
    random::Random,
};
use crate::disk::name::{self, LOCK};

/// The longest file, in bytes, so that a wild offset cannot take the memory of the test machine.
const FILE_BYTES_MAX: usize = 1 << 30;

/// One power cut in this many tears a sector.
const TORN_ONE_IN: usize = 8;

/// Why a call reached nobody.
#[derive(Debug, Error)]
pub(super) enum Dead {
    #[error("the simulated machine is down")]
    Down,
    #[error("the handle is from before a crash of the simulated machine")]
    Stale,
}

impl From<Dead> for io::Error {
    fn from(dead: Dead) -> Self {
        Self::other(dead)
    }
}

#[derive(Debug)]
struct Held {
    content: Content,
    handles: usize,
    /// How many syncs of it failed.
    sync_failures: u64,
}

impl Held {
    const fn new(content: Content, handles: usize) -> Self {
        Self { content, handles, sync_failures: 0 }
    }
}

#[derive(Debug)]
pub(super) struct State {
    /// How many crashes there were. What was opened in an earlier life is dead.
    pub(super) life: u64,
    pub(super) is_down: bool,
    pub(super) plan: Plan,
    /// Syncs wait until this is false.
    pub(super) holds_syncs: bool,
    /// How many of the next reads are held, how many are, and how often these were let go.
    pub(super) reads_to_hold: usize,
    pub(super) reads_waiting: usize,
    pub(super) reads_releases: u64,
    /// How often held syncs were let go: a sync waits for the next time after it came.
    pub(super) releases: u64,
    pub(super) syncs_waiting: usize,
    /// Syncs return success and do nothing.
    pub(super) lies: bool,
    pub(super) capacity_bytes: Option<u64>,
    files: BTreeMap<FileId, Held>,
    directory: Directory,
    has_quarantine: bool,
    is_locked: bool,
    file_next: u64,
    random: Random,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            life: 0,
            is_down: false,
            plan: Plan::default(),
            holds_syncs: false,
            reads_to_hold: 0,
            reads_waiting: 0,
            reads_releases: 0,
            releases: 0,
            syncs_waiting: 0,
            lies: false,
            capacity_bytes: None,
            files: BTreeMap::new(),
            directory: Directory::default(),
            has_quarantine: false,
            is_locked: false,
            file_next: 0,
            random: Random::new(seed),
        }
    }

    pub(super) const fn must_live(&self, life: u64) -> Result<(), Dead> {
        if self.life != life {
            Err(Dead::Stale)
        } else if self.is_down {
            Err(Dead::Down)
        } else {
            Ok(())
        }
    }

    // Names.

    pub(super) fn create(&mut self, name: &str) -> io::Result<FileId> {
        self.must_have_folder_of(name)?;
        if self.directory.find(name).is_some() {
            return Err(Errno::EXIST.into());
        }
        let file = self.add(Held::new(Content::default(), 1));
        self.directory.enter(name, file);
        Ok(file)
    }

    pub(super) fn open(&mut self, name: &str) -> io::Result<FileId> {
        let file = self.find(name)?;
        self.held_mut(file)?.handles += 1;
        Ok(file)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.find(from)?;
        self.must_have_folder_of(to)?;
        // Two names of one file: rename(2) leaves both as they are.
        if self.directory.find(to) != Some(file) {
            self.directory.rename(from, to, file);
        }
        Ok(())
    }

    pub(super) fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.find(from)?;
        self.must_have_folder_of(to)?;
        if self.directory.find(to).is_some() {
            return Err(Errno::EXIST.into());
        }
        self.directory.enter(to, file);
        Ok(())
    }

    pub(super) fn unlink(&mut self, name: &str) -> io::Result<()> {
        let file = self.find(name)?;
        self.directory.leave(name, file);
        Ok(())
    }

    pub(super) fn list(&self) -> Vec<String> {
        let in_data_folder = |name: &&str| name::within_quarantine(name).is_none();
        self.directory.names().filter(in_data_folder).map(str::to_owned).collect()
    }

    pub(super) const fn create_quarantine(&mut self) {
        self.has_quarantine = true;
    }

    pub(super) fn lock(&mut self) -> io::Result<FileId> {
        if self.is_locked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let file = match self.directory.find(LOCK) {
            Some(_) => self.open(LOCK)?,
            None => self.create(LOCK)?,
        };
        self.is_locked = true;
        Ok(file)
    }

    pub(super) fn sync_dir(&mut self) {
        if !self.lies {
            self.directory.sync();
            self.forget_the_lost();
        }
    }

    pub(super) fn fail_sync_dir(&mut self) {
        self.directory.fail_sync(&mut self.random);
    }

    // Bytes.

    pub(super) fn len(&self, file: FileId) -> io::Result<u64> {
        Ok(self.held(file)?.content.len() as u64)
    }

    pub(super) fn read_at(&self, file: FileId, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = &self.held(file)?.content;
        // An offset that does not fit lies behind the end of any file.
        Ok(usize::try_from(offset).map_or(0, |offset| content.read(into, offset)))
    }

    pub(super) fn write_at(
        &mut self,
        file: FileId,
        bytes: &[u8],
        offset: u64,
    ) -> io::Result<usize> {
        let offset = length(offset)?;
        let end = offset.checked_add(bytes.len()).ok_or(Errno::FBIG)?;
        let room = if end > self.held(file)?.content.len() {
            self.length_max(file)?.saturating_sub(offset)
        } else {
            bytes.len()
        };
        if room == 0 && !bytes.is_empty() {
            return Err(Errno::NOSPC.into());
        }
        let (fitting, _) = bytes.split_at(room.min(bytes.len()));
        self.held_mut(file)?.content.write(offset, fitting);
        Ok(fitting.len())
    }

    /// A write that a crash stops: all of it is in the cache, or less.
    pub(super) fn write_part_at(&mut self, file: FileId, bytes: &[u8], offset: u64) {
        let part = if self.random.happens(1, 2) {
            bytes
        } else {
            bytes.split_at(self.random.below(bytes.len() + 1)).0
        };
        // Nobody is left to hear of an error, and a write that fails leaves nothing.
        drop(self.write_at(file, part, offset));
    }

    pub(super) fn set_len(&mut self, file: FileId, bytes: u64) -> io::Result<()> {
        let bytes = length(bytes)?;
        if bytes > self.held(file)?.content.len() && bytes > self.length_max(file)? {
            return Err(Errno::NOSPC.into());
        }
        self.held_mut(file)?.content.set_len(bytes);
        Ok(())
    }

    pub(super) fn sync_data(&mut self, file: FileId) -> io::Result<()> {
        if !self.lies {
            self.held_mut(file)?.content.sync_data();
        }
        Ok(())
    }

    pub(super) fn sync_all(&mut self, file: FileId) -> io::Result<()> {
        if !self.lies {
            self.held_mut(file)?.content.sync_all();
        }
        Ok(())
    }

    pub(super) fn fail_sync(&mut self, file: FileId) {
        if let Some(held) = self.files.get_mut(&file) {
            held.content.fail_sync(&mut self.random);
            held.sync_failures += 1;
        }
    }

    /// How many syncs of a file failed, through whatever handle.
    pub(super) fn sync_failures(&self, file: FileId) -> u64 {
        self.files.get(&file).map_or(0, |held| held.sync_failures)
    }

    /// A count from 1 to one less than `count`; `count` itself when it is below two.
    pub(super) fn short_of(&mut self, count: usize) -> usize {
        if count < 2 { count } else { 1 + self.random.below(count - 1) }
    }

    pub(super) fn close(&mut self, file: FileId, holds_lock: bool) {
        if let Some(held) = self.files.get_mut(&file) {
            held.handles = held.handles.saturating_sub(1);
        }
        if holds_lock {
            self.is_locked = false;
        }
        self.forget_the_lost();
    }

    // Crashes.

    pub(super) fn process_crash(&mut self) -> u64 {
        for held in self.files.values_mut() {
            held.handles = 0;
        }
        self.is_locked = false;
        self.is_down = false;
        self.holds_syncs = false;
        self.reads_to_hold = 0;
        self.syncs_waiting = 0;
        self.plan.set_crash(None);
        self.forget_the_lost();
        self.life += 1;
        self.life
    }

    pub(super) fn power_loss(&mut self, seed: u64, mode: PowerLoss) -> u64 {
        let mut random = Random::new(seed);
        self.directory.lose_power(&mut random, mode);
        let life = self.process_crash();
        let pieces: usize = self.files.values().map(|held| held.content.pending_pieces()).sum();
        let mut torn = (pieces > 0 && random.happens(1, TORN_ONE_IN)).then(|| random.below(pieces));
        for held in self.files.values_mut() {
            let pieces = held.content.pending_pieces();
            held.content.lose_power(&mut random, torn.filter(|piece| *piece < pieces));
            torn = torn.and_then(|piece| piece.checked_sub(pieces));
        }
        life
    }

    // What tests look at and change behind the caller's back.

    pub(super) fn names(&self) -> Vec<String> {
        self.directory.names().map(str::to_owned).collect()
    }

    pub(super) fn durable_names(&self) -> Vec<String> {
        self.directory.durable_names().map(str::to_owned).collect()
    }

    pub(super) fn cached_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let held = self.files.get(&self.directory.find(name)?)?;
        Some(held.content.cached_bytes().to_vec())
    }

    pub(super) fn durable_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let held = self.files.get(&self.directory.find_durable(name)?)?;
        Some(held.content.durable_bytes().to_vec())
    }

    pub(super) fn set_file(&mut self, name: &str, bytes: &[u8]) {
        self.has_quarantine |= name::within_quarantine(name).is_some();
        let file = self.add(Held::new(Content::durable(bytes), 0));
        self.directory.enter_durably(name, file);
        self.forget_the_lost();
    }

    pub(super) fn flip_bit(&mut self, name: &str, byte: u64, bit: u8) -> io::Result<()> {
        let file = self.find(name)?;
        let byte = length(byte)?;
        if bit < 8 && self.held_mut(file)?.content.flip_bit(byte, bit) {
            Ok(())
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    #[cfg(test)]
    pub(super) fn files_count(&self) -> usize {
        self.files.len()
    }

    // Inside.

    fn add(&mut self, held: Held) -> FileId {
        let file = FileId(self.file_next);
        self.file_next += 1;
        self.files.insert(file, held);
        file
    }

    fn find(&self, name: &str) -> io::Result<FileId> {
        self.directory.find(name).ok_or_else(|| Errno::NOENT.into())
    }

    fn held(&self, file: FileId) -> io::Result<&Held> {
        self.files.get(&file).ok_or_else(|| Errno::BADF.into())
    }

    fn held_mut(&mut self, file: FileId) -> io::Result<&mut Held> {
        self.files.get_mut(&file).ok_or_else(|| Errno::BADF.into())
    }

    fn must_have_folder_of(&self, name: &str) -> io::Result<()> {
        if name::within_quarantine(name).is_some() && !self.has_quarantine {
            return Err(Errno::NOENT.into());
        }
        Ok(())
    }

    /// How long a file may be, the others being as they are. A hole counts as its bytes.
    fn length_max(&self, file: FileId) -> io::Result<usize> {
        let Some(capacity_bytes) = self.capacity_bytes else {
            return Ok(FILE_BYTES_MAX);
        };
        let is_other = |id: &FileId, held: &Held| {
            *id != file && (held.handles > 0 || self.directory.shows(*id))
        };
        let others_bytes: u64 = self
            .files
            .iter()
            .filter(|(id, held)| is_other(id, held))
            .map(|(_, held)| held.content.len() as u64)
            .sum();
        length(capacity_bytes.saturating_sub(others_bytes).min(FILE_BYTES_MAX as u64))
    }

    fn forget_the_lost(&mut self) {
        let directory = &self.directory;
        self.files.retain(|file, held| held.handles > 0 || directory.may_name(*file));
    }
}

/// A length or offset in bytes as this machine counts. Errors: EFBIG.
fn length(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes)
        .ok()
        .filter(|bytes| *bytes <= FILE_BYTES_MAX)
        .ok_or_else(|| Errno::FBIG.into())
}
