//! What the simulated disk promises, by family.

mod faults;
mod life;
mod power;

use super::*;
use crate::disk::write_all_at;

/// A disk with one durable file.
fn disk_with(name: &str, bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    disk.set_file(name, bytes).expect("a plain name");
    disk
}

fn create(disk: &SimDisk, name: &str, bytes: &[u8]) -> SimFile {
    let file = disk.create(name).expect("a new file");
    write_all_at(disk, &file, bytes, 0).expect("written");
    file
}

fn create_durable(disk: &SimDisk, name: &str, bytes: &[u8]) -> SimFile {
    let file = create(disk, name, bytes);
    disk.sync_all(&file).expect("synced");
    disk.sync_dir().expect("synced");
    file
}

fn errno(error: &io::Error) -> Option<Errno> {
    Errno::from_io_error(error)
}
