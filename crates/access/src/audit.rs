//! The audit log: a line of JSON for each act about access, each with the hash of the line before,
//! synced before the act is answered.
//!
//! **Invariant:** lines are only ever appended. What a crash left of a line stays, closed by a
//! newline, and the chain goes over it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::AccessError;
use crate::file::{failed, sync_folder_of, take_lock};
use crate::time::now_us;

/// The log's name, in the folder of the access file.
pub const FILE: &str = "audit.log";

/// Most bytes of one value; what is longer is cut.
const VALUE_BYTES_MAX: usize = 256;
/// Most bytes of a line: five values, each byte escaped as six, and the rest.
const LINE_BYTES_MAX: u64 = 16 << 10;

/// What is told about one act. Each text may come from outside: it is cut at 256 bytes and escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Who did it: the principal's name, `uid:1000` at the command line, or who somebody claims to be.
    pub who: &'a str,
    /// What was done: `sign in`, `token new`, `shutdown`.
    pub what: &'a str,
    /// To whom or what; may be empty.
    pub about: &'a str,
    /// From where: an address, or `command line`.
    pub from: &'a str,
    /// What came of it: `done`, `denied: …`, `failed`.
    pub result: &'a str,
}

/// A line, its keys in this order.
#[derive(Serialize)]
struct Line<'a> {
    at: u64,
    who: &'a str,
    what: &'a str,
    about: &'a str,
    from: &'a str,
    result: &'a str,
    prev: &'a str,
}

/// Of a line, what proves the chain.
#[derive(Deserialize)]
struct Link {
    prev: String,
}

impl Entry<'_> {
    fn cut(&self) -> Self {
        Self {
            who: cut(self.who),
            what: cut(self.what),
            about: cut(self.about),
            from: cut(self.from),
            result: cut(self.result),
        }
    }
}

/// Writes an entry to the log of the process alone.
pub(crate) fn tell(entry: &Entry<'_>) {
    let Entry { who, what, about, from, result } = entry.cut();
    tracing::info!(target: "audit", event = "audit", who, what, about, from, result, "{what}: {result}");
}

/// Appends a line to the log and syncs it. `path`: the log. Errors: `Io`, `Busy`, `AuditBroken`.
pub fn append(path: &Path, entry: &Entry<'_>) -> Result<(), AccessError> {
    tell(entry);
    let Entry { who, what, about, from, result } = entry.cut();
    let (mut file, is_made) = open(path)?;
    take_lock(&file, path)?;
    let cannot = |error| failed(path, "written", error);
    let bytes = file.metadata().map_err(cannot)?.len();
    let last = last_line(&mut file, path, bytes)?;
    let prev = link(&last.bytes);
    let line = Line { at: now_us(), who, what, about, from, result, prev: &prev };
    let mut text = if last.is_torn { vec![b'\n'] } else { Vec::new() };
    serde_json::to_writer(&mut text, &line).map_err(|error| cannot(error.into()))?;
    text.push(b'\n');
    file.write_all(&text).map_err(cannot)?;
    file.sync_data().map_err(cannot)?;
    if is_made {
        sync_folder_of(path)?;
    }
    Ok(())
}

/// Opens the log for reading and appending, and makes it if it is missing.
fn open(path: &Path) -> Result<(File, bool), AccessError> {
    let is_made = !path.exists();
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
    Ok((file.map_err(|error| failed(path, "written", error))?, is_made))
}

/// The last line of the log, without its newline.
struct Last {
    bytes: Option<Vec<u8>>,
    /// It has no newline: whoever wrote it was stopped.
    is_torn: bool,
}

fn last_line(file: &mut File, path: &Path, bytes: u64) -> Result<Last, AccessError> {
    if bytes == 0 {
        return Ok(Last { bytes: None, is_torn: false });
    }
    // One line, the newline before it, and the one behind it.
    let start = bytes.saturating_sub(LINE_BYTES_MAX.saturating_add(2));
    let cannot = |error| failed(path, "read", error);
    file.seek(SeekFrom::Start(start)).map_err(cannot)?;
    let mut tail = Vec::new();
    file.take(LINE_BYTES_MAX.saturating_add(2)).read_to_end(&mut tail).map_err(cannot)?;
    let is_torn = tail.last() != Some(&b'\n');
    if !is_torn {
        tail.pop();
    }
    let line = match tail.iter().rposition(|byte| *byte == b'\n') {
        Some(newline) => tail.split_off(newline.saturating_add(1)),
        None if start == 0 => tail,
        // No line of ours is so long.
        None => return Err(AccessError::AuditBroken { path: path.to_owned(), line: 0 }),
    };
    Ok(Last { bytes: Some(line), is_torn })
}

/// What the line behind `line` names as the one before it; zeros in the first line.
fn link(line: &Option<Vec<u8>>) -> String {
    match line {
        Some(line) => blake3::hash(line).to_hex().to_string(),
        None => "0".repeat(blake3::OUT_LEN.saturating_mul(2)),
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default()
}

/// What a whole log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// How many lines it has.
    pub lines: u64,
    /// How many of them a crash cut short.
    pub torn: u64,
    /// The hash of its last line; keep it elsewhere, and nothing before it can be changed unseen.
    /// Zeros of an empty log.
    pub last: String,
}

/// Proves that each line follows from the one before. `path`: the log.
/// Errors: `AuditBroken` with the first line that does not; `Io`.
pub fn prove(path: &Path) -> Result<Proven, AccessError> {
    let cannot = |error| failed(path, "read", error);
    let mut reader = BufReader::new(File::open(path).map_err(cannot)?);
    let mut proven = Proven { lines: 0, torn: 0, last: link(&None) };
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = LINE_BYTES_MAX.saturating_add(1);
        if reader.by_ref().take(most).read_until(b'\n', &mut line).map_err(cannot)? == 0 {
            return Ok(proven);
        }
        proven.lines = proven.lines.saturating_add(1);
        let is_whole = line.pop_if(|byte| *byte == b'\n').is_some();
        let broken = || AccessError::AuditBroken { path: path.to_owned(), line: proven.lines };
        if !is_whole && line.len() as u64 >= most {
            return Err(broken());
        }
        match serde_json::from_slice::<Link>(&line) {
            Ok(found) if found.prev == proven.last => {}
            Ok(_) => return Err(broken()),
            // A crash leaves the beginning of a line; anything else was put there.
            Err(error) if error.is_eof() => proven.torn = proven.torn.saturating_add(1),
            Err(_) => return Err(broken()),
        }
        proven.last = blake3::hash(&line).to_hex().to_string();
    }
}

/// The log that belongs to an access file.
pub fn beside(access: &Path) -> PathBuf {
    access.with_file_name(FILE)
}
