//! Proves one journal file by itself: from its header, which says where its chain begins, to what
//! stands behind its last seal. Whether it follows the file before, `history` judges.

use std::io;

use ledger::Seq;

use crate::disk::Disk;
use crate::hash::Hash;
use crate::header::FirstLine;
use crate::planted::Plants;
use crate::scan::{Link, Scan, Tail, examine_tail, first_line};
use crate::workers::Tally;

/// Bytes of groups between two waypoints.
const WAYPOINT_BYTES: u64 = 2 << 20;

/// A place between two groups, from which a file can be read on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waypoint {
    /// Byte in the file.
    pub(crate) offset: u64,
    /// Where the chain stands there.
    pub(crate) link: Link,
}

/// What one file turned out to be, taken by itself.
pub(crate) struct Proven {
    pub(crate) first_line: FirstLine,
    /// Bytes of that line, newline included.
    pub(crate) header_bytes: u64,
    /// The length of the file in bytes.
    pub(crate) bytes: u64,
    /// Byte up to which seals prove it, and where the chain stands there.
    pub(crate) end: Waypoint,
    /// Places in between, the first behind the header.
    pub(crate) waypoints: Vec<Waypoint>,
    pub(crate) groups_count: u64,
    pub(crate) tail: Tail,
    /// The seals that were looked for.
    pub(crate) marks: Marks,
}

/// Proves the file `name`. `marks`: the seals to look for.
pub(crate) fn prove_file<D: Disk>(
    disk: &D,
    name: &str,
    mut marks: Marks,
    plants: Plants,
    tally: &Tally,
) -> io::Result<Proven> {
    let file = disk.open_read(name)?;
    let (first_line, header_bytes) = first_line(disk, &file)?;
    let (before, hash, world) = match &first_line {
        FirstLine::Header(header) => {
            (header.first.get().saturating_sub(1), header.chain_start(), header.world)
        }
        FirstLine::Newer { .. } | FirstLine::Original | FirstLine::Damaged => (0, Hash::ZERO, 0),
    };
    let link = Link { last: Seq::new(before), hash, last_group_empty: false, world };
    let start = Waypoint { offset: header_bytes, link };
    let mut walk = Walk { at: start, waypoints: vec![start], groups_count: 0, plants, tally };
    let mut tail = Tail::Clean;
    if let FirstLine::Header(_) = first_line {
        marks.see(link.last, link.hash);
        walk.on(disk, &file, &mut marks)?;
        tail = examine_tail(disk, &file, walk.at.offset)?;
        if let Tail::Damaged { seal_offset } = tail {
            // Beside a running server the seal may be younger than the walk: then the walk goes on.
            walk.on(disk, &file, &mut marks)?;
            if walk.at.offset > seal_offset {
                tail = Tail::Clean;
            }
        }
    }
    let bytes = disk.len(&file)?;
    tally.add(bytes.saturating_sub(walk.at.offset.strict_sub(header_bytes)));
    let Walk { at: end, waypoints, groups_count, .. } = walk;
    Ok(Proven { first_line, header_bytes, bytes, end, waypoints, groups_count, tail, marks })
}

/// How far the groups of a file are proven.
struct Walk<'t> {
    at: Waypoint,
    waypoints: Vec<Waypoint>,
    groups_count: u64,
    plants: Plants,
    tally: &'t Tally,
}

impl Walk<'_> {
    fn on<D: Disk>(&mut self, disk: &D, file: &D::File, marks: &mut Marks) -> io::Result<()> {
        let mut scan = Scan::new(disk, file, self.at.offset, self.at.link, self.plants);
        while let Some(group) = scan.next()? {
            marks.see(group.seal.last, group.seal.hash);
            let at = Waypoint { offset: scan.offset(), link: scan.link() };
            self.groups_count = self.groups_count.strict_add(1);
            self.tally.add(at.offset.strict_sub(self.at.offset));
            self.at = at;
            let before = self.waypoints.last().map_or(0, |waypoint| waypoint.offset);
            if at.offset.strict_sub(before) >= WAYPOINT_BYTES {
                self.waypoints.push(at);
            }
        }
        Ok(())
    }
}

/// Seals that are looked for on the chain, and whether each was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// Those that snapshots and the index name.
    wanted: Vec<(Seq, Hash, bool)>,
    expected: Option<Hash>,
    expected_seen: bool,
}

impl Marks {
    /// Looks for the seals that snapshots and the index name, and for one with the hash `expected`.
    pub(crate) fn new(wanted: impl Iterator<Item = (Seq, Hash)>, expected: Option<Hash>) -> Self {
        let wanted = wanted.map(|(seq, hash)| (seq, hash, false)).collect();
        Self { wanted, expected, expected_seen: false }
    }

    fn see(&mut self, seq: Seq, hash: Hash) {
        for mark in &mut self.wanted {
            mark.2 |= mark.0 == seq && mark.1 == hash;
        }
        self.expected_seen |= self.expected == Some(hash);
    }

    /// Adds what was seen in another file.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mark, other) in self.wanted.iter_mut().zip(&other.wanted) {
            mark.2 |= other.2;
        }
        self.expected_seen |= other.expected_seen;
    }

    /// Whether the seal that ends with `seq` was seen with this hash.
    pub(crate) fn seen(&self, seq: Seq, hash: Hash) -> bool {
        self.wanted.contains(&(seq, hash, true))
    }

    /// Whether the expected hash was seen.
    pub(crate) fn expected_seen(&self) -> bool {
        self.expected_seen
    }
}
