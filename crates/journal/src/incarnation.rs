//! What the lock file says: how often the folder has been opened, so that two lives of a server can
//! be told apart, and which ledger lives in it, so that a folder that lost its journal is not taken
//! for a new one.

use std::io;

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, read_full_at, write_all_at};
use crate::header::LedgerId;

/// The content of the lock file.
#[derive(Default, Deserialize, Serialize)]
pub(crate) struct LockFile {
    incarnation: u64,
    pid: u32,
    #[serde(default)]
    ledger: Option<String>,
}

impl LockFile {
    /// Reads it; one that cannot be read says nothing.
    pub(crate) fn read<D: Disk>(disk: &D, lock: &D::File) -> io::Result<Self> {
        let mut bytes = vec![0; 256];
        let count = read_full_at(disk, lock, &mut bytes, 0)?;
        let read = bytes.get(..count).and_then(|bytes| serde_json::from_slice(bytes).ok());
        Ok(read.unwrap_or_default())
    }

    /// Whether a ledger was begun in the folder.
    pub(crate) fn knows_a_ledger(&self) -> bool {
        self.ledger.is_some()
    }

    /// Notes one more opening of the folder with `ledger` in it, durably; returns how many there
    /// were. IMPORTANT: called once the ledger's journal has its name durably.
    pub(crate) fn bump<D: Disk>(
        &self,
        disk: &D,
        lock: &D::File,
        ledger: LedgerId,
    ) -> io::Result<u64> {
        let next = Self {
            incarnation: self.incarnation.saturating_add(1),
            pid: std::process::id(),
            ledger: Some(ledger.to_hex()),
        };
        let line = serde_json::to_vec(&next)?;
        write_all_at(disk, lock, &line, 0)?;
        disk.set_len(lock, line.len() as u64)?;
        disk.sync_all(lock)?;
        Ok(next.incarnation)
    }
}
