//! A bank as it was at one moment, while its server goes on: closed files never change, and those that
//! get another name, or lose theirs, are held open from the beginning.
//!
//! **Invariant:** no snapshot in it is ahead of its journal: snapshots are opened before the active file.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use journal::disk::Disk;
use journal::{ACTIVE, SNAPSHOT, SNAPSHOT_PREVIOUS, header_of, parse_closed_segment};

/// How often the active file is looked for while a server has the bank open: for an instant of each
/// rotation there is none.
const TRIES_MAX: u32 = 1000;

/// The files of a bank at one moment, for reading alone.
pub struct Frozen<S: Disk> {
    source: Arc<S>,
    names: Vec<String>,
    held: HashMap<&'static str, Arc<S::File>>,
}

impl<S: Disk> Frozen<S> {
    /// Takes hold of the files. `is_live`: whether a server has the bank open.
    pub fn take(source: Arc<S>, is_live: bool) -> io::Result<Self> {
        let mut held = HashMap::new();
        for name in [SNAPSHOT, SNAPSHOT_PREVIOUS] {
            if let Some(file) = open_if_there(&*source, name)? {
                held.insert(name, Arc::new(file));
            }
        }
        let mut active = open_if_there(&*source, ACTIVE)?;
        let mut tries = 1;
        while active.is_none() && is_live && tries < TRIES_MAX {
            std::thread::yield_now();
            active = open_if_there(&*source, ACTIVE)?;
            tries += 1;
        }
        let header = match &active {
            Some(active) => header_of(&*source, active)?,
            None => None,
        };
        // The active file may have been closed since it was opened: then what has its events, and all
        // behind it, is not of this moment.
        let first = header.map(|header| header.first);
        let is_before = |name: &String| {
            let closed = parse_closed_segment(name);
            closed.is_some_and(|(_, last)| first.is_none_or(|first| last < first))
        };
        let mut names: Vec<String> = source.list()?.into_iter().filter(is_before).collect();
        if let Some(active) = active {
            held.insert(ACTIVE, Arc::new(active));
        }
        names.extend(held.keys().map(|name| (*name).to_owned()));
        names.sort_unstable();
        Ok(Self { source, names, held })
    }
}

fn open_if_there<S: Disk>(source: &S, name: &str) -> io::Result<Option<S::File>> {
    match source.open_read(name) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

/// Only what reads, and the sync of what was written by others; every other call is refused.
impl<S: Disk> Disk for Frozen<S> {
    type File = Arc<S::File>;

    fn create(&self, _name: &str) -> io::Result<Self::File> {
        read_only()
    }

    fn open(&self, _name: &str) -> io::Result<Self::File> {
        read_only()
    }

    fn open_read(&self, name: &str) -> io::Result<Self::File> {
        if let Some(file) = self.held.get(name) {
            return Ok(Arc::clone(file));
        }
        if !self.names.iter().any(|known| known == name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Arc::new(self.source.open_read(name)?))
    }

    fn len(&self, file: &Self::File) -> io::Result<u64> {
        self.source.len(file)
    }

    fn read_at(&self, file: &Self::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.source.read_at(file, bytes, offset)
    }

    fn write_at(&self, _file: &Self::File, _bytes: &[u8], _offset: u64) -> io::Result<usize> {
        read_only()
    }

    fn set_len(&self, _file: &Self::File, _bytes: u64) -> io::Result<()> {
        read_only()
    }

    fn sync_data(&self, file: &Self::File) -> io::Result<()> {
        self.source.sync_data(file)
    }

    fn sync_all(&self, file: &Self::File) -> io::Result<()> {
        self.source.sync_all(file)
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
        Ok(self.names.clone())
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
