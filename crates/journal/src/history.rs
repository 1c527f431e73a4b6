//! All files of a data folder as one history: first the chain of seals over every byte, then the
//! events. Reads only; recovery and `verify` both stand on it.

use std::collections::HashSet;
use std::io;

use ledger::{AccountId, Balance, Seq, Transaction};
use serde::de::IgnoredAny;

use crate::disk::Disk;
use crate::error::{Contradiction, Damage, Fault, OpenError};
use crate::hash::Hash;
use crate::header::{FirstLine, Genesis, Header};
use crate::names::{ACTIVE, SNAPSHOT, SNAPSHOT_PREVIOUS, parse_closed_segment};
use crate::planted::Plants;
use crate::record;
use crate::scan::{Link, Scan, Tail, examine_tail, first_line};
use crate::snapshot::{self, Snapshot, State};

/// One journal file of the history.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Its first line.
    pub header: Header,
    /// Bytes of that line, newline included.
    pub header_bytes: u64,
    /// Byte up to which seals prove it.
    pub proven_end: u64,
    /// Its length in bytes, padding included.
    pub bytes: u64,
    /// Its last event, or the one before its first when it has none.
    pub last: Seq,
    /// Groups in it, empty ones included.
    pub groups_count: u64,
}

/// Every byte of a data folder's journal, judged.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Ledger and currency; `None` when the folder holds no journal yet.
    pub genesis: Option<Genesis>,
    /// The files in order; the last one is the active file unless `active_missing`.
    pub segments: Vec<Segment>,
    /// A crash in the middle of a rotation left no active file, or the closed one in its place.
    pub active_missing: bool,
    pub(crate) link: Link,
    pub(crate) tail: Tail,
    /// The snapshots that are whole and belong to this history, newest first.
    pub snapshots: Vec<(&'static str, Snapshot)>,
    /// The names of snapshots that are damaged.
    pub snapshots_damaged: Vec<&'static str>,
    /// Whether a seal with the hash that was asked for is on the chain.
    pub expected_seal_found: bool,
    plants: Plants,
}

/// What replay finds, in this order: the accounts of a snapshot, then events.
#[derive(Debug)]
pub enum Found<'a> {
    /// An account of the snapshot.
    Account {
        /// Its name.
        account: AccountId<'a>,
        /// Its balance.
        balance: Balance,
        /// The seq of its last change.
        seq: Seq,
    },
    /// An event of the journal. Whether an account already has it, its seq tells.
    Event {
        /// It.
        transaction: Transaction<'a>,
        /// Where its line is.
        place: LinePlace,
    },
}

/// Where the line of an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePlace {
    /// First seq of the file.
    pub file_first: Seq,
    /// Byte of the file at which the line begins.
    pub offset: u64,
    /// Bytes of the line, newline included.
    pub bytes: u32,
}

impl Survey {
    /// The last event that seals prove.
    pub fn last(&self) -> Seq {
        self.link.last
    }

    /// The balance of `@world` after it.
    pub fn world(&self) -> i128 {
        self.link.world
    }

    /// The hash of the last seal.
    pub fn seal(&self) -> Hash {
        self.link.hash
    }

    /// Bytes behind the last seal that no seal proves: where they begin and end in the active
    /// file. `None` when there is nothing but padding.
    pub fn torn_tail(&self) -> Option<(u64, u64)> {
        let start = self.segments.last()?.proven_end;
        match self.tail {
            Tail::Torn { end } => Some((start, end)),
            Tail::Clean | Tail::Damaged { .. } => None,
        }
    }

    /// Whether the active file ends as a clean stop leaves it: with an empty group, unpadded.
    pub fn is_clean_stop(&self) -> bool {
        self.link.last_group_empty && self.is_unpadded()
    }

    /// Whether there is an active file that ends with its last seal.
    pub(crate) fn is_unpadded(&self) -> bool {
        let ends = self.segments.last().is_some_and(|active| active.proven_end == active.bytes);
        !self.active_missing && ends
    }
}

/// Judges every file of the folder: the chain of seals from the first header on, the tail of the
/// active file, the snapshots. Errors: whatever no crash leaves behind.
pub fn survey<D: Disk>(disk: &D) -> Result<Survey, OpenError> {
    survey_expecting(disk, None)
}

/// The same, looking for a seal with the hash `expected` on the way.
pub(crate) fn survey_expecting<D: Disk>(
    disk: &D,
    expected: Option<Hash>,
) -> Result<Survey, OpenError> {
    whole(survey_so_far(disk, expected, Plants::default())?)
}

/// The same, with the fault that a test planted in the reading.
pub(crate) fn survey_planted<D: Disk>(disk: &D, plants: Plants) -> Result<Survey, OpenError> {
    whole(survey_so_far(disk, None, plants)?)
}

fn whole((survey, damage): (Survey, Option<Damage>)) -> Result<Survey, OpenError> {
    damage.map_or(Ok(survey), |damage| Err(OpenError::Corrupt(damage)))
}

/// The same for a reader that wants to see what there is: damage comes beside what is proven
/// before it.
pub fn survey_as_far_as_possible<D: Disk>(disk: &D) -> Result<(Survey, Option<Damage>), OpenError> {
    survey_so_far(disk, None, Plants::default())
}

fn survey_so_far<D: Disk>(
    disk: &D,
    expected: Option<Hash>,
    plants: Plants,
) -> Result<(Survey, Option<Damage>), OpenError> {
    let mut survey = Survey {
        genesis: None,
        segments: Vec::new(),
        active_missing: false,
        link: Link { last: Seq::ZERO, hash: Hash::ZERO, last_group_empty: false, world: 0 },
        tail: Tail::Clean,
        snapshots: Vec::new(),
        snapshots_damaged: Vec::new(),
        expected_seal_found: false,
        plants,
    };
    match survey_all(disk, expected, &mut survey) {
        Ok(()) => Ok((survey, None)),
        Err(OpenError::Corrupt(damage)) => Ok((survey, Some(damage))),
        Err(error) => Err(error),
    }
}

fn survey_all<D: Disk>(
    disk: &D,
    expected: Option<Hash>,
    survey: &mut Survey,
) -> Result<(), OpenError> {
    let names = disk.list().map_err(OpenError::disk("listing the folder"))?;
    let mut closed: Vec<(Seq, Seq, &String)> = names
        .iter()
        .filter_map(|name| parse_closed_segment(name).map(|(first, last)| (first, last, name)))
        .collect();
    closed.sort();
    let active_exists = names.iter().any(|name| name == ACTIVE);
    survey.active_missing = !active_exists;
    let states = snapshot_states(disk)?;
    if closed.is_empty() && !active_exists {
        return no_journal(&states);
    }
    let mut marks = Marks::new(&states, expected);
    for (first, last, name) in closed {
        let expected = survey.link.last.next();
        if first != expected {
            return Err(damage(name, 0, survey.link.last, Fault::MissingFile { seq: expected }));
        }
        let tail = survey_file(disk, name, survey, &mut marks)?;
        let whole = survey.segments.last().is_some_and(|segment| {
            segment.proven_end == segment.bytes && segment.last == last && tail == Tail::Clean
        });
        if !whole {
            let offset = survey.segments.last().map_or(0, |segment| segment.proven_end);
            return Err(damage(name, offset, survey.link.last, Fault::ClosedFileEnd));
        }
    }
    if active_exists && is_closed_too(disk, survey)? {
        survey.active_missing = true;
    } else if active_exists {
        survey.tail = survey_file(disk, ACTIVE, survey, &mut marks)
            .map_err(|error| original_folder(error, &states))?;
    }
    survey.expected_seal_found = marks.expected_seen;
    judge_snapshots(survey, states, &marks)
}

/// Whether the active file is the one that was closed last, still under its old name: so a power cut
/// leaves it when the rename of a rotation was lost in a failed sync and then made good.
fn is_closed_too<D: Disk>(disk: &D, survey: &Survey) -> Result<bool, OpenError> {
    let Some(closed) = survey.segments.last() else { return Ok(false) };
    let reading = || OpenError::disk(format!("reading {ACTIVE}"));
    let file = disk.open_read(ACTIVE).map_err(reading())?;
    let (first_line, _) = first_line(disk, &file).map_err(reading())?;
    let bytes = disk.len(&file).map_err(reading())?;
    Ok(bytes == closed.bytes && first_line == FirstLine::Header(closed.header.clone()))
}

/// A folder without any journal file: new, or robbed of it.
fn no_journal(states: &[(&'static str, State)]) -> Result<(), OpenError> {
    for (name, state) in states {
        match state {
            State::Absent => {}
            State::Newer { format } => {
                return Err(OpenError::NewerFormat { file: (*name).into(), format: *format });
            }
            State::Foreign => return Err(OpenError::Original { file: (*name).into() }),
            State::Whole(_) | State::Damaged => {
                return Err(damage(ACTIVE, 0, Seq::ZERO, Fault::MissingJournal));
            }
        }
    }
    Ok(())
}

/// The original's log may be empty; its snapshot beside it tells.
fn original_folder(error: OpenError, states: &[(&'static str, State)]) -> OpenError {
    let no_header = matches!(&error, OpenError::Corrupt(Damage { fault: Fault::Header, .. }));
    let foreign = states.iter().any(|(name, state)| *name == SNAPSHOT && *state == State::Foreign);
    if no_header && foreign { OpenError::Original { file: SNAPSHOT.into() } } else { error }
}

fn survey_file<D: Disk>(
    disk: &D,
    name: &str,
    survey: &mut Survey,
    marks: &mut Marks,
) -> Result<Tail, OpenError> {
    let reading = || OpenError::disk(format!("reading {name}"));
    let file = disk.open_read(name).map_err(reading())?;
    let (first_line, header_bytes) = first_line(disk, &file).map_err(reading())?;
    let before = survey.link;
    let header = match first_line {
        FirstLine::Header(header) => header,
        FirstLine::Newer { format } => {
            return Err(OpenError::NewerFormat { file: name.into(), format });
        }
        FirstLine::Original if before.last == Seq::ZERO => {
            return Err(OpenError::Original { file: name.into() });
        }
        FirstLine::Original | FirstLine::Damaged => {
            return Err(damage(name, 0, before.last, Fault::Header));
        }
    };
    let follows = header.first == before.last.next()
        && header.prev == before.hash
        && header.world == before.world
        && survey.genesis.as_ref().is_none_or(|genesis| *genesis == header.genesis);
    if !follows {
        return Err(damage(name, 0, before.last, Fault::HeaderChain));
    }
    survey.genesis = Some(header.genesis.clone());
    let link = Link { hash: header.chain_start(), ..before };
    marks.see(link.last, link.hash);
    let plants = survey.plants;
    let mut walk = Walk { offset: header_bytes, link, groups_count: 0, plants };
    walk.on(disk, &file, marks).map_err(reading())?;
    let mut tail = examine_tail(disk, &file, walk.offset).map_err(reading())?;
    if let Tail::Damaged { seal_offset } = tail {
        // Beside a running server the seal may be younger than the walk: then the walk goes on.
        walk.on(disk, &file, marks).map_err(reading())?;
        if walk.offset > seal_offset {
            tail = Tail::Clean;
        }
    }
    survey.link = walk.link;
    survey.segments.push(Segment {
        name: name.into(),
        header,
        header_bytes,
        proven_end: walk.offset,
        bytes: disk.len(&file).map_err(reading())?,
        last: walk.link.last,
        groups_count: walk.groups_count,
    });
    match tail {
        Tail::Damaged { seal_offset } => {
            let fault = Fault::BeforeSeal { seal_offset };
            Err(damage(name, walk.offset, walk.link.last, fault))
        }
        Tail::Clean | Tail::Torn { .. } => Ok(tail),
    }
}

/// How far the groups of a file are proven.
struct Walk {
    offset: u64,
    link: Link,
    groups_count: u64,
    plants: Plants,
}

impl Walk {
    fn on<D: Disk>(&mut self, disk: &D, file: &D::File, marks: &mut Marks) -> io::Result<()> {
        let mut scan = Scan::new(disk, file, self.offset, self.link, self.plants);
        while let Some(group) = scan.next()? {
            marks.see(group.seal.last, group.seal.hash);
            self.groups_count = self.groups_count.strict_add(1);
        }
        self.offset = scan.offset();
        self.link = scan.link();
        Ok(())
    }
}

fn snapshot_states<D: Disk>(disk: &D) -> Result<Vec<(&'static str, State)>, OpenError> {
    [SNAPSHOT, SNAPSHOT_PREVIOUS]
        .into_iter()
        .map(|name| match snapshot::examine(disk, name) {
            Ok(state) => Ok((name, state)),
            Err(source) => Err(OpenError::Disk { what: format!("reading {name}"), source }),
        })
        .collect()
}

/// Which of the seals that are looked for were seen on the chain.
struct Marks {
    /// Those that snapshots name.
    wanted: Vec<(Seq, Hash, bool)>,
    expected: Option<Hash>,
    expected_seen: bool,
}

impl Marks {
    fn new(states: &[(&'static str, State)], expected: Option<Hash>) -> Self {
        let wanted = states.iter().filter_map(|(_, state)| match state {
            State::Whole(snapshot) => Some((snapshot.head.seq, snapshot.head.seal, false)),
            State::Absent | State::Newer { .. } | State::Damaged | State::Foreign => None,
        });
        Self { wanted: wanted.collect(), expected, expected_seen: false }
    }

    fn see(&mut self, seq: Seq, hash: Hash) {
        for mark in &mut self.wanted {
            mark.2 |= mark.0 == seq && mark.1 == hash;
        }
        self.expected_seen |= self.expected == Some(hash);
    }

    fn seen(&self, seq: Seq, hash: Hash) -> bool {
        self.wanted.contains(&(seq, hash, true))
    }
}

fn judge_snapshots(
    survey: &mut Survey,
    states: Vec<(&'static str, State)>,
    marks: &Marks,
) -> Result<(), OpenError> {
    for (name, state) in states {
        match state {
            State::Absent => {}
            State::Newer { format } => {
                return Err(OpenError::NewerFormat { file: name.into(), format });
            }
            State::Damaged | State::Foreign => survey.snapshots_damaged.push(name),
            State::Whole(snapshot) => {
                let last = survey.link.last;
                if snapshot.seq_max > last {
                    let active = survey.segments.last();
                    let (file, offset) =
                        active.map_or((ACTIVE, 0), |active| (&*active.name, active.proven_end));
                    let fault = Fault::ShorterThanSnapshot { seq: snapshot.seq_max };
                    return Err(damage(file, offset, last, fault));
                }
                if !marks.seen(snapshot.head.seq, snapshot.head.seal)
                    && let (Tail::Torn { .. }, Some(active)) = (survey.tail, survey.segments.last())
                {
                    // The seal that it names stood where the bytes are that no seal proves.
                    let fault = Fault::ShorterThanSnapshot { seq: snapshot.seq_max };
                    return Err(damage(&active.name, active.proven_end, last, fault));
                }
                if !marks.seen(snapshot.head.seq, snapshot.head.seal) {
                    return Err(damage(name, 0, last, Fault::ForeignSnapshot));
                }
                survey.snapshots.push((name, snapshot));
            }
        }
    }
    Ok(())
}

/// How many accounts a surveyed history opened.
pub fn count_accounts<D: Disk>(disk: &D, survey: &Survey) -> Result<u64, OpenError> {
    let mut names = HashSet::new();
    replay(disk, survey, None, |found| {
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

/// Replays a surveyed history into `sink`: the accounts of the snapshot `from`, if one is named,
/// then every event from seq 1 on. Checks that the events follow one another, that their time
/// never goes back and that each seal states the balance of `@world` that they give.
/// Returns the time of the last event in microseconds since the Unix epoch.
pub fn replay<D: Disk>(
    disk: &D,
    survey: &Survey,
    from: Option<&str>,
    mut sink: impl FnMut(Found<'_>) -> Result<(), Contradiction>,
) -> Result<u64, OpenError> {
    if let Some(name) = from {
        let accounts = snapshot::read_accounts(disk, name, |account, balance, seq| {
            sink(Found::Account { account, balance, seq })
        });
        accounts
            .map_err(OpenError::disk(format!("reading {name}")))?
            .map_err(|what| damage(name, 0, Seq::ZERO, Fault::Contradiction(what)))?;
    }
    let mut at_us = 0;
    for segment in &survey.segments {
        let before = Seq::new(segment.header.first.get().saturating_sub(1));
        let mut state = Replay { last: before, world: segment.header.world, at_us };
        replay_segment(disk, segment, survey.plants, &mut state, &mut sink)?;
        at_us = state.at_us;
    }
    Ok(at_us)
}

struct Replay {
    last: Seq,
    world: i128,
    at_us: u64,
}

fn replay_segment<D: Disk>(
    disk: &D,
    segment: &Segment,
    plants: Plants,
    state: &mut Replay,
    sink: &mut impl FnMut(Found<'_>) -> Result<(), Contradiction>,
) -> Result<(), OpenError> {
    let name = &*segment.name;
    let reading = || OpenError::disk(format!("reading {name}"));
    let file = disk.open_read(name).map_err(reading())?;
    let link = Link {
        last: state.last,
        hash: segment.header.chain_start(),
        last_group_empty: false,
        world: state.world,
    };
    let mut scan = Scan::new(disk, &file, segment.header_bytes, link, plants);
    while scan.offset() < segment.proven_end {
        let Some(group) = scan.next().map_err(reading())? else {
            // It was proven a moment ago: the file changed under us.
            return Err(OpenError::Disk {
                what: format!("reading {name} again"),
                source: io::ErrorKind::InvalidData.into(),
            });
        };
        let mut offset = group.offset;
        for line in group.bytes.split_inclusive(|byte| *byte == b'\n') {
            let before = state.last;
            let at = |fault| damage(name, offset, before, fault);
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let Some(entry) = record::decode(text) else { return Err(unread(name, text, at)) };
            if entry.seq != state.last.next() || entry.at_us < state.at_us {
                return Err(at(Fault::Order));
            }
            state.last = entry.seq;
            state.at_us = entry.at_us;
            state.world = state.world.saturating_add(entry.event.world_delta());
            let bytes = u32::try_from(line.len()).unwrap_or(u32::MAX);
            let place = LinePlace { file_first: segment.header.first, offset, bytes };
            sink(Found::Event { transaction: entry, place })
                .map_err(|what| at(Fault::Contradiction(what)))?;
            offset = offset.strict_add(line.len() as u64);
        }
        if state.last != group.seal.last {
            return Err(damage(name, offset, state.last, Fault::Order));
        }
        if state.world != group.seal.world {
            return Err(damage(name, offset, state.last, Fault::World));
        }
    }
    Ok(())
}

/// A sealed line that is no event of ours: one of a newer program if it is whole JSON.
fn unread(name: &str, line: &[u8], at: impl FnOnce(Fault) -> OpenError) -> OpenError {
    let json = line.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(line).is_ok();
    if json { OpenError::NewerFormat { file: name.into(), format: 0 } } else { at(Fault::Line) }
}

fn damage(file: &str, offset: u64, seq_good: Seq, fault: Fault) -> OpenError {
    OpenError::Corrupt(Damage { file: file.into(), offset, seq_good, fault })
}
