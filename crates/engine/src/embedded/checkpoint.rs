//! The fuzzy checkpoint: the accounts into a snapshot while money moves.
//!
//! **Invariant:** where replay starts is read before the number of accounts, and each account is
//! read under its own lock; so every event up to there is in the snapshot, and of later ones an
//! account has all or none, as its seq tells.

use std::sync::Arc;

use journal::disk::Disk;
use journal::{CheckpointError, Finished, Genesis, Plants, Position, SnapshotHead, SnapshotWriter};

use super::core::Core;

/// A checkpoint under way.
pub struct Checkpoint<'c, D: Disk> {
    core: &'c Core<D>,
    writer: SnapshotWriter<D>,
    next: usize,
    count: usize,
}

impl<'c, D: Disk> Checkpoint<'c, D> {
    /// Begins one that replay will start from at `position`, the durable end of the journal now.
    /// `now_us`: microseconds since the Unix epoch.
    pub fn begin(
        core: &'c Core<D>,
        disk: Arc<D>,
        genesis: &Genesis,
        position: Position,
        now_us: u64,
        plants: Plants,
    ) -> Result<Self, CheckpointError> {
        let head = SnapshotHead {
            genesis: genesis.clone(),
            seq: position.seq,
            timestamp_us: now_us,
            seal: position.seal,
        };
        let writer = SnapshotWriter::begin(disk, &head, plants)?;
        Ok(Self { core, writer, next: 0, count: core.accounts_count() })
    }

    /// Copies up to `accounts_max` accounts; `false` when none are left.
    pub fn copy(&mut self, accounts_max: usize) -> Result<bool, CheckpointError> {
        let end = self.count.min(self.next.saturating_add(accounts_max));
        for number in self.next..end {
            if let Some((name, state)) = self.core.account_at(number) {
                self.writer.account(name, state.balance, state.seq)?;
            }
        }
        self.next = end;
        Ok(end < self.count)
    }

    /// Ends the snapshot and syncs it. Publish it once the journal is durable up to its highest
    /// seq.
    pub fn finish(self) -> Result<Finished<D>, CheckpointError> {
        self.writer.finish()
    }
}
