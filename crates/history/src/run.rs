//! A run: an immutable file over the events from one seq to another, and the look-ups in it.
//!
//! In memory are its fences and its short tables; everything else is read page by page, from the
//! operating system's cache as a rule. Not here: how a run is written (`writer`, `flush`, `merge`).
//!
//! **Invariant:** a look-up that meets a page which is not what was written ends in `Damaged`, and
//! never in an answer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use journal::LedgerId;
use journal::disk::{Disk, read_full_at};
use ledger::Seq;

use crate::chunk::weight;
use crate::entry::{Entry, Id, Leg, Pair, entries};
use crate::error::HistoryError;
use crate::folder::run_name;
use crate::footer::{self, Footer, Section, Sections};
use crate::names::{self, NameFence};
use crate::page::{PAGE_BYTES, Span};

/// Of how many events one has its byte offset in a run.
pub(crate) const MARK_EVERY: u64 = 16;

/// An open run.
pub(crate) struct Run<D: Disk> {
    disk: Arc<D>,
    file: D::File,
    name: String,
    span: Span,
    footer: Footer,
    id_fences: Vec<u64>,
    leg_fences: Vec<u64>,
    name_fences: Vec<NameFence>,
    files: Vec<Pair>,
    times: Vec<Pair>,
    damaged: AtomicBool,
}

/// Which seqs of an account are asked for: those from `from` to `to`, at most `limit`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) account: u32,
    pub(crate) from: Seq,
    pub(crate) to: Seq,
    pub(crate) newest_first: bool,
    pub(crate) limit: usize,
}

impl<D: Disk> Run<D> {
    /// Opens the run of `span`; `None` when the file is not that run of this ledger, whole.
    /// Errors: those of the disk.
    pub(crate) fn open(disk: &Arc<D>, span: Span, ledger: LedgerId) -> io::Result<Option<Self>> {
        let name = run_name(span);
        let file = disk.open_read(&name)?;
        let bytes = disk.len(&file)?;
        let pages = bytes / PAGE_BYTES as u64;
        if pages < 2 || bytes % PAGE_BYTES as u64 != 0 {
            return Ok(None);
        }
        let last_page = pages - 1;
        let mut first = vec![0; PAGE_BYTES];
        read_full_at(&**disk, &file, &mut first, 0)?;
        let header = footer::header(ledger, span);
        if !span.payload(&first, 0).is_some_and(|payload| payload.starts_with(&header)) {
            return Ok(None);
        }
        let mut last = vec![0; PAGE_BYTES];
        read_full_at(&**disk, &file, &mut last, last_page.saturating_mul(PAGE_BYTES as u64))?;
        let footer = span
            .payload(&last, last_page)
            .and_then(|payload| Footer::decode(payload, last_page, span))
            .filter(|footer| footer.ledger == ledger);
        let Some(footer) = footer else { return Ok(None) };
        let mut run = Self {
            disk: Arc::clone(disk),
            file,
            name,
            span,
            footer,
            id_fences: Vec::new(),
            leg_fences: Vec::new(),
            name_fences: Vec::new(),
            files: Vec::new(),
            times: Vec::new(),
            damaged: AtomicBool::new(false),
        };
        match run.load() {
            Ok(()) => Ok(Some(run)),
            Err(HistoryError::Disk(error)) => Err(error),
            Err(HistoryError::Damaged { .. } | HistoryError::Nameless { .. }) => Ok(None),
        }
    }

    fn load(&mut self) -> Result<(), HistoryError> {
        let sections = self.footer.sections;
        self.id_fences = self.all(sections.id_fences)?;
        self.leg_fences = self.all(sections.leg_fences)?;
        self.files = self.all(sections.files)?;
        self.times = self.all(sections.times)?;
        for number in sections.name_fences.first..sections.name_fences.end() {
            let page = self.page(number)?;
            let payload = self.payload(&page, number)?;
            self.name_fences.extend(
                names::in_page(payload)
                    .map(|(name, before)| NameFence { name: name.into(), before }),
            );
        }
        let starts_in_a_file = self.files.first().is_some_and(|file| file.0 <= self.first());
        let fences_fit = self.name_fences.len() as u64 == sections.names.pages;
        if starts_in_a_file && fences_fit { Ok(()) } else { Err(self.damage()) }
    }

    /// All entries of a short section.
    fn all<E: Entry>(&self, section: Section) -> Result<Vec<E>, HistoryError> {
        let mut all = Vec::new();
        for number in section.first..section.end() {
            let page = self.page(number)?;
            let left = section.count - all.len() as u64;
            all.extend(entries::<E>(self.payload(&page, number)?, left));
        }
        Ok(all)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn span(&self) -> Span {
        self.span
    }

    pub(crate) fn footer(&self) -> &Footer {
        &self.footer
    }

    /// What its events weigh, in ordinary ones.
    pub(crate) fn weight(&self) -> u64 {
        let Sections { ids, legs, names, .. } = self.footer.sections;
        weight(ids.count, legs.count, names.count)
    }

    pub(crate) fn files(&self) -> &[Pair] {
        &self.files
    }

    pub(crate) fn times(&self) -> &[Pair] {
        &self.times
    }

    /// Whether a look-up met a damaged page.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Bytes of memory that it takes while it is open, fences and tables.
    pub(crate) fn memory_bytes(&self) -> usize {
        let names: usize = self.name_fences.iter().map(|fence| fence.name.len() + 24).sum();
        (self.id_fences.capacity() + self.leg_fences.capacity()) * 8
            + (self.files.capacity() + self.times.capacity()) * 16
            + names
    }

    /// Bytes on the disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.footer.sections.times.end().saturating_add(1).saturating_mul(PAGE_BYTES as u64)
    }

    /// Fills `bytes` with pages from `number` on, as many as fit.
    pub(crate) fn read_pages(&self, bytes: &mut [u8], number: u64) -> Result<(), HistoryError> {
        let offset = number.saturating_mul(PAGE_BYTES as u64);
        let count = read_full_at(&*self.disk, &self.file, bytes, offset)?;
        if count < bytes.len() { Err(self.damage()) } else { Ok(()) }
    }

    /// The payload of a page that was read.
    pub(crate) fn payload<'p>(
        &self,
        page: &'p [u8],
        number: u64,
    ) -> Result<&'p [u8], HistoryError> {
        self.span.payload(page, number).ok_or_else(|| self.damage())
    }

    fn page(&self, number: u64) -> Result<Vec<u8>, HistoryError> {
        let mut page = vec![0; PAGE_BYTES];
        self.read_pages(&mut page, number)?;
        Ok(page)
    }

    /// Notes that the run is damaged.
    pub(crate) fn damage(&self) -> HistoryError {
        self.damaged.store(true, Ordering::Relaxed);
        HistoryError::Damaged { run: self.name.clone() }
    }

    /// The entries of page `index` of `section`.
    fn page_entries<E: Entry>(
        &self,
        section: Section,
        index: usize,
    ) -> Result<Vec<E>, HistoryError> {
        let number = section.first.saturating_add(index as u64);
        let left = section.count.saturating_sub((index as u64).saturating_mul(E::PER_PAGE as u64));
        let page = self.page(number)?;
        Ok(entries(self.payload(&page, number)?, left).collect())
    }

    fn first(&self) -> u64 {
        self.span.first.get()
    }

    fn seq(&self, at: u32) -> Seq {
        Seq::new(self.first().saturating_add(u64::from(at)))
    }

    /// Seq less the first one; seqs outside the run become its nearest.
    fn at(&self, seq: Seq) -> u32 {
        let seq = seq.clamp(self.span.first, self.span.last);
        u32::try_from(seq.get() - self.first()).unwrap_or(u32::MAX)
    }

    /// In which page of ids the first one with this hash or a higher one stands.
    pub(crate) fn id_page(&self, hash: u64) -> usize {
        self.id_fences.partition_point(|fence| *fence < hash).saturating_sub(1)
    }

    /// Adds the seqs whose tx_ids have this hash, ascending.
    pub(crate) fn seqs_of_hash(&self, hash: u64, found: &mut Vec<Seq>) -> Result<(), HistoryError> {
        let mut index = self.id_page(hash);
        while self.id_fences.get(index).is_some_and(|fence| *fence <= hash) {
            let ids = self.page_entries::<Id>(self.footer.sections.ids, index)?;
            let same = ids.iter().filter(|id| id.hash == hash);
            found.extend(same.map(|id| self.seq(id.at)));
            index += 1;
        }
        Ok(())
    }

    /// Adds the seqs that changed an account, in the order asked for, until `found` holds as many
    /// as are wanted.
    pub(crate) fn seqs_of_account(
        &self,
        wanted: &Wanted,
        found: &mut Vec<Seq>,
    ) -> Result<(), HistoryError> {
        if wanted.to < self.span.first || self.span.last < wanted.from {
            return Ok(());
        }
        let lowest = Leg::new(wanted.account, self.at(wanted.from));
        let highest = Leg::new(wanted.account, self.at(wanted.to));
        let page_of = |leg: Leg| {
            self.leg_fences.partition_point(|fence| *fence <= leg.fence()).saturating_sub(1)
        };
        let (first, last) = (page_of(lowest), page_of(highest));
        let mut next = Some(if wanted.newest_first { last } else { first });
        while let Some(index) = next.filter(|_| found.len() < wanted.limit) {
            let mut legs = self.page_entries::<Leg>(self.footer.sections.legs, index)?;
            legs.retain(|leg| (lowest..=highest).contains(leg));
            if wanted.newest_first {
                legs.reverse();
            }
            let room = wanted.limit - found.len();
            found.extend(legs.iter().take(room).map(|leg| self.seq(leg.at())));
            next = if wanted.newest_first {
                index.checked_sub(1).filter(|index| *index >= first)
            } else {
                Some(index + 1).filter(|index| *index <= last)
            };
        }
        Ok(())
    }

    /// The journal file that holds an event of this run: its first seq, and the byte of that
    /// event (0 when it stands in an earlier run).
    pub(crate) fn file_of(&self, seq: Seq) -> Option<Pair> {
        let behind = self.files.partition_point(|file| file.0 <= seq.get());
        self.files.get(behind.checked_sub(1)?).copied()
    }

    /// The byte at which the line of a marked event begins in its journal file.
    pub(crate) fn mark(&self, seq: Seq) -> Result<Option<u64>, HistoryError> {
        let Some(after) = seq.get().checked_sub(first_mark(self.span.first)) else {
            return Ok(None);
        };
        let index = usize::try_from(after / MARK_EVERY).unwrap_or(usize::MAX);
        let per_page = <u64 as Entry>::PER_PAGE;
        let marks = self.footer.sections.marks;
        if index as u64 >= marks.count {
            return Ok(None);
        }
        let page = self.page_entries::<u64>(marks, index / per_page)?;
        Ok(page.get(index % per_page).copied())
    }

    /// The last end of a group in this run whose time is at most `time_us`.
    pub(crate) fn time_mark(&self, time_us: u64) -> Option<Pair> {
        let behind = self.times.partition_point(|mark| mark.1 <= time_us);
        self.times.get(behind.checked_sub(1)?).copied()
    }

    /// In which page of names `name` stands, or would stand.
    pub(crate) fn name_page(&self, name: &[u8]) -> usize {
        self.name_fences.partition_point(|fence| *fence.name <= *name).saturating_sub(1)
    }

    /// How many names stand before `name`.
    pub(crate) fn names_before(&self, name: &[u8]) -> Result<u64, HistoryError> {
        let index = self.name_page(name);
        let Some(fence) = self.name_fences.get(index) else { return Ok(0) };
        let number = self.footer.sections.names.first.saturating_add(index as u64);
        let page = self.page(number)?;
        let names = names::in_page(self.payload(&page, number)?);
        let in_page = names.take_while(|(other, _)| *other < name).count();
        Ok(u64::from(fence.before).saturating_add(in_page as u64))
    }
}

/// The first seq from `first` on that is marked. Marks stand at fixed seqs, so that those of a
/// merged run are those of its parts, one behind the other.
pub(crate) fn first_mark(first: Seq) -> u64 {
    let before = first.get().saturating_sub(1);
    before.div_ceil(MARK_EVERY).saturating_mul(MARK_EVERY).saturating_add(1)
}

/// The marked seq at `seq` or before it.
pub(crate) fn mark_before(seq: Seq) -> u64 {
    let before = seq.get().saturating_sub(1);
    (before / MARK_EVERY).saturating_mul(MARK_EVERY).saturating_add(1)
}
