//! Takes the index of a folder away.

use std::io;

use journal::disk::Disk;

use crate::folder::is_ours;

/// Removes all runs from the folder of `disk`, durably; nobody has the index open. The next start
/// builds it anew from the journal. For the index of another history than that of the journal beside
/// it. Errors: those of the disk.
pub fn wipe<D: Disk>(disk: &D) -> io::Result<()> {
    for name in disk.list()?.iter().filter(|name| is_ours(name)) {
        disk.unlink(name)?;
    }
    disk.sync_dir()
}
