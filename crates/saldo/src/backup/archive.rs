//! A backup, read as the data folder that it holds: what proves a folder proves it as well.
//!
//! **Invariant:** nothing of it is believed that its manifest does not list with this very hash.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use journal::Hash;
use journal::disk::{Disk, read_full_at};

use super::frames::{Frames, Last};
use super::manifest::{Entry, MANIFEST, MANIFEST_BYTES_MAX, Manifest, Unread};

/// A backup with every byte of its files held against their hashes.
pub struct Archive<D: Disk> {
    disk: Arc<D>,
    /// What it lists.
    pub manifest: Manifest,
    /// By the name in a data folder.
    files: HashMap<String, Arc<Stored>>,
}

/// A file of a backup.
struct Stored {
    name: String,
    frames: Frames,
}

/// An open file of an [`Archive`].
pub struct ArchiveFile<D: Disk> {
    file: D::File,
    stored: Arc<Stored>,
    last: Mutex<Last>,
}

/// Why a backup cannot be read.
#[derive(Debug)]
pub enum Unusable {
    /// There is no manifest: no backup was finished here.
    Absent,
    /// A newer program wrote it.
    Newer,
    /// A file is missing, or is not what the manifest lists.
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A file cannot be read.
    Disk {
        /// The file.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
}

/// Reads the manifest in a folder; `None` when there is none.
pub fn read_manifest<D: Disk>(disk: &D) -> Result<Option<Manifest>, Unusable> {
    let failed = |source| Unusable::Disk { file: MANIFEST.into(), source };
    let file = match disk.open_read(MANIFEST) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let damaged = || damaged(MANIFEST, "it is not what was written");
    let bytes = disk.len(&file).map_err(failed)?;
    let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= MANIFEST_BYTES_MAX);
    let mut text = vec![0; bytes.ok_or_else(damaged)?];
    let count = read_full_at(disk, &file, &mut text, 0).map_err(failed)?;
    match Manifest::decode(text.get(..count).unwrap_or_default()) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(Unread::Damaged) => Err(damaged()),
        Err(Unread::Newer) => Err(Unusable::Newer),
    }
}

impl<D: Disk> Archive<D> {
    /// Reads every byte of a backup and holds it against the hashes. `told` hears of each file's bytes.
    pub fn open(disk: Arc<D>, told: &dyn Fn(u64)) -> Result<Self, Unusable> {
        let manifest = read_manifest(&*disk)?.ok_or(Unusable::Absent)?;
        Self::of(disk, manifest, told)
    }

    /// The same of files that a manifest lists which is not written yet.
    pub fn of(disk: Arc<D>, manifest: Manifest, told: &dyn Fn(u64)) -> Result<Self, Unusable> {
        let mut files = HashMap::new();
        for entry in &manifest.files {
            let stored = Stored { name: entry.name.clone(), frames: examine(&*disk, entry)? };
            if files.insert(entry.of.clone(), Arc::new(stored)).is_some() {
                return Err(damaged(&entry.name, "the manifest lists two files for the same one"));
            }
            told(entry.bytes);
        }
        Ok(Self { disk, manifest, files })
    }
}

/// Holds a file against what the manifest says of it.
fn examine<D: Disk>(disk: &D, entry: &Entry) -> Result<Frames, Unusable> {
    let failed = |source: io::Error| {
        let kind = source.kind();
        if kind == io::ErrorKind::NotFound {
            damaged(&entry.name, "it is missing")
        } else if kind == io::ErrorKind::InvalidData {
            damaged(&entry.name, "it is not what was written")
        } else {
            Unusable::Disk { file: entry.name.clone(), source }
        }
    };
    let file = disk.open_read(&entry.name).map_err(failed)?;
    let (frames, found) = Frames::find(disk, &file).map_err(failed)?;
    let expected = Hash::from_hex(entry.hash.as_bytes());
    if expected != Some(found.hash) || found.bytes != entry.bytes {
        return Err(damaged(&entry.name, "it is not what was written"));
    }
    if frames.of_bytes != entry.of_bytes {
        return Err(damaged(&entry.name, "it holds another length than the manifest says"));
    }
    Ok(frames)
}

fn damaged(file: &str, what: &'static str) -> Unusable {
    Unusable::Damaged { file: file.to_owned(), what }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

/// Only what reads; every other call is refused.
impl<D: Disk> Disk for Archive<D> {
    type File = ArchiveFile<D>;

    fn create(&self, _name: &str) -> io::Result<Self::File> {
        read_only()
    }

    fn open(&self, _name: &str) -> io::Result<Self::File> {
        read_only()
    }

    fn open_read(&self, name: &str) -> io::Result<Self::File> {
        let stored = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        let file = self.disk.open_read(&stored.name)?;
        Ok(ArchiveFile { file, stored: Arc::clone(stored), last: Mutex::default() })
    }

    fn len(&self, file: &Self::File) -> io::Result<u64> {
        Ok(file.stored.frames.of_bytes)
    }

    fn read_at(&self, file: &Self::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut last = file.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.read_at(&file.stored.frames, (&*self.disk, &file.file), bytes, offset)
    }

    fn write_at(&self, _file: &Self::File, _bytes: &[u8], _offset: u64) -> io::Result<usize> {
        read_only()
    }

    fn set_len(&self, _file: &Self::File, _bytes: u64) -> io::Result<()> {
        read_only()
    }

    fn sync_data(&self, _file: &Self::File) -> io::Result<()> {
        read_only()
    }

    fn sync_all(&self, _file: &Self::File) -> io::Result<()> {
        read_only()
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        read_only()
    }

    fn link(&self, _from: &str, _to: &str) -> io::Result<()> {
        read_only()
    }

    fn unlink(&self, _name: &str) -> io::Result<()> {
        read_only()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = self.files.keys().cloned().collect();
        names.sort_unstable();
        Ok(names)
    }

    fn create_quarantine(&self) -> io::Result<()> {
        read_only()
    }

    fn sync_dir(&self) -> io::Result<()> {
        read_only()
    }

    fn lock(&self) -> io::Result<Self::File> {
        read_only()
    }
}
