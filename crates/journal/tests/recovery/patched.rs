//! A folder in memory of which one file is cut or has one bit flipped, without copying it: half a
//! million cases share their bytes.

use std::io;
use std::sync::Arc;

use journal::disk::{Disk, SimDisk};

/// What is wrong with the file.
#[derive(Clone, Copy, Debug)]
pub enum Patch {
    /// It ends here.
    Cut { len: usize },
    /// This byte is XORed with this mask.
    Flip { at: usize, mask: u8 },
}

/// Reads alone.
#[derive(Clone)]
pub struct Patched {
    files: Arc<[(String, Vec<u8>)]>,
    file: usize,
    patch: Patch,
}

impl Patched {
    /// The files of `disk`, with `file` still whole.
    pub fn of(disk: &SimDisk, file: &str) -> Self {
        let read = |name: String| disk.cached_bytes(&name).map(|bytes| (name, bytes));
        let files: Arc<[_]> = disk.names().into_iter().filter_map(read).collect();
        let file = files.iter().position(|(name, _)| name == file).expect("one of the files");
        Self { files, file, patch: Patch::Cut { len: usize::MAX } }
    }

    /// The same folder, damaged.
    pub fn with(&self, patch: Patch) -> Self {
        Self { patch, ..self.clone() }
    }

    /// The name of the damaged file.
    pub fn file(&self) -> &str {
        &self.files[self.file].0
    }

    /// The bytes of the file, whole.
    pub fn whole(&self) -> &[u8] {
        &self.files[self.file].1
    }

    /// The bytes of the file as they read.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.whole().to_vec();
        match self.patch {
            Patch::Cut { len } => bytes.truncate(len),
            Patch::Flip { at, mask } => bytes[at] ^= mask,
        }
        bytes
    }

    /// A disk that can be written, with the same files.
    pub fn disk(&self) -> SimDisk {
        let disk = SimDisk::new();
        for (n, (name, bytes)) in self.files.iter().enumerate() {
            let patched = (n == self.file).then(|| self.bytes());
            disk.set_file(name, patched.as_ref().unwrap_or(bytes)).expect("a plain name");
        }
        disk
    }

    fn read(&self, file: usize) -> &[u8] {
        let bytes = &self.files[file].1;
        match self.patch {
            Patch::Cut { len } if file == self.file => &bytes[..len.min(bytes.len())],
            Patch::Cut { .. } | Patch::Flip { .. } => bytes,
        }
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for Patched {
    type File = usize;

    fn create(&self, _name: &str) -> io::Result<usize> {
        read_only()
    }

    fn open(&self, _name: &str) -> io::Result<usize> {
        read_only()
    }

    fn open_read(&self, name: &str) -> io::Result<usize> {
        let found = self.files.iter().position(|(known, _)| known == name);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn len(&self, file: &usize) -> io::Result<u64> {
        Ok(self.read(*file).len() as u64)
    }

    fn read_at(&self, file: &usize, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let from = self.read(*file).get(offset..).unwrap_or_default();
        let count = from.len().min(bytes.len());
        bytes[..count].copy_from_slice(&from[..count]);
        if let Patch::Flip { at, mask } = self.patch
            && *file == self.file
            && (offset..offset + count).contains(&at)
        {
            bytes[at - offset] ^= mask;
        }
        Ok(count)
    }

    fn write_at(&self, _file: &usize, _bytes: &[u8], _offset: u64) -> io::Result<usize> {
        read_only()
    }

    fn set_len(&self, _file: &usize, _bytes: u64) -> io::Result<()> {
        read_only()
    }

    fn sync_data(&self, _file: &usize) -> io::Result<()> {
        read_only()
    }

    fn sync_all(&self, _file: &usize) -> io::Result<()> {
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
        Ok(self.files.iter().map(|(name, _)| name.clone()).collect())
    }

    fn create_quarantine(&self) -> io::Result<()> {
        read_only()
    }

    fn sync_dir(&self) -> io::Result<()> {
        read_only()
    }

    fn lock(&self) -> io::Result<usize> {
        read_only()
    }
}
