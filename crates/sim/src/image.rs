//! What a disk holds at one moment: to read from without touching the disk of the run, whose calls
//! are counted, and to make other disks of.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use journal::disk::{Disk, SimDisk};

/// Names with bytes. As a [`Disk`] it can be read and refuses every change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    files: BTreeMap<String, Arc<[u8]>>,
}

impl Image {
    /// What a process sees on `disk`.
    pub(crate) fn seen(disk: &SimDisk) -> Self {
        Self::of(disk.names(), |name| disk.cached_bytes(name))
    }

    /// What a power cut that takes everything it may would leave of `disk`.
    pub(crate) fn durable(disk: &SimDisk) -> Self {
        Self::of(disk.durable_names(), |name| disk.durable_bytes(name))
    }

    fn of(names: Vec<String>, bytes: impl Fn(&str) -> Option<Vec<u8>>) -> Self {
        let read = |name: String| bytes(&name).map(|bytes| (name, bytes.into()));
        Self { files: names.into_iter().filter_map(read).collect() }
    }

    /// The bytes of one file.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|bytes| &**bytes)
    }

    /// Every file with its bytes, by name.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (&**name, &**bytes))
    }

    /// A new disk that holds the files whose names `keeps` says yes to, all of it durable.
    pub(crate) fn disk(&self, keeps: impl Fn(&str) -> bool) -> io::Result<SimDisk> {
        let disk = SimDisk::new();
        for (name, bytes) in self.files().filter(|(name, _)| keeps(name)) {
            disk.set_file(name, bytes)?;
        }
        Ok(disk)
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for Image {
    type File = Arc<[u8]>;

    fn create(&self, _name: &str) -> io::Result<Self::File> {
        read_only()
    }

    fn open(&self, _name: &str) -> io::Result<Self::File> {
        read_only()
    }

    fn open_read(&self, name: &str) -> io::Result<Self::File> {
        self.files.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn len(&self, file: &Self::File) -> io::Result<u64> {
        Ok(file.len() as u64)
    }

    fn read_at(&self, file: &Self::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).ok().and_then(|offset| file.get(offset..));
        let from = from.unwrap_or_default();
        let count = from.len().min(bytes.len());
        bytes.split_at_mut(count).0.copy_from_slice(from.split_at(count).0);
        Ok(count)
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
        Ok(self.files.keys().filter(|name| !name.contains('/')).cloned().collect())
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
