//! Reads events back from the journal's files, at the places that the index names. The lines that
//! are read were durable before their places were known.
//!
//! **Invariant:** a line counts only when it is the canonical form of the event with the seq that
//! was looked for; whatever else stands there is damage, never an answer. It is the journal's when the
//! lines around it stand where the index leads, and the index's when they do not.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use history::{History, HistoryError, Place};
use journal::disk::{Disk, read_full_at};
use journal::{ACTIVE, decode_record, header_of, limits, parse_closed_segment};
use ledger::{Seq, Transaction};

use super::sync::{Mutex, lock};
use crate::chain;
use crate::seam::Unavailable;

/// Open files that are kept for the next reading.
pub(crate) const FILES_KEPT_MAX: usize = 32;

/// Bytes read at once: a mark's lines with their seals most often fit.
const READ_BYTES: usize = 8 << 10;

/// An event so near behind the last one is reached by stepping over lines.
const NEAR_EVENTS: u64 = 64;

/// The index marks the place of every so many events.
const MARK_EVENTS: usize = 16;

/// How every seal line begins; it stands between the lines of events.
const SEAL_PREFIX: &[u8] = b"{\"seal\":";

/// Why history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] HistoryError),
    /// The disk did not give a journal file.
    #[error("reading seq {seq} in {file}")]
    Disk {
        /// The file.
        file: String,
        /// The event looked for.
        seq: Seq,
        /// What the disk said.
        source: io::Error,
    },
    /// What stands in a journal file in the place of an event is none. `saldo verify` says more.
    #[error("{file} is damaged at seq {seq}")]
    Damaged {
        /// The file.
        file: String,
        /// The event looked for.
        seq: Seq,
    },
    /// The event is not where the index says.
    #[error("seq {seq} is not where the index says")]
    Missing {
        /// The event looked for.
        seq: Seq,
        /// The event whose entry in the index led there.
        marked: Seq,
    },
}

impl ReadError {
    /// Sees to it that the next start builds anew what of the index is damaged.
    pub(crate) fn take_away_damage<D: Disk>(&self, history: &History<D>) {
        match self {
            Self::Index(HistoryError::Damaged { .. }) => {}
            Self::Missing { seq, marked } => {
                history.distrust(*seq);
                history.distrust(*marked);
            }
            Self::Index(HistoryError::Disk(_) | HistoryError::Nameless { .. })
            | Self::Disk { .. }
            | Self::Damaged { .. } => return,
        }
        // Should it fail, the next reading meets the damage again.
        drop(history.discard());
    }

    /// What whoever asked is told.
    pub(super) fn unavailable(&self) -> Unavailable {
        match self {
            Self::Index(HistoryError::Disk(_)) => Unavailable::IndexUnreadable,
            Self::Index(HistoryError::Damaged { .. } | HistoryError::Nameless { .. })
            | Self::Missing { .. } => Unavailable::IndexDamaged,
            Self::Disk { .. } | Self::Damaged { .. } => Unavailable::JournalUnreadable,
        }
    }

    /// Tells the operator that `count` readings failed so.
    pub(super) fn log(&self, count: usize) {
        let error = chain(self);
        match self {
            Self::Index(_) | Self::Missing { .. } => {
                tracing::error!(event = "history_unreadable", count, error, "{self}");
            }
            Self::Disk { file, seq, .. } | Self::Damaged { file, seq } => {
                let seq = seq.get();
                tracing::error!(event = "journal_unreadable", count, file, seq, error, "{self}");
            }
        }
    }
}

/// The journal's files, opened as they are needed.
pub(crate) struct Lines<D: Disk> {
    disk: Arc<D>,
    history: Arc<History<D>>,
    files: Mutex<HashMap<Seq, Arc<D::File>>>,
}

/// A walk over the lines of the journal. Near seqs share what was read.
pub(crate) struct Walk<'l, D: Disk> {
    lines: &'l Lines<D>,
    file: Option<(Seq, Arc<D::File>)>,
    buffer: Vec<u8>,
    /// Byte of the file at which `buffer` begins.
    base: u64,
    /// Where in `buffer` the line of `next` begins, seals before it aside.
    position: usize,
    next: Seq,
    /// The event at which it came into the file.
    marked: Seq,
}

impl<D: Disk> Lines<D> {
    pub(crate) fn new(disk: Arc<D>, history: Arc<History<D>>) -> Self {
        Self { disk, history, files: Mutex::new(HashMap::new()) }
    }

    /// The event at `seq`, which was appended to the index.
    pub(crate) fn read(&self, seq: Seq) -> Result<Transaction<'static>, ReadError> {
        self.walk().read(seq)
    }

    pub(crate) fn walk(&self) -> Walk<'_, D> {
        let (next, marked) = (Seq::ZERO, Seq::ZERO);
        Walk { lines: self, file: None, buffer: vec![], base: 0, position: 0, next, marked }
    }

    /// The file whose first event is `first`, where `seq` is looked for.
    fn file(&self, first: Seq, seq: Seq) -> Result<Arc<D::File>, ReadError> {
        if let Some(file) = lock(&self.files).get(&first) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(self.open(first, seq)?);
        let mut files = lock(&self.files);
        if files.len() >= FILES_KEPT_MAX {
            files.clear();
        }
        files.insert(first, Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, first: Seq, seq: Seq) -> Result<D::File, ReadError> {
        let reading = |file: &str| {
            let file = file.to_owned();
            move |source| ReadError::Disk { file, seq, source }
        };
        // A rotation may come between the look at the names and the opening: then once more.
        for _ in 0..3 {
            if let Some(name) = self.closed_name(first).map_err(reading("the folder"))? {
                return self.disk.open_read(&name).map_err(reading(&name));
            }
            let active = match self.disk.open_read(ACTIVE) {
                Ok(active) => active,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(reading(ACTIVE)(error)),
            };
            let header = header_of(&*self.disk, &active).map_err(reading(ACTIVE))?;
            if header.is_some_and(|header| header.first == first) {
                return Ok(active);
            }
        }
        Err(ReadError::Missing { seq, marked: first })
    }

    /// The name of the closed file whose first event is `first`.
    fn closed_name(&self, first: Seq) -> io::Result<Option<String>> {
        let begins = |name: &String| parse_closed_segment(name).map(|(begins, _)| begins);
        Ok(self.disk.list()?.into_iter().find(|name| begins(name) == Some(first)))
    }
}

impl<D: Disk> Walk<'_, D> {
    /// The event at `seq`.
    pub(crate) fn read(&mut self, seq: Seq) -> Result<Transaction<'static>, ReadError> {
        let ahead = seq.get().checked_sub(self.next.get());
        if self.file.is_some()
            && ahead.is_some_and(|ahead| ahead < NEAR_EVENTS)
            && let Some(found) = self.scan(seq)?
        {
            return Ok(found);
        }
        // Also when the file ended before the event, or the bytes were read while a group was
        // being written there.
        self.go_to(seq)?;
        if let Some(found) = self.scan(seq)? {
            return Ok(found);
        }
        self.go_to(seq)?;
        let marked = self.marked;
        if !self.is_right_place()? {
            return Err(ReadError::Missing { seq, marked });
        }
        Err(ReadError::Damaged { file: self.file_name(), seq })
    }

    /// Whether the index leads to the right place: an event from the mark on stands where it should.
    fn is_right_place(&mut self) -> Result<bool, ReadError> {
        for _ in 0..MARK_EVENTS {
            let Some((start, end)) = self.line()? else { return Ok(false) };
            let line = self.buffer.get(start..end).unwrap_or_default();
            if decode_record(line).is_some_and(|found| found.seq == self.next) {
                return Ok(true);
            }
            self.position = end + 1;
            self.next = self.next.next();
        }
        Ok(false)
    }

    /// What the file is called now.
    fn file_name(&self) -> String {
        let first = self.file.as_ref().map_or(Seq::ZERO, |(first, _)| *first);
        let closed = self.lines.closed_name(first).ok().flatten();
        closed.unwrap_or_else(|| ACTIVE.to_owned())
    }

    /// Steps over lines up to the one of `seq`; `None` when the file's groups end before it, or
    /// what stands there is no such line.
    fn scan(&mut self, seq: Seq) -> Result<Option<Transaction<'static>>, ReadError> {
        while self.next <= seq {
            let Some((start, end)) = self.line()? else { return Ok(None) };
            let is_it = self.next == seq;
            self.position = end + 1;
            self.next = self.next.next();
            if is_it {
                let line = self.buffer.get(start..end).unwrap_or_default();
                let found = decode_record(line).filter(|found| found.seq == seq);
                return Ok(found.map(Transaction::into_owned));
            }
        }
        Ok(None)
    }

    /// Goes to the mark before `seq`.
    fn go_to(&mut self, seq: Seq) -> Result<(), ReadError> {
        let place = self.lines.history.place_of(seq)?;
        let Some(Place { file_first, seq: marked, offset }) = place else {
            return Err(ReadError::Missing { seq, marked: seq });
        };
        if self.file.as_ref().is_none_or(|(first, _)| *first != file_first) {
            self.file = Some((file_first, self.lines.file(file_first, seq)?));
        }
        self.buffer.clear();
        (self.base, self.position, self.next, self.marked) = (offset, 0, marked, marked);
        Ok(())
    }

    /// Where the next event's line begins and ends in the buffer, without its newline; `None` at
    /// the end of the file's groups, and where no line ends.
    fn line(&mut self) -> Result<Option<(usize, usize)>, ReadError> {
        loop {
            let rest = self.buffer.get(self.position..).unwrap_or_default();
            if rest.first() == Some(&b'\n') {
                return Ok(None);
            }
            match memchr::memchr(b'\n', rest) {
                Some(len) if rest.starts_with(SEAL_PREFIX) => self.position += len + 1,
                Some(len) => return Ok(Some((self.position, self.position + len))),
                // No line is as long.
                None if rest.len() > limits::RECORD_BYTES_MAX => return Ok(None),
                None => {
                    if !self.read_more()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn read_more(&mut self) -> Result<bool, ReadError> {
        let Some((_, file)) = &self.file else { return Ok(false) };
        self.buffer.drain(..self.position);
        self.base = self.base.saturating_add(self.position as u64);
        self.position = 0;
        let filled = self.buffer.len();
        let wanted = READ_BYTES.max(filled);
        self.buffer.resize(filled + wanted, 0);
        let space = self.buffer.get_mut(filled..).unwrap_or_default();
        let offset = self.base.saturating_add(filled as u64);
        let count = match read_full_at(&*self.lines.disk, file, space, offset) {
            Ok(count) => count,
            Err(source) => {
                return Err(ReadError::Disk { file: self.file_name(), seq: self.next, source });
            }
        };
        self.buffer.truncate(filled + count);
        Ok(count > 0)
    }
}
