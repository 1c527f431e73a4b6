//! The file of access on the disk: read whole, written aside and renamed, one writer at a time.
//!
//! **Invariant:** whoever reads finds the file as it was before a change or as it is after it.
//! **Invariant:** a writer reads what it changes under the lock, so no change is lost.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::error::AccessError;
use crate::record::{Document, FORMAT};

/// Most bytes of the file.
const BYTES_MAX: u64 = 64 << 20;
const FILE_MODE: u32 = 0o600;
/// Who the permission bits of group and others are.
const OTHERS: u32 = 0o077;

/// How often a lock that another has is tried again: five seconds in all.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// What tells one state of the file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: [i64; 4],
}

impl Stamp {
    fn of(file: &fs::Metadata) -> Self {
        let changed = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        Self { device: file.dev(), inode: file.ino(), bytes: file.len(), changed }
    }

    /// Of the file under this name; `None` when there is none.
    pub(crate) fn look(path: &Path) -> Result<Option<Self>, AccessError> {
        match fs::metadata(path) {
            Ok(found) => Ok(Some(Self::of(&found))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(path, "read", error)),
        }
    }
}

pub(crate) fn failed(path: &Path, act: &'static str, source: io::Error) -> AccessError {
    AccessError::Io { path: path.to_owned(), act, source }
}

/// Only the key that says how to read the others.
#[derive(Deserialize)]
struct Head {
    format: String,
}

/// Reads the file. Errors: `Io` (`NotFound` among them), `TooOpen`, `TooLarge`, `Format`,
/// `Malformed`, `Invalid`.
pub(crate) fn read(path: &Path) -> Result<(Document, Stamp), AccessError> {
    let file = File::open(path).map_err(|error| failed(path, "read", error))?;
    let found = file.metadata().map_err(|error| failed(path, "read", error))?;
    if !found.is_file() {
        return Err(failed(path, "read", io::ErrorKind::InvalidInput.into()));
    }
    let mode = found.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(AccessError::TooOpen { path: path.to_owned(), mode });
    }
    if found.len() > BYTES_MAX {
        return Err(AccessError::TooLarge { path: path.to_owned(), max: BYTES_MAX });
    }
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(|error| failed(path, "read", error))?;
    let document = parse(path, &text)?;
    Ok((document, Stamp::of(&found)))
}

fn parse(path: &Path, text: &str) -> Result<Document, AccessError> {
    // The text of serde's error may hold a part of the file, so only its place is told.
    let malformed = |error: serde_json::Error| AccessError::Malformed {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    };
    let head: Head = serde_json::from_str(text).map_err(malformed)?;
    if head.format != FORMAT {
        return Err(AccessError::Format { path: path.to_owned() });
    }
    let document: Document = serde_json::from_str(text).map_err(malformed)?;
    document.check().map_err(|source| AccessError::Invalid { path: path.to_owned(), source })?;
    Ok(document)
}

/// A new state of the file, synced under another name. Dropped, it is gone.
pub(crate) struct Prepared {
    aside: PathBuf,
    path: PathBuf,
    is_published: bool,
}

/// Writes `document` beside the file. The lock must be held.
pub(crate) fn prepare(path: &Path, document: &Document) -> Result<Prepared, AccessError> {
    let aside = beside(path, ".new");
    let mut text = serde_json::to_vec_pretty(document)
        .map_err(|error| failed(&aside, "written", error.into()))?;
    text.push(b'\n');
    if text.len() as u64 > BYTES_MAX {
        return Err(AccessError::TooLarge { path: path.to_owned(), max: BYTES_MAX });
    }
    let written = || -> io::Result<()> {
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&aside)?;
        file.write_all(&text)?;
        file.sync_all()
    };
    // Made first, so that what was begun is removed also when writing it fails.
    let prepared = Prepared { aside: aside.clone(), path: path.to_owned(), is_published: false };
    written().map_err(|error| failed(&aside, "written", error))?;
    Ok(prepared)
}

impl Prepared {
    /// Gives it the file's name, durably.
    pub(crate) fn publish(mut self) -> Result<(), AccessError> {
        fs::rename(&self.aside, &self.path)
            .map_err(|error| failed(&self.path, "written", error))?;
        self.is_published = true;
        sync_folder_of(&self.path)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.is_published {
            // What stays is never read, and the next writer removes it.
            fs::remove_file(&self.aside).ok();
        }
    }
}

/// Makes names in the folder around a file durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), AccessError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| failed(folder, "synced", error))
}

/// The path with something behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Takes the lock of the file's writers; dropped, the lock is free. Errors: `Busy` after 5 s, `Io`.
pub(crate) fn lock(path: &Path) -> Result<File, AccessError> {
    let path = beside(path, ".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(|error| failed(&path, "locked", error))?;
    take_lock(&file, &path)?;
    Ok(file)
}

/// Waits for the lock of `file`, which `path` names. Errors: `Busy` after 5 s, `Io`.
pub(crate) fn take_lock(file: &File, path: &Path) -> Result<(), AccessError> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(failed(path, "locked", error)),
        }
    }
    Err(AccessError::Busy { path: path.to_owned() })
}
