//! `restored.json`: says in a data folder that it was put back from a backup, from which, and up to where.
//! For people and for `saldo verify`; no server reads it.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Its name.
pub const NOTE: &str = "restored.json";

/// Most bytes of one that is read.
const NOTE_BYTES_MAX: u64 = 4096;

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Note {
    /// `saldo.restored/1`.
    pub schema: String,
    /// When it was restored, RFC 3339.
    pub at: String,
    /// When the backup was made, RFC 3339.
    pub backup_at: String,
    /// The last event of the backup.
    pub backup_last: u64,
    /// Hash of its last seal.
    pub backup_seal: String,
    /// The last event that was put back.
    pub last: u64,
    /// Hash of the last seal of what was put back.
    pub seal: String,
}

/// Reads the note in a folder; `None` when there is none that can be read.
pub fn read(folder: &Path) -> Option<Note> {
    let file = std::fs::File::open(folder.join(NOTE)).ok()?;
    let text = io::read_to_string(io::Read::take(file, NOTE_BYTES_MAX)).ok()?;
    serde_json::from_str(&text).ok()
}
