//! Writes a snapshot aside, and gives it its name once it may have it.

use std::io;
use std::sync::Arc;

use ledger::{Balance, Seq};

use super::{Depth, HASH_KEY, SnapshotHead, State, examine, find};
use crate::disk::{Disk, write_all_at};
use crate::error::JournalError;
use crate::hash::Hash;
use crate::names::{SNAPSHOT, SNAPSHOT_NEW, SNAPSHOT_PREVIOUS, SNAPSHOT_PREVIOUS_NEW};
use crate::planted::{Planted, Plants};
use crate::text::Pen;

/// Bytes written at once.
const WRITE_BYTES: usize = 1 << 20;

/// Bytes after which what was written is synced, so that the journal's own syncs never wait behind
/// a whole snapshot.
const SYNC_BYTES: u64 = 8 << 20;

/// Why a checkpoint was not made.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The snapshot could not be written aside. The one before still counts and nothing is lost:
    /// try again later.
    #[error("the snapshot could not be written")]
    Write(#[source] io::Error),
    /// A sync or a rename failed: the journal must stop.
    #[error(transparent)]
    Fatal(#[from] JournalError),
}

/// A snapshot on its way to the disk.
pub struct SnapshotWriter<D: Disk> {
    disk: Arc<D>,
    file: D::File,
    plants: Plants,
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    offset: u64,
    /// Up to where the file is synced.
    synced_to: u64,
    accounts_count: u64,
    seq_max: Seq,
}

/// A snapshot that is written and synced, and has no name yet.
pub struct Finished<D: Disk> {
    disk: Arc<D>,
    file: D::File,
    plants: Plants,
    /// The highest seq in it: publish it once the journal is durable so far.
    pub seq_max: Seq,
    /// How many accounts it holds.
    pub accounts_count: u64,
    /// Its length in bytes.
    pub bytes: u64,
    hash: Hash,
}

impl<D: Disk> SnapshotWriter<D> {
    /// Begins a snapshot aside. `head.seq` was read before the first account is.
    pub fn begin(
        disk: Arc<D>,
        head: &SnapshotHead,
        plants: Plants,
    ) -> Result<Self, CheckpointError> {
        if disk.list().map_err(CheckpointError::Write)?.iter().any(|name| name == SNAPSHOT_NEW) {
            disk.unlink(SNAPSHOT_NEW).map_err(CheckpointError::Write)?;
        }
        let file = disk.create(SNAPSHOT_NEW).map_err(CheckpointError::Write)?;
        let mut buffer = Vec::with_capacity(WRITE_BYTES + super::LINE_BYTES_MAX);
        head.encode(&mut buffer);
        let seq_max = head.seq;
        let hasher = blake3::Hasher::new();
        Ok(Self {
            disk,
            file,
            plants,
            hasher,
            buffer,
            offset: 0,
            synced_to: 0,
            accounts_count: 0,
            seq_max,
        })
    }

    /// Adds an account, read under its lock: its balance and the seq of its last change.
    /// IMPORTANT: accounts are added by ascending number; reading numbers them as they come.
    pub fn account(
        &mut self,
        name: &str,
        balance: Balance,
        seq: Seq,
    ) -> Result<(), CheckpointError> {
        let separator = if self.accounts_count == 0 { "" } else { ",\n" };
        let mut pen = Pen(&mut self.buffer);
        pen.literal(separator).string(name);
        pen.literal(":{\"balance\":").number(balance.get());
        pen.literal(",\"seq\":").number(seq.get()).literal("}");
        self.accounts_count = self.accounts_count.strict_add(1);
        self.seq_max = self.seq_max.max(seq);
        if self.buffer.len() < WRITE_BYTES {
            return Ok(());
        }
        self.write_buffer()?;
        if self.offset.strict_sub(self.synced_to) >= SYNC_BYTES
            && !self.plants.has(Planted::SnapshotBeforeSync)
        {
            self.disk.sync_data(&self.file).map_err(failed("sync", SNAPSHOT_NEW))?;
            self.synced_to = self.offset;
        }
        Ok(())
    }

    /// Ends the snapshot and syncs its bytes.
    pub fn finish(mut self) -> Result<Finished<D>, CheckpointError> {
        let before = if self.accounts_count == 0 { "" } else { "\n" };
        let mut pen = Pen(&mut self.buffer);
        pen.literal(before).literal("},\"seq_max\":").number(self.seq_max.get());
        self.write_buffer()?;
        let hash = Hash::finish(&self.hasher);
        Pen(&mut self.buffer).literal(HASH_KEY).bytes(&hash.to_hex()).literal("\"}\n");
        self.write_buffer()?;
        if !self.plants.has(Planted::SnapshotBeforeSync) {
            self.disk.sync_all(&self.file).map_err(failed("sync", SNAPSHOT_NEW))?;
        }
        Ok(Finished {
            disk: self.disk,
            file: self.file,
            plants: self.plants,
            seq_max: self.seq_max,
            accounts_count: self.accounts_count,
            bytes: self.offset,
            hash,
        })
    }

    fn write_buffer(&mut self) -> Result<(), CheckpointError> {
        self.hasher.update(&self.buffer);
        let written = write_all_at(&*self.disk, &self.file, &self.buffer, self.offset);
        written.map_err(|error| {
            // The journal needs the room more. What cannot be taken away now, the next begin will.
            drop(self.disk.unlink(SNAPSHOT_NEW));
            CheckpointError::Write(error)
        })?;
        self.offset = self.offset.strict_add(self.buffer.len() as u64);
        self.buffer.clear();
        Ok(())
    }
}

impl<D: Disk> Finished<D> {
    /// Keeps the newest snapshot under the second name, gives this one the first, and reads it
    /// back. IMPORTANT: every event up to `seq_max` is durable before this is called.
    pub fn publish(self) -> Result<(), CheckpointError> {
        let disk = &*self.disk;
        let names = disk.list().map_err(CheckpointError::Write)?;
        let has = |name: &str| names.iter().any(|known| known == name);
        if has(SNAPSHOT_PREVIOUS_NEW) {
            disk.unlink(SNAPSHOT_PREVIOUS_NEW).map_err(CheckpointError::Write)?;
        }
        if has(SNAPSHOT) {
            disk.link(SNAPSHOT, SNAPSHOT_PREVIOUS_NEW).map_err(CheckpointError::Write)?;
            disk.rename(SNAPSHOT_PREVIOUS_NEW, SNAPSHOT_PREVIOUS)
                .map_err(failed("rename", SNAPSHOT_PREVIOUS))?;
            self.sync_folder()?;
        }
        disk.rename(SNAPSHOT_NEW, SNAPSHOT).map_err(failed("rename", SNAPSHOT))?;
        self.sync_folder()?;
        if self.plants.has(Planted::SnapshotBeforeSync) {
            disk.sync_all(&self.file).map_err(failed("sync", SNAPSHOT))?;
        }
        self.read_back()
    }

    /// Whether the snapshot that has the name is this one, to the byte.
    fn read_back(&self) -> Result<(), CheckpointError> {
        let reading = || failed("read", SNAPSHOT);
        let state = match find(&*self.disk, SNAPSHOT).map_err(reading())? {
            // Its lines need no look: the hash is that of the bytes that were written.
            Some(candidate) => examine(&*self.disk, &candidate, Depth::Bytes, |_| {}),
            None => Ok(State::Absent),
        };
        match state.map_err(reading())? {
            State::Whole(snapshot) if snapshot.hash == self.hash => Ok(()),
            State::Whole(_)
            | State::Absent
            | State::Damaged
            | State::Foreign
            | State::Newer { .. } => {
                Err(failed("reading back", SNAPSHOT)(io::ErrorKind::InvalidData.into()).into())
            }
        }
    }

    fn sync_folder(&self) -> Result<(), JournalError> {
        if self.plants.has(Planted::NoFolderSync) {
            return Ok(());
        }
        self.disk.sync_dir().map_err(failed("sync of the folder", SNAPSHOT))
    }
}

fn failed(what: &'static str, file: &'static str) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Failed { what, file, source }
}
