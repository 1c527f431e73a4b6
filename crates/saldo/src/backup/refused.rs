//! What stands in the way of a backup or of its reading, as people are told.

use std::io;
use std::path::Path;

use engine::chain;
use journal::OpenError;
use journal::disk::is_full;

use super::archive::Unusable;
use super::manifest::MANIFEST;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// Why the folder is no backup that can be used.
pub fn unusable(folder: &Path, error: Unusable) -> Failure {
    let shown = folder.display();
    match error {
        Unusable::Absent => {
            Failure::new(Exit::Usage, "no_backup", format!("{shown} holds no {MANIFEST}"))
                .hint("give the folder that saldo backup was given")
        }
        Unusable::Newer => {
            let text = format!("{shown}: {MANIFEST} was written by a newer saldo");
            Failure::new(Exit::Usage, "newer_format", text)
                .hint("use the newer saldo that wrote it")
        }
        Unusable::Damaged { file, what } => {
            let text = format!("{shown}: {file}: {what}");
            Failure::new(Exit::Broken, "backup_damaged", text)
                .hint("use another copy of the backup; make the next one in a new folder")
        }
        Unusable::Disk { file, source } => {
            let text = format!("{shown}: reading {file}: {source}");
            Failure::new(Exit::Usage, "backup_folder", text)
                .hint("the folder and its files must be readable for whoever runs this")
        }
    }
}

/// What a disk says that is written to.
pub fn by_disk(folder: &Path, what: &str, error: &io::Error) -> Failure {
    let text = format!("{}: {what}: {error}", folder.display());
    if is_full(error) {
        return Failure::new(Exit::DiskFull, "disk_full", text)
            .hint("make space, then run it again");
    }
    let is_the_callers = matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::NotFound
    );
    if is_the_callers {
        return Failure::new(Exit::Usage, "folder", text)
            .hint("give a folder of your own; the folder around it must exist");
    }
    if error.kind() == io::ErrorKind::WouldBlock {
        return Failure::new(Exit::Locked, "folder_locked", text)
            .hint("another saldo works in that folder; wait for its end");
    }
    Failure::new(Exit::WriteFailed, "disk_failed", text).hint("look at the disk, then run it again")
}

/// Why what a backup holds is no bank.
pub fn by_proof(folder: &Path, error: &OpenError) -> Failure {
    let text = format!("{}: {}", folder.display(), chain(error));
    match error {
        OpenError::NewerFormat { .. } => Failure::new(Exit::Usage, "newer_format", text)
            .hint("use the newer saldo that wrote it"),
        OpenError::Corrupt(_)
        | OpenError::Original { .. }
        | OpenError::Locked
        | OpenError::DiskFull { .. }
        | OpenError::Disk { .. } => Failure::new(Exit::Broken, "backup_damaged", text)
            .hint("use another copy of the backup; make the next one in a new folder"),
    }
}
