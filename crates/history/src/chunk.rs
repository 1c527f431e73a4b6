//! Events that are in no run yet, in memory.
//!
//! A chunk begins and ends with a group. It is filled under a lock (`fresh`), closed when it holds
//! enough, and sorted once, later, without one.

use std::ops::Range;
use std::sync::OnceLock;

use journal::{Hash, Head, Trace, Traces};
use ledger::Seq;

use crate::entry::{Leg, Pair, sort_by_account};
use crate::error::HistoryError;
use crate::run::Wanted;
use crate::{Group, NameOf, Place};

/// So many accounts that events change or open weigh as much as an event. Nearly every event changes
/// two accounts and opens none, and then its weight is one; what opens 100,000 accounts takes the
/// memory of thousands.
const ACCOUNTS_PER_EVENT: u64 = 8;

/// What events weigh that change and open so many accounts together: the events, or more.
pub(crate) fn weight(events: u64, changed: u64, opened: u64) -> u64 {
    events.max(changed.saturating_add(opened) / ACCOUNTS_PER_EVENT)
}

/// Consecutive events.
pub(crate) struct Chunk {
    /// The journal before the first event, and after the last.
    before: Head,
    head: Head,
    /// Hash of the seal of its last group.
    seal: Hash,
    traces: Traces,
    stretches: Vec<Stretch>,
    /// Accounts that its events change, each as often as it is changed.
    changed: u64,
    sorted: OnceLock<Sorted>,
}

/// A group as it stands in its file: its lines follow each other without a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Its first event, counted from the first of the chunk.
    pub(crate) at: usize,
    /// First seq of the journal file.
    pub(crate) file_first: Seq,
    /// Byte of that file at which the first line begins.
    pub(crate) offset: u64,
    /// Time of its last event.
    pub(crate) end_us: u64,
}

/// What a chunk is looked up by, once it is sorted.
pub(crate) struct Sorted {
    /// Seqs count from the first event of the chunk.
    pub(crate) legs: Vec<Leg>,
    /// The accounts that were opened, by name.
    pub(crate) names: Vec<(Box<[u8]>, u32)>,
}

impl Chunk {
    /// An empty chunk behind `before`.
    pub(crate) fn behind(before: Head) -> Self {
        let (traces, stretches) = (Traces::default(), Vec::new());
        Self {
            before,
            head: before,
            seal: Hash::ZERO,
            traces,
            stretches,
            changed: 0,
            sorted: OnceLock::new(),
        }
    }

    /// Adds a group, which must follow. Costs a copy of its traces.
    pub(crate) fn append(&mut self, group: &Group<'_>) {
        let Group { head, seal, traces, file_first, offset } = *group;
        let at = self.traces.len();
        self.stretches.push(Stretch { at, file_first, offset, end_us: head.at_us });
        self.traces.extend(traces);
        let changed = traces.list.iter().map(|trace| traces.accounts_of(trace).len() as u64);
        self.changed = self.changed.saturating_add(changed.sum());
        (self.head, self.seal) = (head, seal);
    }

    pub(crate) fn before(&self) -> Head {
        self.before
    }

    pub(crate) fn head(&self) -> Head {
        self.head
    }

    pub(crate) fn seal(&self) -> Hash {
        self.seal
    }

    pub(crate) fn len(&self) -> usize {
        self.traces.len()
    }

    /// What its events weigh, in ordinary ones.
    pub(crate) fn weight(&self) -> u64 {
        let opened = self.opened();
        weight(self.len() as u64, self.changed, opened.end.saturating_sub(opened.start))
    }

    pub(crate) fn first(&self) -> Seq {
        self.before.seq.next()
    }

    pub(crate) fn sorted(&self) -> Option<&Sorted> {
        self.sorted.get()
    }

    /// The groups, each with the place behind its last event.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = (Stretch, usize)> {
        let ends = self.stretches.iter().skip(1).map(|next| next.at);
        self.stretches.iter().copied().zip(ends.chain([self.traces.len()]))
    }

    /// The events from place `from` to place `to`.
    pub(crate) fn traces(&self, from: usize, to: usize) -> &[Trace] {
        self.traces.slice(from, to, self.first()).list
    }

    /// Numbers of the accounts that were opened.
    pub(crate) fn opened(&self) -> Range<u64> {
        self.before.accounts_count..self.head.accounts_count
    }

    fn seq(&self, at: usize) -> Seq {
        Seq::new(self.first().get().saturating_add(at as u64))
    }

    /// The place of a seq in this chunk.
    fn at(&self, seq: Seq) -> Option<usize> {
        let at = usize::try_from(seq.get().checked_sub(self.first().get())?).ok()?;
        (at < self.len()).then_some(at)
    }

    /// Sorts it, unless that was done.
    pub(crate) fn sort(&self, name_of: NameOf<'_>) -> Result<(), HistoryError> {
        if self.sorted.get().is_some() {
            return Ok(());
        }
        let mut names = names_of(self.opened(), name_of).collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        let all = self.traces.slice(0, self.len(), self.first());
        let mut legs = Vec::with_capacity(2 * self.len());
        for (at, trace) in (0u32..).zip(all.list) {
            legs.extend(all.accounts_of(trace).iter().map(|account| Leg::new(*account, at)));
        }
        sort_by_account(&mut legs);
        legs.dedup();
        self.sorted.get_or_init(|| Sorted { legs, names });
        Ok(())
    }

    /// Adds the seqs whose tx_ids have this hash, ascending.
    pub(crate) fn seqs_of_hash(&self, hash: u64, found: &mut Vec<Seq>) {
        let same = self.traces(0, self.len()).iter().enumerate();
        found.extend(same.filter(|(_, trace)| trace.tx_hash == hash).map(|(at, _)| self.seq(at)));
    }

    /// Adds the seqs that changed an account, in the order asked for, until `found` holds as many
    /// as are wanted.
    pub(crate) fn seqs_of_account(&self, wanted: &Wanted, found: &mut Vec<Seq>) {
        let is_wanted = |seq: &Seq| wanted.from <= *seq && *seq <= wanted.to;
        let room = wanted.limit.saturating_sub(found.len());
        if let Some(Sorted { legs, .. }) = self.sorted() {
            let start = legs.partition_point(|leg| leg.account() < wanted.account);
            let legs = legs.get(start..).unwrap_or_default();
            let own = legs.partition_point(|leg| leg.account() == wanted.account);
            let own = legs.get(..own).unwrap_or_default();
            let seqs = own.iter().map(|leg| self.seq(leg.at() as usize)).filter(is_wanted);
            if wanted.newest_first {
                found.extend(seqs.rev().take(room));
            } else {
                found.extend(seqs.take(room));
            }
            return;
        }
        let all = self.traces.slice(0, self.len(), self.first());
        let seqs = all
            .list
            .iter()
            .enumerate()
            .filter(|(_, trace)| all.accounts_of(trace).contains(&wanted.account))
            .map(|(at, _)| self.seq(at))
            .filter(is_wanted);
        if wanted.newest_first {
            found.extend(seqs.rev().take(room));
        } else {
            found.extend(seqs.take(room));
        }
    }

    /// Where the line of an event begins, exactly; `None` when it is not in this chunk.
    pub(crate) fn place_of(&self, seq: Seq) -> Option<Place> {
        let at = self.at(seq)?;
        let behind = self.stretches.partition_point(|stretch| stretch.at <= at);
        let stretch = self.stretches.get(behind.checked_sub(1)?)?;
        let before = self.traces(stretch.at, at).iter();
        let bytes: u64 = before.map(|trace| u64::from(trace.line_bytes)).sum();
        let offset = stretch.offset.saturating_add(bytes);
        Some(Place { file_first: stretch.file_first, seq, offset })
    }

    /// The last end of a group whose time is at most `time_us`.
    pub(crate) fn time_mark(&self, time_us: u64) -> Option<Pair> {
        let groups = self.stretches.partition_point(|stretch| stretch.end_us <= time_us);
        let last = self.stretches.get(groups.checked_sub(1)?)?;
        let end = self.stretches.get(groups).map_or(self.len(), |next| next.at);
        Some(Pair(self.seq(end.checked_sub(1)?).get(), last.end_us))
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let sorted = self.sorted().map_or(0, |sorted| {
            let names: usize = sorted.names.iter().map(|(name, _)| name.len() + 24).sum();
            sorted.legs.capacity() * 8 + names
        });
        self.len() * size_of::<Trace>() + self.stretches.capacity() * size_of::<Stretch>() + sorted
    }
}

/// A name with the number of its account.
pub(crate) type Named = (Box<[u8]>, u32);

/// The names of accounts, in the order of their numbers. Errors: `Nameless`.
pub(crate) fn names_of(
    numbers: Range<u64>,
    name_of: NameOf<'_>,
) -> impl Iterator<Item = Result<Named, HistoryError>> {
    numbers.map(move |number| {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let name = name_of(number).filter(|name| name.len() <= usize::from(u8::MAX));
        let Some(name) = name else { return Err(HistoryError::Nameless { number }) };
        Ok((name.into_bytes().into_boxed_slice(), number))
    })
}
