//! Hands out what a surveyed history holds, in order: threads read and prove ahead, the caller
//! decodes and checks.
//!
//! **Invariant:** what is handed out is read under its seals again; a file that is no longer what the
//! survey saw is an error, never another history.
//! **Invariant:** memory is bounded by a few stretches, whatever the length of the history.

use std::collections::HashSet;
use std::io;

use ledger::Seq;
use serde::de::IgnoredAny;

use super::prove::Waypoint;
use super::{Found, LinePlace, Segment, Survey, damage};
use crate::disk::Disk;
use crate::error::{Contradiction, Fault, OpenError};
use crate::hash::Hash;
use crate::planted::Plants;
use crate::progress::{Meter, Phase, Progress};
use crate::record;
use crate::scan::Scan;
use crate::seal::Seal;
use crate::snapshot;
use crate::workers::{Plan, Tally, Workers, in_order};

/// What is to be handed out, and how.
pub(crate) struct Replay<'p> {
    /// The snapshot whose accounts come first, if any.
    pub(crate) snapshot: Option<&'p str>,
    /// Events up to this one are not handed out. It is not behind the end of the history.
    pub(crate) position: Seq,
    /// Who helps.
    pub(crate) workers: Workers,
    /// Who is told how far it is.
    pub(crate) progress: &'p dyn Fn(Progress),
}

/// What was handed out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replayed {
    /// The time of the last event in microseconds since the Unix epoch.
    pub(crate) at_us: u64,
    /// Bytes of journal that were read for it.
    pub(crate) bytes: u64,
}

/// How many accounts a surveyed history opened.
pub fn count_accounts<D: Disk>(disk: &D, survey: &Survey) -> Result<u64, OpenError> {
    let mut names = HashSet::new();
    replay(disk, survey, &Replay::default(), |found| {
        if let Found::Event { transaction, .. } = found {
            for leg in transaction.event.legs() {
                if !names.contains(leg.account.as_str()) {
                    names.insert(leg.account.as_str().to_owned());
                }
            }
        }
        Ok(())
    })?;
    Ok(names.len() as u64)
}

/// Replays a surveyed history into `sink`: the accounts of the snapshot, if one is named, in the
/// order of its lines, then every event behind the position. Checks that the events follow one
/// another, that their time never goes back and that each seal states the balance of `@world` that
/// they give. Of what lies before the position only the chain of seals is proven, by the survey.
pub(crate) fn replay<D: Disk>(
    disk: &D,
    survey: &Survey,
    options: &Replay<'_>,
    mut sink: impl FnMut(Found<'_>) -> Result<(), Contradiction>,
) -> Result<Replayed, OpenError> {
    let Replay { snapshot, position, workers, progress } = *options;
    if let Some(name) = snapshot {
        snapshot::read_accounts(disk, name, workers, progress, |account, balance, seq| {
            sink(Found::Account { account, balance, seq })
        })
        .map_err(OpenError::disk(format!("reading {name}")))?
        .map_err(|what| damage(name, 0, Seq::ZERO, Fault::Contradiction(what)))?;
    }
    let stretches: Vec<Stretch<'_>> =
        Stretch::all(survey).skip_while(|stretch| stretch.end.link.last < position).collect();
    let bytes = stretches.iter().map(Stretch::bytes).sum();
    let workers = workers.for_bytes(bytes);
    let plan = Plan { workers, jobs: stretches.len(), ahead: 2 * workers + 1 };
    let mut meter = Meter::begin(progress, Phase::Events, bytes);
    let read = |number: usize, spare: Option<Result<Groups, OpenError>>, tally: &Tally| {
        let mut groups = spare.and_then(Result::ok).unwrap_or_default();
        if let Some(stretch) = stretches.get(number) {
            groups.read(disk, stretch, survey.plants)?;
            tally.add(stretch.bytes());
        }
        Ok(groups)
    };
    let start = stretches.first().map_or(survey.link, |first| first.start.link);
    let mut state = State { last: start.last, world: start.world, at_us: 0 };
    in_order(plan, &mut meter, read, |read| {
        for stretch in &stretches {
            let Some(groups) = read.next().transpose()? else { break };
            state.take(stretch.segment, &groups, position, &mut sink)?;
            read.give_back(Ok(groups));
        }
        Ok(())
    })?;
    meter.end();
    Ok(Replayed { at_us: state.at_us, bytes })
}

impl Default for Replay<'_> {
    /// All events and no accounts.
    fn default() -> Self {
        Self {
            snapshot: None,
            position: Seq::ZERO,
            workers: Workers::of_this_machine(),
            progress: &|_| {},
        }
    }
}

/// The groups of a file between two waypoints.
struct Stretch<'s> {
    segment: &'s Segment,
    start: Waypoint,
    end: Waypoint,
}

impl<'s> Stretch<'s> {
    fn all(survey: &'s Survey) -> impl Iterator<Item = Self> {
        survey.segments.iter().flat_map(|segment| {
            let ends = segment.waypoints.iter().skip(1);
            let both = segment.waypoints.iter().zip(ends);
            both.map(move |(start, end)| Self { segment, start: *start, end: *end })
                .filter(|stretch| stretch.bytes() > 0)
        })
    }

    fn bytes(&self) -> u64 {
        self.end.offset.strict_sub(self.start.offset)
    }
}

/// The groups of a stretch as they were read.
#[derive(Default)]
struct Groups {
    /// Their lines, one group after the other.
    bytes: Vec<u8>,
    places: Vec<GroupPlace>,
}

struct GroupPlace {
    /// Where its lines end in `bytes`.
    end: usize,
    /// Byte of the file at which the first of them begins.
    offset: u64,
    seal: Seal,
}

impl Groups {
    fn read<D: Disk>(
        &mut self,
        disk: &D,
        stretch: &Stretch<'_>,
        plants: Plants,
    ) -> Result<(), OpenError> {
        let Stretch { segment: Segment { name, .. }, start, end } = stretch;
        self.bytes.clear();
        self.places.clear();
        let reading = || OpenError::disk(format!("reading {name}"));
        let changed = || OpenError::Disk {
            what: format!("reading {name} again"),
            source: io::ErrorKind::InvalidData.into(),
        };
        let file = disk.open_read(name).map_err(reading())?;
        let mut scan = Scan::new(disk, &file, start.offset, start.link, plants);
        while scan.offset() < end.offset {
            // It was proven a moment ago.
            let group = scan.next().map_err(reading())?.ok_or_else(changed)?;
            self.bytes.extend_from_slice(group.bytes);
            let place =
                GroupPlace { end: self.bytes.len(), offset: group.offset, seal: group.seal };
            self.places.push(place);
        }
        let as_before = scan.link().hash == end.link.hash && scan.link().last == end.link.last;
        if as_before { Ok(()) } else { Err(changed()) }
    }
}

/// Where a replay stands.
struct State {
    last: Seq,
    world: i128,
    at_us: u64,
}

impl State {
    fn take(
        &mut self,
        segment: &Segment,
        groups: &Groups,
        position: Seq,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), Contradiction>,
    ) -> Result<(), OpenError> {
        let mut start = 0;
        for GroupPlace { end, offset, seal } in &groups.places {
            let bytes = groups.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            if seal.last < position {
                self.last = seal.last;
                self.world = seal.world;
                continue;
            }
            let end = self.take_group(segment, bytes, *offset, seal.hash, position, sink)?;
            if self.last != seal.last {
                return Err(damage(&segment.name, end, self.last, Fault::Order));
            }
            if self.world != seal.world {
                return Err(damage(&segment.name, end, self.last, Fault::World));
            }
        }
        Ok(())
    }

    /// Takes the lines of a group that begins at byte `offset`; returns where they end.
    fn take_group(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        mut offset: u64,
        seal: Hash,
        position: Seq,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), Contradiction>,
    ) -> Result<u64, OpenError> {
        let name = &*segment.name;
        let mut rest = bytes;
        while !rest.is_empty() {
            let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
            let (line, behind) = rest.split_at(len);
            rest = behind;
            let before = self.last;
            let at = |fault| damage(name, offset, before, fault);
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let Some(transaction) = record::decode(text) else {
                return Err(unread(name, text, at));
            };
            if transaction.seq != self.last.next() || transaction.at_us < self.at_us {
                return Err(at(Fault::Order));
            }
            self.last = transaction.seq;
            self.at_us = transaction.at_us;
            self.world = self.world.saturating_add(transaction.event.world_delta());
            if transaction.seq > position {
                let bytes = u32::try_from(len).unwrap_or(u32::MAX);
                let place = LinePlace { file_first: segment.header.first, offset, bytes };
                sink(Found::Event { transaction, place, seal })
                    .map_err(|what| at(Fault::Contradiction(what)))?;
            }
            offset = offset.strict_add(len as u64);
        }
        Ok(offset)
    }
}

/// A sealed line that is no event of ours: one of a newer program if it is whole JSON.
fn unread(name: &str, line: &[u8], at: impl FnOnce(Fault) -> OpenError) -> OpenError {
    let json = line.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(line).is_ok();
    if json { OpenError::NewerFormat { file: name.into(), format: 0 } } else { at(Fault::Line) }
}
