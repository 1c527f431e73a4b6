//! Look-ups over runs and memory together.
//!
//! **Invariant:** a look-up sees runs and memory as they were at one moment: both are taken under
//! one lock, which is not held while the disk is read.

use std::ops::Range;
use std::sync::Arc;

use journal::disk::Disk;
use ledger::Seq;

use crate::chunk::{Chunk, Named, names_of};
use crate::error::HistoryError;
use crate::run::{Run, Wanted, mark_before};
use crate::stream::NameStream;
use crate::{NameOf, NamesPage, Place};

/// Runs and closed chunks at one moment, oldest first.
pub(crate) struct View<D: Disk> {
    pub(crate) runs: Arc<[Arc<Run<D>>]>,
    pub(crate) chunks: Vec<Arc<Chunk>>,
}

impl<D: Disk> View<D> {
    /// The seqs that changed an account. `open`: those of the open chunk, in the order wanted.
    pub(crate) fn seqs_of_account(
        &self,
        wanted: &Wanted,
        open: Vec<Seq>,
    ) -> Result<Vec<Seq>, HistoryError> {
        let mut found;
        if wanted.newest_first {
            found = open;
            for chunk in self.chunks.iter().rev() {
                chunk.seqs_of_account(wanted, &mut found);
            }
            for run in self.runs.iter().rev() {
                run.seqs_of_account(wanted, &mut found)?;
            }
        } else {
            found = Vec::new();
            for run in self.runs.iter() {
                run.seqs_of_account(wanted, &mut found)?;
            }
            for chunk in &self.chunks {
                chunk.seqs_of_account(wanted, &mut found);
            }
            found.extend(open);
        }
        found.truncate(wanted.limit);
        Ok(found)
    }

    /// Where to look for an event that is not in the open chunk.
    pub(crate) fn place_of(&self, seq: Seq) -> Result<Option<Place>, HistoryError> {
        if let Some(place) = self.chunks.iter().find_map(|chunk| chunk.place_of(seq)) {
            return Ok(Some(place));
        }
        let Some(run) = self.run_of(seq) else { return Ok(None) };
        let Some(file) = run.file_of(seq) else { return Err(run.damage()) };
        // The mark before it, or the first event of its file, which may stand in an earlier run.
        let from = Seq::new(mark_before(seq).max(file.0));
        let Some(run) = self.run_of(from) else { return Ok(None) };
        let offset = if from.get() == file.0 {
            run.file_of(from).map(|file| file.1).filter(|offset| *offset > 0)
        } else {
            run.mark(from)?
        };
        match offset {
            Some(offset) => Ok(Some(Place { file_first: Seq::new(file.0), seq: from, offset })),
            None => Err(run.damage()),
        }
    }

    fn run_of(&self, seq: Seq) -> Option<&Run<D>> {
        let index = self.runs.partition_point(|run| run.span().last < seq);
        self.runs.get(index).map(|run| &**run).filter(|run| run.span().contains(seq))
    }

    /// The last known end of a group whose time is at most `time_us`, among runs and chunks.
    pub(crate) fn time_mark(&self, time_us: u64) -> Seq {
        let in_chunks = self.chunks.iter().rev().find_map(|chunk| chunk.time_mark(time_us));
        let mark =
            in_chunks.or_else(|| self.runs.iter().rev().find_map(|run| run.time_mark(time_us)));
        mark.map_or(Seq::ZERO, |mark| Seq::new(mark.0))
    }

    /// A page of names. `open`: numbers of the accounts that the open chunk opened.
    pub(crate) fn names(
        &self,
        asked: &AskedNames<'_>,
        open: Range<u64>,
        name_of: NameOf<'_>,
    ) -> Result<NamesPage, HistoryError> {
        let mut unsorted = Unsorted::default();
        unsorted.add(asked, open, name_of)?;
        let mut in_memory: Vec<&[Named]> = Vec::new();
        for chunk in &self.chunks {
            // IMPORTANT: asked once. The background may sort it meanwhile, and its names would be
            // listed twice.
            match chunk.sorted() {
                Some(sorted) => in_memory.push(asked.with_prefix(&sorted.names)),
                None => unsorted.add(asked, chunk.opened(), name_of)?,
            }
        }
        let count = if asked.count {
            let sorted: usize = in_memory.iter().map(|names| names.len()).sum();
            let mut count = unsorted.count.saturating_add(sorted as u64);
            for run in self.runs.iter() {
                let end = match asked.prefix_end() {
                    Some(end) => run.names_before(&end)?,
                    None => run.footer().sections.names.count,
                };
                count = count.saturating_add(end.saturating_sub(run.names_before(asked.prefix)?));
            }
            Some(count)
        } else {
            None
        };
        unsorted.first.sort_unstable();
        in_memory.push(&unsorted.first);
        for names in &mut in_memory {
            let start = names.partition_point(|(name, _)| asked.is_before(name));
            *names = names.get(start..).unwrap_or_default();
        }
        let mut in_runs = Vec::new();
        for run in self.runs.iter() {
            let page = run.name_page(asked.start());
            let mut names = NameStream::begin(run, page, 1)?;
            while names.peek().is_some_and(|(name, _)| asked.is_before(name)) {
                names.advance()?;
            }
            in_runs.push(names);
        }
        let mut numbers = Vec::new();
        loop {
            let next = next(asked, &in_runs, &in_memory);
            let Some((source, number)) = next else {
                return Ok(NamesPage { numbers, more: false, count });
            };
            if numbers.len() >= asked.limit {
                return Ok(NamesPage { numbers, more: true, count });
            }
            numbers.push(number);
            match source {
                Source::Run(index) => {
                    if let Some(names) = in_runs.get_mut(index) {
                        names.advance()?;
                    }
                }
                Source::Memory(index) => {
                    if let Some(names) = in_memory.get_mut(index) {
                        *names = names.get(1..).unwrap_or_default();
                    }
                }
            }
        }
    }
}

/// What a page needs of names that nobody has sorted: however many there are, it sorts few.
#[derive(Default)]
struct Unsorted {
    /// How many have the prefix.
    count: u64,
    /// Those that the page may begin with, and one more, which tells that there are more.
    first: Vec<Named>,
}

impl Unsorted {
    fn add(
        &mut self,
        asked: &AskedNames<'_>,
        numbers: Range<u64>,
        name_of: NameOf<'_>,
    ) -> Result<(), HistoryError> {
        let enough = asked.limit.saturating_add(1);
        for named in names_of(numbers, name_of) {
            let named = named?;
            if !named.0.starts_with(asked.prefix) {
                continue;
            }
            self.count = self.count.saturating_add(1);
            if !asked.is_before(&named.0) {
                self.first.push(named);
            }
            // Seldom enough that it costs little for each name.
            if self.first.len() / 2 > enough {
                self.first.select_nth_unstable(enough);
                self.first.truncate(enough);
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Source {
    Run(usize),
    Memory(usize),
}

/// The first of all names in front, if it has the prefix.
fn next<D: Disk>(
    asked: &AskedNames<'_>,
    in_runs: &[NameStream<D>],
    in_memory: &[&[Named]],
) -> Option<(Source, u32)> {
    let runs = in_runs.iter().enumerate().filter_map(|(index, names)| {
        names.peek().map(|(name, number)| (name, number, Source::Run(index)))
    });
    let memory = in_memory.iter().enumerate().filter_map(|(index, names)| {
        names.first().map(|(name, number)| (&**name, *number, Source::Memory(index)))
    });
    let (name, number, source) = runs.chain(memory).min_by(|one, other| one.0.cmp(other.0))?;
    name.starts_with(asked.prefix).then_some((source, number))
}

/// Which names are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedNames<'a> {
    pub(crate) prefix: &'a [u8],
    pub(crate) after: Option<&'a [u8]>,
    pub(crate) limit: usize,
    pub(crate) count: bool,
}

impl AskedNames<'_> {
    /// Where the page begins, at the earliest.
    fn start(&self) -> &[u8] {
        self.after.map_or(self.prefix, |after| after.max(self.prefix))
    }

    /// Whether a name stands before the page.
    fn is_before(&self, name: &[u8]) -> bool {
        name < self.prefix || self.after.is_some_and(|after| name <= after)
    }

    /// The first bytes behind everything with the prefix; `None`: nothing is behind.
    fn prefix_end(&self) -> Option<Vec<u8>> {
        let mut end = self.prefix.to_vec();
        while let Some(last) = end.pop() {
            if let Some(next) = last.checked_add(1) {
                end.push(next);
                return Some(end);
            }
        }
        None
    }

    /// Those of sorted `names` that have the prefix.
    fn with_prefix<'n>(&self, names: &'n [(Box<[u8]>, u32)]) -> &'n [(Box<[u8]>, u32)] {
        let start = names.partition_point(|(name, _)| **name < *self.prefix);
        let names = names.get(start..).unwrap_or_default();
        let count = names.partition_point(|(name, _)| name.starts_with(self.prefix));
        names.get(..count).unwrap_or_default()
    }
}
