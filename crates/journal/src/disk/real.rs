//! The disk of the operating system: one folder, reached through the standard library.
//!
//! Not here: repeating what failed (a failed sync is never repeated), and what the files mean.
//!
//! **Invariant:** files are made with mode 0600 and folders with 0700.
//! **Invariant:** `LOCK` is never deleted: a lock on a name that is gone keeps nobody out.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{
    Disk, FilesystemKind,
    name::{self, LOCK, QUARANTINE},
};

/// How often a taken lock is tried again, and how long it waits in between: half a second in all,
/// because a reading tool that looks at the lock holds it for an instant.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// A folder of the operating system.
#[derive(Clone, Debug)]
pub struct RealDisk {
    folder: PathBuf,
}

impl RealDisk {
    /// A folder that exists. Changes nothing on the disk.
    /// Errors: `NotFound`; `NotADirectory` when something else has the name.
    pub fn open(folder: &Path) -> io::Result<Self> {
        if !fs::metadata(folder)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// A folder that is made, mode 0700, if it is missing; the folder around it must exist. Its
    /// name is durable on return. Returns whether it was made.
    pub fn open_or_create(folder: &Path) -> io::Result<(Self, bool)> {
        let created = make_folder(folder)?;
        let disk = Self::open(folder)?;
        match File::open(parent(folder)) {
            // Also when the folder was there: who made it may have died before this sync.
            Ok(parent) => parent.sync_all()?,
            // A folder that an administrator made for us may lie where we may not look.
            Err(error) if !created && error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
        Ok((disk, created))
    }

    /// The folder, as it was named when it was opened.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The kind of filesystem that the folder lies on.
    pub fn filesystem_kind(&self) -> io::Result<FilesystemKind> {
        FilesystemKind::of(&self.folder)
    }

    /// The bytes that this process may still write to the folder's filesystem.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let space = rustix::fs::statvfs(&self.folder)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// Whether a process holds the folder's lock at this moment. Makes no file, and holds the lock
    /// for an instant at most.
    pub fn lock_is_held(&self) -> io::Result<bool> {
        let file = match File::open(self.folder.join(LOCK)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        name::check(name)?;
        Ok(self.folder.join(name))
    }
}

impl Disk for RealDisk {
    type File = File;

    fn create(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(self.path(name)?)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        no_links().read(true).write(true).open(self.path(name)?)
    }

    fn open_read(&self, name: &str) -> io::Result<File> {
        no_links().read(true).open(self.path(name)?)
    }

    fn len(&self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    fn read_at(&self, file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(bytes, offset)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }

    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from)?, self.path(to)?)
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(self.path(from)?, self.path(to)?)
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name)?)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // A name that is not UTF-8 is none that we gave.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if entry.file_type()?.is_file() {
                names.push(name);
            } else if name.starts_with("transactions.") || name.starts_with("state.") {
                // Passed over, it would look as if the file were missing.
                let text = format!("{name} is no regular file");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create_quarantine(&self) -> io::Result<()> {
        let folder = self.folder.join(QUARANTINE);
        if !make_folder(&folder)? && !fs::metadata(&folder)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        sync_folder(&self.folder)
    }

    fn sync_dir(&self) -> io::Result<()> {
        sync_folder(&self.folder)?;
        match sync_folder(&self.folder.join(QUARANTINE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced,
        }
    }

    fn lock(&self) -> io::Result<File> {
        let file = no_links()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(self.folder.join(LOCK))?;
        take_lock(&file, || thread::sleep(LOCK_PAUSE))?;
        Ok(file)
    }
}

/// Options that open no symbolic link: one could lead out of the folder.
fn no_links() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Tries for a lock that another has, with a pause after each try but the last.
fn take_lock(file: &File, mut pause: impl FnMut()) -> Result<(), TryLockError> {
    for _ in 1..LOCK_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => pause(),
            taken_or_broken => return taken_or_broken,
        }
    }
    file.try_lock()
}

/// Makes a folder with mode 0700; returns false when something has the name already.
fn make_folder(folder: &Path) -> io::Result<bool> {
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder around a folder, also for a name alone, whose parent has no name.
fn parent(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => folder,
    }
}

#[cfg(test)]
mod tests;
