//! What kind of filesystem a folder lies on, as far as it matters for what survives a power cut.

use std::{fmt, io, path::Path};

/// A filesystem, told by the magic number that `statfs` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesystemKind {
    /// ext4; ext2 and ext3 carry the same number.
    Ext4,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
    /// Memory: nothing in it survives a power cut.
    Tmpfs,
    /// A layer over another filesystem, as containers have it.
    Overlay,
    /// Over the network.
    Nfs,
    /// A filesystem in a program.
    Fuse,
    /// None of these.
    Other,
}

impl FilesystemKind {
    /// Asks for the filesystem under `path`. Errors: what `statfs` gives.
    pub fn of(path: &Path) -> io::Result<Self> {
        // Linux, include/uapi/linux/magic.h; XFS in fs/xfs/libxfs/xfs_format.h.
        Ok(match rustix::fs::statfs(path)?.f_type {
            0xEF53 => Self::Ext4,
            0x5846_5342 => Self::Xfs,
            0x9123_683E => Self::Btrfs,
            0x0102_1994 => Self::Tmpfs,
            0x794C_7630 => Self::Overlay,
            0x6969 => Self::Nfs,
            0x6573_5546 => Self::Fuse,
            _ => Self::Other,
        })
    }
}

impl fmt::Display for FilesystemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Tmpfs => "tmpfs",
            Self::Overlay => "overlay",
            Self::Nfs => "nfs",
            Self::Fuse => "fuse",
            Self::Other => "other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind by the mount table's own words: the longest mount point that holds the path.
    fn kind_in_the_mount_table(path: &Path) -> String {
        let table = std::fs::read_to_string("/proc/self/mounts").expect("the mount table");
        table
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(' ').skip(1);
                Some((fields.next()?, fields.next()?))
            })
            .filter(|(point, _)| path.starts_with(point))
            // The last of equals: a later mount covers an earlier one.
            .max_by_key(|(point, _)| point.len())
            .map(|(_, kind)| kind.to_owned())
            .expect("a root filesystem")
    }

    #[test]
    fn the_kind_agrees_with_the_mount_table() {
        let named = ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "nfs", "fuse"];
        for path in ["/", "/dev/shm", "/proc"].map(Path::new).into_iter().filter(|p| p.exists()) {
            let expected = kind_in_the_mount_table(path);
            let kind = FilesystemKind::of(path).expect("statfs").to_string();
            if named.contains(&expected.as_str()) {
                assert_eq!(kind, expected, "{}", path.display());
            } else if expected == "proc" {
                assert_eq!(kind, "other");
            }
        }
    }
}
