//! A simulated disk that does something between any two calls that change it, and looks whether
//! groups go where they may.

use std::io;
use std::sync::OnceLock;

use journal::ACTIVE;
use journal::disk::{Disk, SimDisk, SimFile};

/// A disk; see above.
pub struct Between {
    disk: SimDisk,
    meanwhile: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Between {
    pub fn new(disk: &SimDisk) -> Self {
        Self { disk: disk.clone(), meanwhile: OnceLock::new() }
    }

    /// From now on `meanwhile` is called before each call that changes something. Calls that it
    /// makes itself come here as well.
    pub fn set(&self, meanwhile: impl Fn() + Send + Sync + 'static) {
        assert!(self.meanwhile.set(Box::new(meanwhile)).is_ok(), "set once");
    }

    fn pause(&self) {
        if let Some(meanwhile) = self.meanwhile.get() {
            meanwhile();
        }
    }

    /// A group belongs into newlines that are durable, with one left behind it.
    fn check_group(&self, bytes: &[u8], offset: u64) {
        let is_group = bytes.starts_with(b"{\"seq\"") || bytes.starts_with(b"{\"seal\"");
        if self.meanwhile.get().is_none() || !is_group || self.disk.is_down() {
            return;
        }
        let durable = self.disk.durable_bytes(ACTIVE).expect("the active file");
        let start = usize::try_from(offset).expect("a short file");
        let place = durable.get(start..=start + bytes.len()).expect("padded and synced");
        assert!(place.iter().all(|byte| *byte == b'\n'), "padded with newlines at {offset}");
    }
}

impl Disk for Between {
    type File = SimFile;

    fn create(&self, name: &str) -> io::Result<SimFile> {
        self.pause();
        self.disk.create(name)
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        self.disk.open(name)
    }

    fn open_read(&self, name: &str) -> io::Result<SimFile> {
        self.disk.open_read(name)
    }

    fn len(&self, file: &SimFile) -> io::Result<u64> {
        self.disk.len(file)
    }

    fn read_at(&self, file: &SimFile, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.read_at(file, bytes, offset)
    }

    fn write_at(&self, file: &SimFile, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.pause();
        self.check_group(bytes, offset);
        self.disk.write_at(file, bytes, offset)
    }

    fn set_len(&self, file: &SimFile, bytes: u64) -> io::Result<()> {
        self.pause();
        self.disk.set_len(file, bytes)
    }

    fn sync_data(&self, file: &SimFile) -> io::Result<()> {
        self.pause();
        self.disk.sync_data(file)
    }

    fn sync_all(&self, file: &SimFile) -> io::Result<()> {
        self.pause();
        self.disk.sync_all(file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.pause();
        self.disk.rename(from, to)
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.link(from, to)
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        self.pause();
        self.disk.unlink(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create_quarantine(&self) -> io::Result<()> {
        self.disk.create_quarantine()
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.pause();
        self.disk.sync_dir()
    }

    fn lock(&self) -> io::Result<SimFile> {
        self.disk.lock()
    }
}
