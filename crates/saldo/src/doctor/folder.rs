//! The data folder and the disk under it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use journal::disk::{FilesystemKind, RealDisk};

use super::Finding;
use crate::bench::disk::{self, Disk};
use crate::copy::is_marked;
use crate::serve::opening;

/// How often a sync is timed.
const SYNCS: u32 = 200;
/// No disk makes anything durable in less.
const SYNC_US_MIN: u64 = 20;
/// From here on a client that waits for each answer notices.
const SYNC_US_MAX: u64 = 10_000;

/// Room below which the bank stops soon, and room with which it is well.
const FREE_BYTES_MIN: u64 = 512 << 20;
const FREE_BYTES_WELL: u64 = 4 << 30;

/// Looks at the folder, or at the one around it where there is none yet.
pub fn examine(data: &Path) -> Vec<Finding> {
    let metadata = match fs::metadata(data) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return examine_around(data),
        Err(error) => return vec![unusable(data, &error)],
    };
    let disk = match RealDisk::open(data) {
        Ok(disk) => disk,
        Err(error) => return vec![unusable(data, &error)],
    };
    let mut findings = vec![folder(data), permissions(data, &metadata), lock(&disk)];
    findings.extend(the_disk(&disk));
    findings
}

fn unusable(data: &Path, error: &io::Error) -> Finding {
    let found = format!("{}: {error}", data.display());
    Finding::fail("folder", found, "give the folder that saldo serve --data names")
}

fn examine_around(data: &Path) -> Vec<Finding> {
    let around = match data.parent() {
        Some(around) if !around.as_os_str().is_empty() => around,
        Some(_) | None => Path::new("."),
    };
    match RealDisk::open(around) {
        Ok(disk) => {
            let found = format!("{} is not there; the first start makes it", data.display());
            let mut findings = vec![Finding::ok("folder", found)];
            findings.extend(the_disk(&disk));
            findings
        }
        Err(error) => {
            let found = format!("{}: {error}", around.display());
            vec![Finding::fail("folder", found, "make the folder around the data folder first")]
        }
    }
}

fn folder(data: &Path) -> Finding {
    let shown = data.display();
    match (opening::must_be_ours_or_empty(data), is_marked(data)) {
        (Err(_), _) => Finding::fail(
            "folder",
            format!("{shown} holds other files and no journal"),
            "give the bank a folder of its own",
        ),
        (Ok(()), Ok(true)) => Finding::fail(
            "folder",
            format!("{shown}: a copy into it was not finished"),
            "run the same saldo copy again; it goes on where it stopped",
        ),
        (Ok(()), Ok(false)) => Finding::ok("folder", shown.to_string()),
        (Ok(()), Err(error)) => unusable(data, &error),
    }
}

fn permissions(data: &Path, metadata: &fs::Metadata) -> Finding {
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own && own != 0 {
        let found = format!("it belongs to user {}, this is user {own}", metadata.uid());
        return Finding::fail("permissions", found, "run as the user that the folder belongs to");
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        let found = format!("others may enter: mode {mode:04o}");
        let folder = crate::shell::quoted(&data.display().to_string());
        return Finding::warn("permissions", found, format!("chmod 700 {folder}"));
    }
    Finding::ok("permissions", format!("mode {mode:04o}, its owner's alone"))
}

fn lock(disk: &RealDisk) -> Finding {
    match disk.lock_is_held() {
        Ok(true) => Finding::ok("lock", "a server has the folder open"),
        Ok(false) => Finding::ok("lock", "free"),
        Err(error) => Finding::fail(
            "lock",
            error.to_string(),
            "LOCK must be readable for the user that serves",
        ),
    }
}

fn the_disk(disk: &RealDisk) -> Vec<Finding> {
    let kind = disk.filesystem_kind();
    let is_memory = matches!(kind, Ok(FilesystemKind::Tmpfs));
    let syncs = disk::measure(disk.folder(), "sync-probe.tmp", SYNCS);
    vec![filesystem(kind), space(disk.free_bytes()), sync(syncs, is_memory)]
}

fn filesystem(kind: io::Result<FilesystemKind>) -> Finding {
    let item = "filesystem";
    match kind {
        Ok(FilesystemKind::Tmpfs) => Finding::warn(
            item,
            "tmpfs: it is memory, and nothing in it survives a restart",
            "keep the bank on a disk",
        ),
        Ok(kind @ (FilesystemKind::Nfs | FilesystemKind::Fuse)) => Finding::warn(
            item,
            format!("{kind}: what a sync means there, another program decides"),
            "keep the bank on a local disk",
        ),
        Ok(FilesystemKind::Overlay) => Finding::warn(
            item,
            "overlay: a container's own layer, which goes with the container",
            "mount a volume for the data folder",
        ),
        Ok(
            kind @ (FilesystemKind::Ext4
            | FilesystemKind::Xfs
            | FilesystemKind::Btrfs
            | FilesystemKind::Other),
        ) => Finding::ok(item, kind.to_string()),
        Err(error) => Finding::warn(item, error.to_string(), "look at the mount of the folder"),
    }
}

fn space(free: io::Result<u64>) -> Finding {
    let advice = "make space, or move the bank to a larger disk before it is full";
    match free {
        Ok(free) if free < FREE_BYTES_MIN => {
            Finding::fail("space", format!("{} MB free", free >> 20), advice)
        }
        Ok(free) if free < FREE_BYTES_WELL => {
            Finding::warn("space", format!("{} MB free", free >> 20), advice)
        }
        Ok(free) => Finding::ok("space", format!("{} GB free", free >> 30)),
        Err(error) => Finding::warn("space", error.to_string(), advice),
    }
}

fn sync(measured: io::Result<Disk>, is_memory: bool) -> Finding {
    match measured {
        Ok(times) => {
            let (half, most) = (times.p50_us, times.max_us);
            let found = format!("{SYNCS} syncs: half within {half} µs, the longest {most} µs");
            if half < SYNC_US_MIN && !is_memory {
                let advice = "too fast to be true: a cache without a battery, or a lying virtual disk, loses what was acknowledged when the power goes; switch its write cache off";
                return Finding::warn("sync", found, advice);
            }
            if half > SYNC_US_MAX {
                let advice = "slow: each group of answers waits so long; use a disk with power loss protection";
                return Finding::warn("sync", found, advice);
            }
            Finding::ok("sync", found)
        }
        Err(error) => Finding::fail(
            "sync",
            error.to_string(),
            "the folder must be writable for the user that serves",
        ),
    }
}

/// A file that the server is told to read.
pub fn file(item: &'static str, path: &Path, is_secret: bool) -> Finding {
    let shown = path.display();
    let metadata = match File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) => metadata,
        Err(error) => {
            let advice = "name a file that the user that serves can read";
            return Finding::fail(item, format!("{shown}: {error}"), advice);
        }
    };
    let mode = metadata.mode() & 0o777;
    if is_secret && mode & 0o077 != 0 {
        let found = format!("{shown}: others may read it: mode {mode:04o}");
        let quoted = crate::shell::quoted(&shown.to_string());
        return Finding::fail(item, found, format!("chmod 600 {quoted}"));
    }
    Finding::ok(item, shown.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn times(p50_us: u64) -> io::Result<Disk> {
        Ok(Disk { syncs: SYNCS, p50_us, p99_us: p50_us, max_us: p50_us })
    }

    #[test]
    fn a_sync_is_too_fast_to_be_true_only_on_a_disk_and_may_be_too_slow() {
        assert_eq!(sync(times(19), false).state, State::Warn);
        assert_eq!(sync(times(19), true).state, State::Ok);
        assert_eq!(sync(times(20), false).state, State::Ok);
        assert_eq!(sync(times(10_001), false).state, State::Warn);
        assert_eq!(sync(Err(io::ErrorKind::PermissionDenied.into()), false).state, State::Fail);
    }

    #[test]
    fn room_is_told_before_there_is_none() {
        assert_eq!(space(Ok(FREE_BYTES_MIN - 1)).state, State::Fail);
        assert_eq!(space(Ok(FREE_BYTES_WELL - 1)).state, State::Warn);
        assert_eq!(space(Ok(FREE_BYTES_WELL)).state, State::Ok);
    }

    #[test]
    fn memory_and_other_peoples_disks_are_told() {
        assert_eq!(filesystem(Ok(FilesystemKind::Tmpfs)).state, State::Warn);
        assert_eq!(filesystem(Ok(FilesystemKind::Nfs)).state, State::Warn);
        assert_eq!(filesystem(Ok(FilesystemKind::Ext4)).state, State::Ok);
    }
}
