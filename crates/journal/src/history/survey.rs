//! Judges every file of a folder: each proven by itself, on as many threads as help, then linked one
//! after the other.

use std::io;

use ledger::Seq;

use super::prove::{Marks, Proven, prove_file};
use super::snapshots::{Candidates, NAMES, judge, or_original};
use super::{Segment, Survey, damage};
use crate::disk::Disk;
use crate::error::{Damage, Fault, OpenError};
use crate::hash::Hash;
use crate::header::{FirstLine, Header};
use crate::names::{ACTIVE, parse_closed_segment};
use crate::planted::Plants;
use crate::progress::{Meter, Phase, Progress};
use crate::scan::{Link, Tail};
use crate::snapshot::{Depth, State};
use crate::workers::{Plan, Results, Tally, Workers, in_order};

/// How a folder is surveyed.
pub(crate) struct SurveyOptions<'p> {
    /// A seal to look for, by its hash.
    pub(crate) expected: Option<Hash>,
    /// The last event that the index holds, and the seal that ends with it.
    pub(crate) indexed: Option<(Seq, Hash)>,
    /// The fault that a test planted in the reading.
    pub(crate) plants: Plants,
    /// Who helps.
    pub(crate) workers: Workers,
    /// How closely the snapshot before the newest is looked at when the newest is whole.
    pub(crate) previous: Depth,
    /// Who is told how far it is.
    pub(crate) progress: &'p dyn Fn(Progress),
}

impl Default for SurveyOptions<'_> {
    fn default() -> Self {
        Self {
            expected: None,
            indexed: None,
            plants: Plants::default(),
            workers: Workers::of_this_machine(),
            previous: Depth::Lines,
            progress: &|_| {},
        }
    }
}

/// Judges every file of the folder: the chain of seals from the first header on, the tail of the
/// active file, the snapshots. Errors: whatever no crash leaves behind.
pub fn survey<D: Disk>(disk: &D) -> Result<Survey, OpenError> {
    survey_with(disk, &SurveyOptions::default())
}

/// The same with the help of `workers`.
pub fn survey_by<D: Disk>(disk: &D, workers: Workers) -> Result<Survey, OpenError> {
    survey_with(disk, &SurveyOptions { workers, ..SurveyOptions::default() })
}

/// The same, looking for a seal with the hash `expected`: `expected_seal_found` tells.
pub fn survey_expecting<D: Disk>(disk: &D, expected: Option<Hash>) -> Result<Survey, OpenError> {
    survey_with(disk, &SurveyOptions { expected, ..SurveyOptions::default() })
}

/// The same, and everything else can be chosen.
pub(crate) fn survey_with<D: Disk>(
    disk: &D,
    options: &SurveyOptions<'_>,
) -> Result<Survey, OpenError> {
    let (survey, damage) = survey_so_far(disk, options)?;
    damage.map_or(Ok(survey), |damage| Err(OpenError::Corrupt(damage)))
}

/// The same for a reader that wants to see what there is: damage comes beside what is proven
/// before it.
pub fn survey_as_far_as_possible<D: Disk>(disk: &D) -> Result<(Survey, Option<Damage>), OpenError> {
    survey_so_far(disk, &SurveyOptions::default())
}

fn survey_so_far<D: Disk>(
    disk: &D,
    options: &SurveyOptions<'_>,
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
        indexed_seal_found: false,
        plants: options.plants,
    };
    match survey_all(disk, options, &mut survey) {
        Ok(()) => Ok((survey, None)),
        Err(OpenError::Corrupt(damage)) => Ok((survey, Some(damage))),
        Err(error) => Err(error),
    }
}

/// The journal files of a folder by their names.
struct Files<'n> {
    /// First and last seq and name of each closed one, in order.
    closed: Vec<(Seq, Seq, &'n str)>,
    active: Option<&'n str>,
}

/// What one job of a survey found out.
enum Judged {
    Snapshot(io::Result<State>),
    File(io::Result<Proven>),
}

fn survey_all<D: Disk>(
    disk: &D,
    options: &SurveyOptions<'_>,
    survey: &mut Survey,
) -> Result<(), OpenError> {
    let names = disk.list().map_err(OpenError::disk("listing the folder"))?;
    let files = Files::among(&names);
    survey.active_missing = files.active.is_none();
    let candidates = Candidates::find(disk)?;
    let in_order_of_seq: Vec<&str> = files.names().collect();
    if in_order_of_seq.is_empty() {
        return candidates.without_a_journal(disk);
    }
    let mut bytes_total = candidates.bytes();
    for name in &in_order_of_seq {
        let bytes = disk.open_read(name).and_then(|file| disk.len(&file));
        let bytes = bytes.map_err(OpenError::disk(format!("reading {name}")))?;
        bytes_total = bytes_total.saturating_add(bytes);
    }
    let SurveyOptions { plants, previous, .. } = *options;
    let marks = Marks::new(candidates.seals().chain(options.indexed), options.expected);
    // The snapshots first: they are the longest jobs, and an empty folder is judged by them.
    let work = |job: usize, _: Option<Judged>, tally: &Tally| {
        let file = job.checked_sub(NAMES.len()).and_then(|number| in_order_of_seq.get(number));
        match file {
            Some(name) => {
                let marks = marks.clone();
                Judged::File(prove_file(disk, name, marks, plants, tally))
            }
            None => Judged::Snapshot(candidates.examine(disk, job, previous, tally)),
        }
    };
    let jobs = NAMES.len() + in_order_of_seq.len();
    let plan = Plan { workers: options.workers.for_bytes(bytes_total), jobs, ahead: jobs };
    let mut meter = Meter::begin(options.progress, Phase::Proving, bytes_total);
    let (states, seen) = in_order(plan, &mut meter, work, |judged| {
        let mut states = Vec::new();
        for name in NAMES {
            if let Some(Judged::Snapshot(state)) = judged.next() {
                states.push(state.map_err(OpenError::disk(format!("reading {name}")))?);
            }
        }
        candidates.look_closer(disk, previous, &mut states)?;
        let mut seen = marks.clone();
        link_all(&files, judged, survey, &mut seen).map_err(|error| or_original(error, &states))?;
        Ok((states, seen))
    })?;
    meter.end();
    survey.expected_seal_found = seen.expected_seen();
    survey.indexed_seal_found = options.indexed.is_some_and(|(seq, seal)| seen.seen(seq, seal));
    judge(survey, states, &seen)
}

impl<'n> Files<'n> {
    fn among(names: &'n [String]) -> Self {
        let mut closed: Vec<(Seq, Seq, &str)> = names
            .iter()
            .filter_map(|name| {
                parse_closed_segment(name).map(|(first, last)| (first, last, &**name))
            })
            .collect();
        closed.sort_unstable();
        let active = names.iter().find(|name| *name == ACTIVE).map(|name| &**name);
        Self { closed, active }
    }

    fn names(&self) -> impl Iterator<Item = &'n str> {
        self.closed.iter().map(|(_, _, name)| *name).chain(self.active)
    }
}

/// Takes the proven files in order and checks that each follows the one before.
fn link_all(
    files: &Files<'_>,
    judged: &mut Results<'_, '_, Judged>,
    survey: &mut Survey,
    seen: &mut Marks,
) -> Result<(), OpenError> {
    for (first, last, name) in &files.closed {
        let expected = survey.link.last.next();
        if *first != expected {
            return Err(damage(name, 0, survey.link.last, Fault::MissingFile { seq: expected }));
        }
        let tail = link(name, next_proven(name, judged)?, survey, seen)?;
        let whole = survey.segments.last().is_some_and(|segment| {
            segment.proven_end == segment.bytes && segment.last == *last && tail == Tail::Clean
        });
        if !whole {
            let offset = survey.segments.last().map_or(0, |segment| segment.proven_end);
            return Err(damage(name, offset, survey.link.last, Fault::ClosedFileEnd));
        }
    }
    if let Some(name) = files.active {
        let proven = next_proven(name, judged)?;
        if is_closed_too(&proven, survey) {
            survey.active_missing = true;
        } else {
            survey.tail = link(name, proven, survey, seen)?;
        }
    }
    Ok(())
}

fn next_proven(name: &str, judged: &mut Results<'_, '_, Judged>) -> Result<Proven, OpenError> {
    let missing = || Err(io::ErrorKind::NotFound.into());
    let proven = match judged.next() {
        Some(Judged::File(proven)) => proven,
        Some(Judged::Snapshot(_)) | None => missing(),
    };
    proven.map_err(OpenError::disk(format!("reading {name}")))
}

/// Whether the active file is the one that was closed last, still under its old name: so a power cut
/// leaves it when the rename of a rotation was lost in a failed sync and then made good.
fn is_closed_too(active: &Proven, survey: &Survey) -> bool {
    survey.segments.last().is_some_and(|closed| {
        active.bytes == closed.bytes && is_header(&active.first_line, &closed.header)
    })
}

fn is_header(first_line: &FirstLine, expected: &Header) -> bool {
    matches!(first_line, FirstLine::Header(header) if header == expected)
}

/// Links a file that was proven by itself to those before it.
fn link(
    name: &str,
    proven: Proven,
    survey: &mut Survey,
    seen: &mut Marks,
) -> Result<Tail, OpenError> {
    let before = survey.link;
    let header = match proven.first_line {
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
    seen.add(&proven.marks);
    survey.genesis = Some(header.genesis.clone());
    survey.link = proven.end.link;
    if proven.groups_count == 0 {
        survey.link.last_group_empty = before.last_group_empty;
    }
    let mut waypoints = proven.waypoints;
    waypoints.push(proven.end);
    let proven_end = proven.end.offset;
    survey.segments.push(Segment {
        name: name.into(),
        header,
        header_bytes: proven.header_bytes,
        proven_end,
        bytes: proven.bytes,
        last: survey.link.last,
        groups_count: proven.groups_count,
        waypoints,
    });
    match proven.tail {
        Tail::Damaged { seal_offset } => {
            let fault = Fault::BeforeSeal { seal_offset };
            Err(damage(name, proven_end, survey.link.last, fault))
        }
        Tail::Clean | Tail::Torn { .. } => Ok(proven.tail),
    }
}
