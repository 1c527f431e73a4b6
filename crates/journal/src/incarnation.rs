//! How often a data folder has been opened: a number in the lock file, shown in the greeting, so
//! that two lives of a server can be told apart. Nothing rests on it.

use std::io;

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, read_full_at, write_all_at};

#[derive(Deserialize, Serialize)]
struct LockFile {
    incarnation: u64,
    pid: u32,
}

/// Adds one to the number in the lock file and syncs it. A file that cannot be read counts as 0.
pub(crate) fn bump<D: Disk>(disk: &D, lock: &D::File) -> io::Result<u64> {
    let mut bytes = vec![0; 256];
    let count = read_full_at(disk, lock, &mut bytes, 0)?;
    let read: Option<LockFile> =
        bytes.get(..count).and_then(|bytes| serde_json::from_slice(bytes).ok());
    let incarnation = read.map_or(0, |read| read.incarnation).saturating_add(1);
    let line = serde_json::to_vec(&LockFile { incarnation, pid: std::process::id() })?;
    write_all_at(disk, lock, &line, 0)?;
    disk.set_len(lock, line.len() as u64)?;
    disk.sync_all(lock)?;
    Ok(incarnation)
}
