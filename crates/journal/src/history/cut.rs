//! Where a history would end if it ended earlier: what of each file stays, and how the chain goes on.
//! Reads only.
//!
//! **Invariant:** a group counts whole or not at all. Where the end falls into one, the events that stay
//! get a seal of their own behind the seal before; every earlier seal stays as it is.

use ledger::Seq;

use super::{Segment, Survey, damage};
use crate::disk::Disk;
use crate::error::{Fault, OpenError};
use crate::hash::Hash;
use crate::record;
use crate::scan::{Group, Link, Scan};
use crate::seal::Seal;

/// A history that ends with an earlier event.
#[derive(Clone, Debug)]
pub struct Cut {
    /// How many files, from the first on, stay as they are.
    pub whole: usize,
    /// The file after them, if it keeps some of its events.
    pub begun: Option<CutFile>,
    /// Hash of the last seal; of none where no file is left.
    pub seal: Hash,
    /// Balance of `@world` after the last event, in minor units.
    pub world: i128,
}

/// A file that keeps its beginning.
#[derive(Clone, Debug)]
pub struct CutFile {
    /// Bytes that stay as they are, from its header to a seal.
    pub bytes: u64,
    /// What follows them: nothing, or the lines of a group that is cut, and their own seal.
    pub resealed: Vec<u8>,
}

/// Cuts a surveyed history behind the event `last`, which it holds. Errors: a file is no longer what
/// the survey saw.
pub fn cut<D: Disk>(disk: &D, survey: &Survey, last: Seq) -> Result<Cut, OpenError> {
    let whole = survey.segments.iter().take_while(|segment| segment.last <= last).count();
    let Some(segment) = survey.segments.get(whole) else {
        let (seal, world) = (survey.seal(), survey.world());
        return Ok(Cut { whole, begun: None, seal, world });
    };
    if segment.header.first > last {
        let (seal, world) = (segment.header.prev, segment.header.world);
        return Ok(Cut { whole, begun: None, seal, world });
    }
    let (begun, seal, world) = within(disk, survey, segment, last)?;
    Ok(Cut { whole, begun: Some(begun), seal, world })
}

/// Cuts inside a file that holds `last` and more.
fn within<D: Disk>(
    disk: &D,
    survey: &Survey,
    segment: &Segment,
    last: Seq,
) -> Result<(CutFile, Hash, i128), OpenError> {
    let reading = || OpenError::disk(format!("reading {}", segment.name));
    let header = &segment.header;
    let before = Seq::new(header.first.get().saturating_sub(1));
    let mut link = Link {
        last: before,
        hash: header.chain_start(),
        last_group_empty: false,
        world: header.world,
    };
    let file = disk.open_read(&segment.name).map_err(reading())?;
    let mut scan = Scan::new(disk, &file, segment.header_bytes, link, survey.plants);
    let mut bytes = segment.header_bytes;
    loop {
        let Some(group) = scan.next().map_err(reading())? else {
            return Err(damage(&segment.name, bytes, link.last, Fault::ClosedFileEnd));
        };
        if group.seal.last > last {
            if link.last == last {
                return Ok((CutFile { bytes, resealed: Vec::new() }, link.hash, link.world));
            }
            let (resealed, seal) = reseal(&group, link, last)
                .ok_or_else(|| damage(&segment.name, bytes, link.last, Fault::Line))?;
            return Ok((CutFile { bytes, resealed }, seal.hash, seal.world));
        }
        link = Link {
            last: group.seal.last,
            hash: group.seal.hash,
            last_group_empty: group.seal.is_empty(),
            world: group.seal.world,
        };
        bytes = scan.offset();
    }
}

/// The lines of a group up to the event `last`, with a seal behind `link`. `None`: a line is no event.
fn reseal(group: &Group<'_>, link: Link, last: Seq) -> Option<(Vec<u8>, Seal)> {
    let mut kept = Vec::new();
    let mut world = link.world;
    let count = last.get().checked_sub(link.last.get())?;
    let mut lines = group.bytes.split_inclusive(|byte| *byte == b'\n');
    for _ in 0..count {
        let line = lines.next()?;
        let transaction = record::decode(line.strip_suffix(b"\n")?)?;
        world = world.checked_add(transaction.event.world_delta())?;
        kept.extend_from_slice(line);
    }
    let seal = Seal::over(link.last.next(), last, world, link.hash, &kept);
    seal.encode(&mut kept);
    Some((kept, seal))
}
