//! Reads a section of a run from one page on, ahead of need.

use std::sync::Arc;
use std::vec;

use journal::disk::Disk;

use crate::entry::{Entry, entries};
use crate::error::HistoryError;
use crate::footer::Section;
use crate::names;
use crate::page::PAGE_BYTES;
use crate::run::Run;

/// Pages in one read of a whole section: 1 MiB.
pub(crate) const PAGES_AHEAD: u64 = 256;

/// Pages of a run, one after the other.
pub(crate) struct PageStream<D: Disk> {
    run: Arc<Run<D>>,
    /// Number of the next page, and of the one behind the last.
    next: u64,
    end: u64,
    pages_ahead: u64,
    buffer: Vec<u8>,
    /// How many pages of `buffer` were given away.
    used: usize,
}

impl<D: Disk> PageStream<D> {
    /// The pages `from` to `end` of `run`, read `pages_ahead` at a time.
    pub(crate) fn new(run: Arc<Run<D>>, from: u64, end: u64, pages_ahead: u64) -> Self {
        Self { run, next: from, end, pages_ahead, buffer: Vec::new(), used: 0 }
    }

    /// The payload of the next page; `None` behind the last.
    pub(crate) fn next_page(&mut self) -> Result<Option<&[u8]>, HistoryError> {
        if self.next >= self.end {
            return Ok(None);
        }
        if self.used * PAGE_BYTES >= self.buffer.len() {
            let count = self.pages_ahead.min(self.end - self.next);
            let bytes = usize::try_from(count).unwrap_or(1) * PAGE_BYTES;
            self.buffer.resize(bytes, 0);
            self.run.read_pages(&mut self.buffer, self.next)?;
            self.used = 0;
        }
        let start = self.used * PAGE_BYTES;
        let page = self.buffer.get(start..start + PAGE_BYTES).unwrap_or_default();
        let payload = self.run.payload(page, self.next)?;
        self.used += 1;
        self.next += 1;
        Ok(Some(payload))
    }
}

/// The entries of a section, one after the other.
pub(crate) struct EntryStream<E, D: Disk> {
    pages: PageStream<D>,
    left: u64,
    /// By how much the entries are rebased.
    by: u32,
    page: Vec<E>,
    at: usize,
}

impl<E: Entry, D: Disk> EntryStream<E, D> {
    /// The entries of `section`, as in a run that begins `by` events earlier. The first one is read.
    pub(crate) fn begin(
        run: &Arc<Run<D>>,
        section: Section,
        by: u32,
    ) -> Result<Self, HistoryError> {
        Self::from_page(run, section, 0, by)
    }

    /// The same from page `index` of the section on.
    pub(crate) fn from_page(
        run: &Arc<Run<D>>,
        section: Section,
        index: u64,
        by: u32,
    ) -> Result<Self, HistoryError> {
        let from = section.first.saturating_add(index);
        let pages = PageStream::new(Arc::clone(run), from, section.end(), PAGES_AHEAD);
        let skipped = index.saturating_mul(E::PER_PAGE as u64);
        let left = section.count.saturating_sub(skipped);
        let mut stream = Self { pages, left, by, page: Vec::new(), at: 0 };
        stream.next_page()?;
        Ok(stream)
    }

    /// The entry in front.
    #[inline]
    pub(crate) fn peek(&self) -> Option<E> {
        self.page.get(self.at).copied()
    }

    /// Goes on to the next entry, and shows it.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<Option<E>, HistoryError> {
        self.at += 1;
        if self.at >= self.page.len() {
            self.next_page()?;
        }
        Ok(self.peek())
    }

    /// Gives away what is left of the page in front.
    pub(crate) fn page(&self) -> &[E] {
        self.page.get(self.at..).unwrap_or_default()
    }

    /// Goes on to the next page; `false` behind the last.
    pub(crate) fn next_page(&mut self) -> Result<bool, HistoryError> {
        self.page.clear();
        self.at = 0;
        if let Some(payload) = self.pages.next_page()? {
            let by = self.by;
            self.page.extend(entries::<E>(payload, self.left).map(|entry| entry.rebased(by)));
            self.left = self.left.saturating_sub(self.page.len() as u64);
        }
        Ok(!self.page.is_empty())
    }
}

/// The names of a run, one after the other.
pub(crate) struct NameStream<D: Disk> {
    pages: PageStream<D>,
    page: vec::IntoIter<(Box<[u8]>, u32)>,
}

impl<D: Disk> NameStream<D> {
    /// The names of `run` from page `index` on, read `pages_ahead` at a time. The first is read.
    pub(crate) fn begin(
        run: &Arc<Run<D>>,
        index: usize,
        pages_ahead: u64,
    ) -> Result<Self, HistoryError> {
        let section = run.footer().sections.names;
        let from = section.first.saturating_add(index as u64);
        let pages = PageStream::new(Arc::clone(run), from, section.end(), pages_ahead);
        let mut stream = Self { pages, page: Vec::new().into_iter() };
        stream.next_page()?;
        Ok(stream)
    }

    /// The name in front, with its number.
    pub(crate) fn peek(&self) -> Option<(&[u8], u32)> {
        self.page.as_slice().first().map(|(name, number)| (&**name, *number))
    }

    /// Goes on to the next name.
    pub(crate) fn advance(&mut self) -> Result<(), HistoryError> {
        self.page.next();
        if self.page.as_slice().is_empty() { self.next_page() } else { Ok(()) }
    }

    fn next_page(&mut self) -> Result<(), HistoryError> {
        if let Some(payload) = self.pages.next_page()? {
            let names: Vec<_> =
                names::in_page(payload).map(|(name, number)| (name.into(), number)).collect();
            self.page = names.into_iter();
        }
        Ok(())
    }
}
