//! Opens a data folder: judges what is there, replays it, sets a torn tail aside, and leaves an
//! active file that was synced by this process before anything rests on it.
//!
//! **Invariant:** history is never shortened in silence. Bytes behind the last seal are set aside
//! in `quarantine/` before they are cut; anything that no crash leaves behind is refused.
//! **Invariant:** what was replayed is durable before anything is served, whatever the page cache
//! said: after an unclean stop the proven groups are copied into a new, synced file.

use std::io;
use std::sync::Arc;

use ledger::Seq;

use crate::active::{ActiveFile, ProvenGroups, create_active_aside};
use crate::disk::{Disk, is_full, read_full_at, write_all_at};
use crate::error::{Contradiction, Damage, Fault, OpenError};
use crate::hash::Hash;
use crate::header::{Genesis, Header};
use crate::history::{
    Found, Replay, Replayed, Segment, Survey, SurveyOptions, replay, survey_with,
};
use crate::incarnation::LockFile;
use crate::limits::{READ_BYTES_MAX, Sizes};
use crate::names::{ACTIVE, ACTIVE_NEW, LOCK, SNAPSHOT_NEW, SNAPSHOT_PREVIOUS_NEW};
use crate::planted::Plants;
use crate::progress::Progress;
use crate::scan::Link;
use crate::snapshot::Depth;
use crate::staging::{Head, Staging};
use crate::workers::Workers;
use crate::writer::Writer;

/// How to open a data folder.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Sizes of files and groups.
    pub sizes: Sizes,
    /// What a new ledger is to be; an existing one keeps what it is.
    pub genesis_if_new: Genesis,
    /// Events up to this one are in the index of history already: replay begins behind it, or
    /// behind the snapshot when that is older. Zero: every event is replayed. The index holds what
    /// was durable and nothing else, so a journal that ends before it is refused.
    pub indexed: Seq,
    /// Hash of the seal that ends with `indexed`. It must be on the chain of the journal, for else
    /// the index is that of another history. `None`: that is not asked.
    pub indexed_seal: Option<Hash>,
    /// Who helps to read.
    pub workers: Workers,
    /// Faults planted by a test.
    pub plants: Plants,
}

impl OpenOptions {
    /// What production uses, with nothing indexed.
    pub fn new(genesis_if_new: Genesis) -> Self {
        Self {
            sizes: Sizes::default(),
            genesis_if_new,
            indexed: Seq::ZERO,
            indexed_seal: None,
            workers: Workers::of_this_machine(),
            plants: Plants::default(),
        }
    }
}

/// An open data folder. The lock is held as long as this lives.
pub struct Opened<D: Disk> {
    /// The journal, ready to write behind its last event.
    pub writer: Writer<D>,
    /// What was found.
    pub report: Report,
    /// The one-process lock.
    pub lock: D::File,
}

/// What opening a data folder found and did.
#[derive(Clone, Debug)]
pub struct Report {
    /// Ledger and currency.
    pub genesis: Genesis,
    /// Whether the folder was empty and a new ledger was begun in it.
    pub is_new: bool,
    /// The snapshot that replay started from, and its seq.
    pub snapshot: Option<(&'static str, Seq)>,
    /// Snapshots that were not whole and were passed over.
    pub snapshots_damaged: Vec<&'static str>,
    /// Events behind the snapshot.
    pub events_replayed: u64,
    /// The first event that was handed to the sink, or would have been.
    pub replayed_from: Seq,
    /// What was read.
    pub bytes_read: BytesRead,
    /// The last event.
    pub last: Seq,
    /// Hash of the last seal.
    pub seal: Hash,
    /// A torn tail that was set aside: its bytes, and the file that holds them now.
    pub torn_tail: Option<(u64, String)>,
    /// Whether the last stop was a clean one.
    pub was_clean: bool,
    /// Whether the active file ends without its padding though the last stop was no clean one:
    /// no crash of ours leaves that, so something else may have cut it at a seal.
    pub is_short: bool,
    /// How often the folder has been opened.
    pub incarnation: u64,
}

/// What a start read, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BytesRead {
    /// All journal files, proven to the last byte.
    pub journal: u64,
    /// The snapshot whose accounts were handed out.
    pub snapshot: u64,
    /// Groups that were read again, because their events were handed out.
    pub replayed: u64,
}

/// Takes the one-process lock of the folder of `disk`, which is held as long as what is returned
/// lives. Whatever is read or written in the folder or below it comes after. Errors: `Locked`.
pub fn lock_folder<D: Disk>(disk: &D) -> Result<D::File, OpenError> {
    disk.lock().map_err(|source| {
        if source.kind() == io::ErrorKind::WouldBlock {
            OpenError::Locked
        } else {
            writing(format!("locking {LOCK}"))(source)
        }
    })
}

/// Opens the folder of `disk`, whose `lock` was taken. On the way it hands to `sink` the accounts of
/// the newest whole snapshot, in the order of their numbers, and then the events behind it, or behind
/// [`OpenOptions::indexed`] where that is older; without a snapshot every event. `progress` is told
/// how far it is.
///
/// Every byte of every file is proven, also of those whose events are not handed out. Of these only
/// the balance of `@world` that each seal states is taken as it stands; `verify` holds it against
/// the events.
pub fn open<D: Disk>(
    disk: Arc<D>,
    lock: D::File,
    options: &OpenOptions,
    progress: &dyn Fn(Progress),
    sink: impl FnMut(Found<'_>) -> Result<(), Contradiction>,
) -> Result<Opened<D>, OpenError> {
    let names = disk.list().map_err(OpenError::disk("listing the folder"))?;
    if names.iter().any(|name| name == ACTIVE) {
        // IMPORTANT: before anything is read. What a crashed process wrote and did not sync would
        // otherwise be replayed and served without being durable.
        let file = disk.open(ACTIVE).map_err(OpenError::disk("opening transactions.log"))?;
        disk.sync_all(&file).map_err(OpenError::disk("sync of transactions.log"))?;
    }
    disk.sync_dir().map_err(OpenError::disk("sync of the folder"))?;

    let survey_options = SurveyOptions {
        expected: None,
        indexed: options.indexed_seal.map(|seal| (options.indexed, seal)),
        plants: options.plants,
        workers: options.workers,
        previous: Depth::Bytes,
        progress,
    };
    let survey = survey_with(&*disk, &survey_options)?;
    is_not_robbed(&*disk, &lock, &survey)?;
    bears_out_the_index(&survey, options)?;
    for name in [ACTIVE_NEW, SNAPSHOT_NEW, SNAPSHOT_PREVIOUS_NEW] {
        if names.iter().any(|known| known == name) {
            disk.unlink(name).map_err(OpenError::disk(format!("unlinking {name}")))?;
        }
    }
    let is_new = survey.genesis.is_none();
    let lock_file = LockFile::read(&*disk, &lock).map_err(OpenError::disk("reading LOCK"))?;
    let genesis = survey.genesis.clone().unwrap_or_else(|| options.genesis_if_new.clone());
    let snapshot = survey.snapshots.first().map(|(name, snapshot)| (*name, snapshot.head.seq));
    // Without a snapshot the accounts are to be had from all events alone.
    let position = snapshot.map_or(Seq::ZERO, |(_, seq)| seq.min(options.indexed));
    let replay_options = Replay {
        snapshot: snapshot.map(|(name, _)| name),
        position,
        workers: options.workers,
        progress,
    };
    let Replayed { at_us, bytes } = replay(&*disk, &survey, &replay_options, sink)?;
    let bytes_read = BytesRead {
        journal: survey.bytes(),
        snapshot: survey.snapshots.first().map_or(0, |(_, snapshot)| snapshot.bytes),
        replayed: bytes,
    };
    let unpadded = survey.is_unpadded();
    // A clean stop leaves a snapshot of exactly its end as a second witness.
    let witnessed = survey.snapshots.iter().any(|(_, one)| one.head.seq == survey.last());
    let was_clean = is_new || (survey.is_clean_stop() && witnessed && ends_with_newline(&*disk)?);
    let is_short = unpadded
        && !was_clean
        && survey.segments.last().is_some_and(|last| last.bytes < options.sizes.segment_bytes_max);
    let torn_tail = match (survey.torn_tail(), survey.segments.last()) {
        (Some((start, end)), Some(active)) => {
            let kept = set_aside(&*disk, active, start, end)?;
            Some((end.strict_sub(start), kept))
        }
        _ => None,
    };
    let mut link = survey.link;
    let active = if let (true, Some(segment)) = (was_clean, survey.segments.last()) {
        let file = disk.open(ACTIVE).map_err(OpenError::disk("opening transactions.log"))?;
        let end = segment.proven_end;
        let Header { format, first, .. } = segment.header;
        ActiveFile { file, format, first, end, padded_to: end }
    } else {
        renew_active(&*disk, &options.sizes, &survey, &genesis, &mut link)?
    };
    let incarnation = lock_file
        .bump(&*disk, &lock, genesis.ledger)
        .map_err(writing(format!("writing {LOCK}")))?;
    let events_from = snapshot.map_or(0, |(_, seq)| seq.get());
    let report = Report {
        genesis: genesis.clone(),
        is_new,
        snapshot,
        snapshots_damaged: survey.snapshots_damaged.clone(),
        events_replayed: survey.last().get().saturating_sub(events_from),
        replayed_from: position.next(),
        bytes_read,
        last: survey.last(),
        seal: link.hash,
        torn_tail,
        was_clean,
        is_short,
        incarnation,
    };
    let head = Head { seq: link.last, world: link.world, at_us, ..Head::default() };
    let staging = Arc::new(Staging::new(head, options.sizes.group_bytes_max));
    let writer = Writer::new(disk, options.sizes, options.plants, genesis, staging, active, link);
    Ok(Opened { writer, report, lock })
}

/// Judges a folder in which no journal is known, whose `lock` was taken, before anything in it or
/// below it is taken for new. Errors: whatever shows that there was a journal, or is a damaged one.
pub fn must_be_new<D: Disk>(disk: &D, lock: &D::File) -> Result<(), OpenError> {
    is_not_robbed(disk, lock, &survey_with(disk, &SurveyOptions::default())?)
}

/// The lock file knows of a ledger whose journal is not there.
fn is_not_robbed<D: Disk>(disk: &D, lock: &D::File, survey: &Survey) -> Result<(), OpenError> {
    let reading = OpenError::disk("reading LOCK");
    if survey.genesis.is_some() || !LockFile::read(disk, lock).map_err(reading)?.knows_a_ledger() {
        return Ok(());
    }
    Err(OpenError::Corrupt(Damage {
        file: ACTIVE.into(),
        offset: 0,
        seq_good: Seq::ZERO,
        fault: Fault::MissingJournal,
    }))
}

/// The index is a second witness of how far the journal reached, as a snapshot is, and of which
/// history it is.
fn bears_out_the_index(survey: &Survey, options: &OpenOptions) -> Result<(), OpenError> {
    let fault = if options.indexed > survey.last() {
        Fault::ShorterThanIndex { seq: options.indexed }
    } else if options.indexed_seal.is_some() && !survey.indexed_seal_found {
        Fault::ForeignIndex
    } else {
        return Ok(());
    };
    let active = survey.segments.last();
    Err(OpenError::Corrupt(Damage {
        file: active.map_or(ACTIVE, |active| &*active.name).into(),
        offset: active.map_or(0, |active| active.proven_end),
        seq_good: survey.last(),
        fault,
    }))
}

/// Whether the active file's last byte is a newline. A seal at the very end counts without one, but
/// nothing can be appended to it.
fn ends_with_newline<D: Disk>(disk: &D) -> Result<bool, OpenError> {
    let reading = || OpenError::disk(format!("reading {ACTIVE}"));
    let file = disk.open_read(ACTIVE).map_err(reading())?;
    let end = disk.len(&file).map_err(reading())?;
    let mut last = [0];
    read_full_at(disk, &file, &mut last, end.saturating_sub(1)).map_err(reading())?;
    Ok(last == [b'\n'])
}

/// Writes the file that was closed last anew, under its own name. After a crash in mid-rotation
/// that name is in doubt: if the sync that was to make it durable failed, the cache shows it and no
/// later sync would notice. A new file under a new rename is durable whatever happened before.
fn renew_closed<D: Disk>(disk: &D, sizes: &Sizes, closed: &Segment) -> Result<(), OpenError> {
    let Segment { name, header, header_bytes, proven_end, .. } = closed;
    let renewing = || writing(format!("writing {name} anew"));
    let file = disk.open_read(name).map_err(OpenError::disk(format!("opening {name}")))?;
    let groups = ProvenGroups { file: &file, start: *header_bytes, end: *proven_end };
    let copy = create_active_aside(disk, sizes, header, Some(groups)).map_err(renewing())?;
    disk.set_len(&copy.file, copy.end).map_err(renewing())?;
    disk.sync_all(&copy.file).map_err(renewing())?;
    disk.rename(ACTIVE_NEW, name).map_err(renewing())?;
    disk.sync_dir().map_err(renewing())
}

/// Writes a new active file: empty in a new folder or after a crash in mid-rotation, otherwise a
/// copy of the proven groups. Synced, then renamed over the old one.
fn renew_active<D: Disk>(
    disk: &D,
    sizes: &Sizes,
    survey: &Survey,
    genesis: &Genesis,
    link: &mut Link,
) -> Result<ActiveFile<D::File>, OpenError> {
    let creating = || writing(format!("writing {ACTIVE_NEW}"));
    if let (true, Some(closed)) = (survey.active_missing, survey.segments.last()) {
        renew_closed(disk, sizes, closed)?;
    }
    let copied = if survey.active_missing { None } else { survey.segments.last() };
    let active = if let Some(Segment { header, header_bytes, proven_end, .. }) = copied {
        let file = disk.open_read(ACTIVE).map_err(OpenError::disk("opening transactions.log"))?;
        let groups = ProvenGroups { file: &file, start: *header_bytes, end: *proven_end };
        create_active_aside(disk, sizes, header, Some(groups)).map_err(creating())?
    } else {
        let header = Header::new(genesis.clone(), link.last.next(), link.world, link.hash);
        link.hash = header.chain_start();
        create_active_aside(disk, sizes, &header, None).map_err(creating())?
    };
    disk.sync_all(&active.file).map_err(OpenError::disk(format!("sync of {ACTIVE_NEW}")))?;
    disk.rename(ACTIVE_NEW, ACTIVE).map_err(OpenError::disk(format!("renaming {ACTIVE_NEW}")))?;
    disk.sync_dir().map_err(OpenError::disk("sync of the folder"))?;
    Ok(active)
}

/// Copies the bytes `start` to `end` of the active file into `quarantine/`, durably; returns the
/// name of the copy.
fn set_aside<D: Disk>(
    disk: &D,
    active: &Segment,
    start: u64,
    end: u64,
) -> Result<String, OpenError> {
    let setting = || writing("setting the torn tail aside".to_owned());
    let reading = || OpenError::disk("reading the torn tail");
    disk.create_quarantine().map_err(setting())?;
    // A crash in mid-recovery leaves a copy behind; the next one takes the next name.
    let mut attempt = 0_u32;
    let (name, copy) = loop {
        let name = format!("quarantine/after-seq-{}.{attempt}", active.last);
        match disk.create(&name) {
            Ok(copy) => break (name, copy),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 10_000 => {
                attempt += 1;
            }
            Err(error) => return Err(setting()(error)),
        }
    };
    let file = disk.open_read(ACTIVE).map_err(reading())?;
    let left = usize::try_from(end.strict_sub(start)).unwrap_or(READ_BYTES_MAX);
    let mut bytes = vec![0; left.min(READ_BYTES_MAX)];
    let mut offset = start;
    while offset < end {
        let left = usize::try_from(end.strict_sub(offset)).unwrap_or(bytes.len());
        let wanted = left.min(bytes.len());
        let space = bytes.get_mut(..wanted).unwrap_or_default();
        let count = read_full_at(disk, &file, space, offset).map_err(reading())?;
        if count == 0 {
            break;
        }
        let read = space.get(..count).unwrap_or_default();
        write_all_at(disk, &copy, read, offset.strict_sub(start)).map_err(setting())?;
        offset = offset.strict_add(count as u64);
    }
    disk.sync_all(&copy).map_err(setting())?;
    disk.sync_dir().map_err(setting())?;
    Ok(name)
}

/// A full disk is told apart: it is the user's to mend.
fn writing(what: String) -> impl FnOnce(io::Error) -> OpenError {
    move |source| {
        if is_full(&source) {
            OpenError::DiskFull { what, source }
        } else {
            OpenError::Disk { what, source }
        }
    }
}
