//! How long the disk itself takes: 4 KiB written and synced, one after the other. No answer that is
//! on disk before it is given can be faster.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process;
use std::time::Instant;

use serde::Serialize;

/// How much is written before each sync.
const BLOCK_BYTES: usize = 4_096;

/// How often `saldo bench` does it.
pub const SYNCS: u32 = 500;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// How often it was written and synced.
    pub syncs: u32,
    /// The time that half of them took at most, in whole microseconds.
    pub p50_us: u64,
    /// The time that 99 of 100 took at most.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// Measures the disk below `folder` by so many syncs, in a file whose name begins with `name` and that
/// is removed afterwards. Its blocks are written and synced beforehand, as those of the server's log
/// are, so that a sync has no metadata to write.
pub fn measure(folder: &Path, name: &str, syncs: u32) -> io::Result<Disk> {
    let path = folder.join(format!("{name}-{}", process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    let measured = times_us(&file, syncs);
    fs::remove_file(&path)?;
    Ok(Disk::of(measured?))
}

fn times_us(file: &File, syncs: u32) -> io::Result<Vec<u64>> {
    let block = [b'\n'; BLOCK_BYTES];
    let places = || (0..u64::from(syncs)).map(|place| place * BLOCK_BYTES as u64);
    for place in places() {
        file.write_all_at(&block, place)?;
    }
    file.sync_all()?;
    let block = [b'x'; BLOCK_BYTES];
    places()
        .map(|place| {
            let begin = Instant::now();
            file.write_all_at(&block, place)?;
            file.sync_data()?;
            Ok(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX))
        })
        .collect()
}

impl Disk {
    fn of(mut times_us: Vec<u64>) -> Self {
        times_us.sort_unstable();
        let at = |percent: usize| {
            let place = (times_us.len() * percent).div_ceil(100).saturating_sub(1);
            times_us.get(place).copied().unwrap_or_default()
        };
        let syncs = u32::try_from(times_us.len()).unwrap_or(u32::MAX);
        Self { syncs, p50_us: at(50), p99_us: at(99), max_us: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_told_by_their_ranks() {
        let disk = Disk::of((1..=500).rev().collect());
        assert_eq!((disk.p50_us, disk.p99_us, disk.max_us), (250, 495, 500));
    }

    #[test]
    fn a_folder_is_left_as_it_was_and_one_that_is_not_there_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let disk = measure(folder.path(), ".probe", 20).unwrap();
        assert!(disk.p50_us <= disk.p99_us && disk.p99_us <= disk.max_us);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let gone = measure(&folder.path().join("gone"), ".probe", 20).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }
}
