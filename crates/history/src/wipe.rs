//! Takes the index of a folder away.

use std::io;

use journal::disk::Disk;

use crate::folder::is_ours;

/// Removes everything of the index from the folder of `disk`, durably. The next start builds it anew
/// from the journal. For an index that is ahead of the journal beside it: somebody has put an older
/// journal there. Errors: those of the disk.
pub fn wipe<D: Disk>(disk: &D) -> io::Result<()> {
    for name in disk.list()?.iter().filter(|name| is_ours(name)) {
        disk.unlink(name)?;
    }
    disk.sync_dir()
}
