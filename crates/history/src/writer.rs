//! Writes a run aside, page by page, and gives it its name when it is whole and durable.
//!
//! **Invariant:** a run has its name only after its bytes were synced; `finish` returns only after
//! the name was. A run that was not finished is a file with another name, which who gives it up, the
//! next one, or the next start removes.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use journal::disk::{Disk, write_all_at};
use journal::{LedgerId, Planted, Plants};

use crate::entry::Entry;
use crate::folder::run_name;
use crate::footer::{self, Footer, Section};
use crate::page::{PAYLOAD_BYTES, Span};

/// Bytes of one write.
const WRITE_BYTES: usize = 1 << 20;

/// Bytes after which what was written is synced, so that the last sync of a long run is short and
/// the journal's own syncs do not wait behind it.
const SYNC_BYTES: u64 = 16 << 20;

/// A run on its way to the disk.
pub(crate) struct RunWriter<D: Disk> {
    disk: Arc<D>,
    file: D::File,
    aside: &'static str,
    span: Span,
    buffer: Vec<u8>,
    pages: u64,
    written: u64,
    synced: u64,
    plants: Plants,
}

impl<D: Disk> RunWriter<D> {
    /// Begins a run as the file `aside`, in place of what was left under that name.
    pub(crate) fn create(
        disk: &Arc<D>,
        aside: &'static str,
        ledger: LedgerId,
        span: Span,
    ) -> io::Result<Self> {
        if disk.list()?.iter().any(|name| name == aside) {
            disk.unlink(aside)?;
        }
        let file = disk.create(aside)?;
        let disk = Arc::clone(disk);
        let buffer = Vec::with_capacity(WRITE_BYTES);
        let mut writer = Self {
            disk,
            file,
            aside,
            span,
            buffer,
            pages: 0,
            written: 0,
            synced: 0,
            plants: Plants::default(),
        };
        writer.page(&footer::header(ledger, span))?;
        Ok(writer)
    }

    /// The same with faults that a test planted.
    pub(crate) fn with(self, plants: Plants) -> Self {
        Self { plants, ..self }
    }

    /// How many pages there are: the number of the next one.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    /// Adds a page.
    pub(crate) fn page(&mut self, payload: &[u8]) -> io::Result<()> {
        self.span.put_page(&mut self.buffer, payload, self.pages);
        self.pages += 1;
        if self.buffer.len() < WRITE_BYTES {
            return Ok(());
        }
        self.write()?;
        if self.written - self.synced >= SYNC_BYTES {
            self.disk.sync_data(&self.file)?;
            self.synced = self.written;
        }
        Ok(())
    }

    /// Ends the run with its footer and gives it its name, which is returned.
    pub(crate) fn finish(mut self, footer: &Footer) -> io::Result<String> {
        self.page(&footer.encode(self.pages))?;
        self.write()?;
        if !self.plants.has(Planted::RunBeforeSync) {
            self.disk.sync_all(&self.file)?;
        }
        let name = run_name(self.span);
        self.disk.rename(self.aside, &name)?;
        self.disk.sync_dir()?;
        Ok(name)
    }

    fn write(&mut self) -> io::Result<()> {
        write_all_at(&*self.disk, &self.file, &self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Writes a section of entries of one kind.
pub(crate) struct EntryWriter<E> {
    first: u64,
    payload: Vec<u8>,
    count: u64,
    fences: Vec<u64>,
    kind: PhantomData<E>,
}

impl<E: Entry> EntryWriter<E> {
    /// A section that begins at the writer's next page.
    pub(crate) fn begin<D: Disk>(to: &RunWriter<D>) -> Self {
        Self {
            first: to.pages(),
            payload: Vec::with_capacity(PAYLOAD_BYTES),
            count: 0,
            fences: Vec::new(),
            kind: PhantomData,
        }
    }

    /// Adds an entry.
    pub(crate) fn push<D: Disk>(&mut self, to: &mut RunWriter<D>, entry: E) -> io::Result<()> {
        if self.payload.is_empty() {
            self.fences.push(entry.fence());
        }
        entry.put(&mut self.payload);
        self.count += 1;
        if self.payload.len() + E::BYTES > PAYLOAD_BYTES {
            to.page(&self.payload)?;
            self.payload.clear();
        }
        Ok(())
    }

    /// Ends the section; returns where it stands, and its fences.
    pub(crate) fn end<D: Disk>(self, to: &mut RunWriter<D>) -> io::Result<(Section, Vec<u64>)> {
        if !self.payload.is_empty() {
            to.page(&self.payload)?;
        }
        let pages = to.pages() - self.first;
        Ok((Section { first: self.first, pages, count: self.count }, self.fences))
    }

    /// A whole section of `entries`.
    pub(crate) fn write_all<D: Disk>(
        to: &mut RunWriter<D>,
        entries: impl IntoIterator<Item = E>,
    ) -> io::Result<(Section, Vec<u64>)> {
        let mut section = Self::begin(to);
        for entry in entries {
            section.push(to, entry)?;
        }
        section.end(to)
    }
}
