//! What the server looks at before it starts: the disk under its folder, its own limits.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that the server needs besides its connections: journal, snapshots, the folder, the
/// runtime's own.
const OWN_OPEN_FILES: u64 = 256;

/// How many connections the limit of open files allows, once it is raised to the most there is.
pub fn connections_allowed() -> u32 {
    let connections = raise_open_files_limit().saturating_sub(OWN_OPEN_FILES).max(1);
    u32::try_from(connections).unwrap_or(u32::MAX)
}

fn raise_open_files_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(error) => {
            tracing::debug!(%error, "the limit of open files stays as it is");
            limit.current.unwrap_or(u64::MAX)
        }
    }
}

/// Writes and syncs 4 KiB a few times in a file of its own in `folder`, and returns the median
/// time: what a group commit has to wait for at least.
pub fn time_of_one_sync(folder: &Path) -> io::Result<Duration> {
    const TIMES: usize = 9;
    let path = folder.join("sync-probe.tmp");
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // A new file or none: what has the name already may be a link to somewhere else.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let timed = time_syncs(&file, TIMES);
    std::fs::remove_file(&path)?;
    let mut times = timed?;
    times.sort_unstable();
    times.get(TIMES / 2).copied().ok_or_else(|| io::ErrorKind::Other.into())
}

fn time_syncs(file: &File, times: usize) -> io::Result<Vec<Duration>> {
    let bytes = [b'\n'; 4096];
    file.write_all_at(&bytes, 0)?;
    file.sync_all()?;
    (0..times)
        .map(|_| {
            let began = Instant::now();
            file.write_all_at(&bytes, 0)?;
            file.sync_data()?;
            Ok(began.elapsed())
        })
        .collect()
}

/// Takes the folder's mode back to 0700 if others may enter it; says whether that was needed.
pub fn close_to_others(folder: &Path) -> io::Result<bool> {
    let metadata = std::fs::metadata(folder)?;
    if metadata.mode() & 0o077 == 0 {
        return Ok(false);
    }
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    Ok(true)
}
