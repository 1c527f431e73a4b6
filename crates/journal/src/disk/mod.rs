//! The narrow seam to the disk: one folder, a handful of calls. Nothing else in the journal or in
//! the engine touches a file.
//!
//! Names are plain file names inside the one data folder, or `quarantine/NAME`.

#[cfg(test)]
mod alike;
mod filesystem;
mod name;
mod real;
mod sim;

use std::io;

pub use filesystem::FilesystemKind;
pub use name::{LOCK, QUARANTINE};
pub use real::RealDisk;
pub use sim::{Call, Fault, Operation, PowerLoss, SimDisk, SimFile};

/// One folder on a disk. Every call can fail; a caller never repeats a failed sync.
pub trait Disk: Send + Sync + 'static {
    /// An open file. Closed by drop, which makes nothing durable.
    type File: Send + Sync;

    /// Creates an empty file for reading and writing, mode 0600; fails when the name is taken.
    /// The name is durable only after `sync_dir`.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file for reading alone.
    fn open_read(&self, name: &str) -> io::Result<Self::File>;

    /// The length of a file in bytes.
    fn len(&self, file: &Self::File) -> io::Result<u64>;

    /// Reads at a byte offset; returns how many bytes were read, 0 at the end of the file.
    fn read_at(&self, file: &Self::File, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at a byte offset; returns how many bytes were written, which may be fewer.
    fn write_at(&self, file: &Self::File, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Cuts or extends a file to a length in bytes, which is durable only after `sync_all`.
    fn set_len(&self, file: &Self::File, bytes: u64) -> io::Result<()>;

    /// Makes the file's bytes durable, and the length needed to read them (fdatasync). Not its name.
    fn sync_data(&self, file: &Self::File) -> io::Result<()>;

    /// Makes the file's bytes and metadata durable (fsync). Not its name.
    fn sync_all(&self, file: &Self::File) -> io::Result<()>;

    /// Gives a file another name, replacing what had it. Atomic; durable only after `sync_dir`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives a file a second name (hard link); fails when the name is taken.
    fn link(&self, from: &str, to: &str) -> io::Result<()>;

    /// Takes a name away.
    fn unlink(&self, name: &str) -> io::Result<()>;

    /// The names of the files directly in the data folder, sorted.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes the `quarantine` folder, mode 0700, if it is missing, and its name durable.
    fn create_quarantine(&self) -> io::Result<()>;

    /// Makes the names in the data folder (and in `quarantine`, if there is one) durable.
    fn sync_dir(&self) -> io::Result<()>;

    /// Takes the folder's one-process lock (`LOCK`) and holds it as long as the returned file
    /// lives; `WouldBlock` when another process has it.
    fn lock(&self) -> io::Result<Self::File>;
}

/// Whether the disk, or this user's part of it, is full.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes all of `bytes` at `offset`. Repeats after a short or interrupted write; a write that
/// makes no progress is an error.
pub fn write_all_at<D: Disk>(
    disk: &D,
    file: &D::File,
    mut bytes: &[u8],
    mut offset: u64,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match disk.write_at(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).ok_or(io::ErrorKind::InvalidData)?;
                offset = offset.strict_add(written as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `bytes` from `offset` as far as the file goes; returns how many bytes were read.
pub fn read_full_at<D: Disk>(
    disk: &D,
    file: &D::File,
    bytes: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match disk.read_at(file, rest, offset.strict_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
