//! The disk under the peers' folders: that it is one, and how long a sync of it takes.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// Syncs that are timed.
const SYNCS: usize = 200;

/// Filesystems in memory, where a sync costs nothing and proves nothing.
const IN_MEMORY: [&str; 3] = ["tmpfs", "ramfs", "devtmpfs"];

/// A filesystem and how fast it syncs.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Its kind, as the system names it.
    pub filesystem: String,
    /// The median time of a 4 KiB write with its sync.
    pub sync_median: Duration,
    /// 99 of 100 took at most so long.
    pub sync_p99: Duration,
}

/// Looks at the filesystem of `folder`, and measures it.
///
/// Errors: it is in memory.
pub fn look(folder: &Path) -> Result<Disk> {
    let output = Command::new("df").arg("--output=fstype").arg(folder).output().context("df")?;
    let filesystem = kind(&String::from_utf8_lossy(&output.stdout))
        .with_context(|| format!("df does not know {}", folder.display()))?;
    ensure!(
        !IN_MEMORY.contains(&filesystem.as_str()),
        "{} is on {filesystem}, where a sync costs nothing: put cargo's target folder on a disk",
        folder.display()
    );
    let mut times = time_syncs(&folder.join("sync-time"))?;
    times.sort();
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    Ok(Disk { filesystem, sync_median: at(SYNCS / 2), sync_p99: at(SYNCS * 99 / 100) })
}

/// The kind in what `df` prints: a heading, then the answer.
fn kind(printed: &str) -> Option<String> {
    printed.lines().nth(1).map(|line| line.trim().to_owned()).filter(|kind| !kind.is_empty())
}

/// Writes over a file that is there already, as every one of the peers' logs soon does or would
/// like to.
fn time_syncs(path: &Path) -> Result<Vec<Duration>> {
    let file = File::create(path)?;
    let block = [b'\n'; 4096];
    let place = |index: usize| u64::try_from(index * block.len());
    for index in 0..SYNCS {
        file.write_all_at(&block, place(index)?)?;
    }
    file.sync_all()?;
    let mut times = Vec::new();
    for index in 0..SYNCS {
        let began = Instant::now();
        file.write_all_at(&block, place(index)?)?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    fs::remove_file(path)?;
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn the_kind_stands_below_the_heading() {
        assert_eq!(kind("Type\next4 \n"), Some("ext4".to_owned()));
        assert_eq!(kind("Type\n"), None);
    }
}
