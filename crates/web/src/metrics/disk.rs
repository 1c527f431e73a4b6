//! How much room the folder of the bank has; what the system does not tell is absent.

use std::fmt;
use std::fs;
use std::path::Path;

use super::Page;
use crate::options::Options;

/// How the names of the journal's files begin and end; one that is not served from ends otherwise.
const JOURNAL: (&str, &str) = ("transactions.", ".log");

/// What the disk and the folder tell at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes that this user may still write, and bytes that the filesystem has in all.
    bytes: Option<(u64, u64)>,
    /// Files of the journal, the one that is written included.
    segments: Option<u64>,
}

impl Room {
    /// Asks for the folder that the options name; empty when there is none.
    pub(super) async fn of(options: &Options) -> Self {
        let Some(folder) = options.data.clone() else { return Self::default() };
        // A disk that hangs must not hold a thread on which clients are answered.
        tokio::task::spawn_blocking(move || Self::in_folder(&folder)).await.unwrap_or_default()
    }

    fn in_folder(folder: &Path) -> Self {
        let bytes = rustix::fs::statvfs(folder).ok().and_then(|told| {
            let free = told.f_bavail.checked_mul(told.f_frsize)?;
            Some((free, told.f_blocks.checked_mul(told.f_frsize)?))
        });
        let is_journal = |entry: &fs::DirEntry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.starts_with(JOURNAL.0) && name.ends_with(JOURNAL.1))
        };
        let segments = fs::read_dir(folder).ok().and_then(|entries| {
            let count = entries.filter(|entry| entry.as_ref().is_ok_and(is_journal)).count();
            u64::try_from(count).ok()
        });
        Self { bytes, segments }
    }
}

impl Page<'_> {
    pub(super) fn room(&mut self, room: &Room) -> fmt::Result {
        if let Some(segments) = room.segments {
            self.gauge("saldo_journal_segments", "files of the journal", segments)?;
        }
        let Some((free, size)) = room.bytes else { return Ok(()) };
        self.gauge("saldo_disk_free_bytes", "room left under the data folder", free)?;
        self.gauge("saldo_disk_size_bytes", "size of the disk under the data folder", size)
    }
}
