//! Reads events back from the journal's files, at the places that the index names. The lines that
//! are read were durable before their places were known.
//!
//! **Invariant:** a line counts only when it is the canonical form of the event with the seq that
//! was looked for; whatever else stands there is damage, never an answer.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use history::{History, HistoryError, Place};
use journal::disk::{Disk, read_full_at};
use journal::{ACTIVE, decode_record, header_of, limits, parse_closed_segment};
use ledger::{Seq, Transaction};

use super::sync::{Mutex, lock};

/// Open files that are kept for the next reading.
pub(crate) const FILES_KEPT_MAX: usize = 32;

/// Bytes read at once: a mark's lines with their seals most often fit.
const READ_BYTES: usize = 8 << 10;

/// An event so near behind the last one is reached by stepping over lines.
const NEAR_EVENTS: u64 = 64;

/// How every seal line begins; it stands between the lines of events.
const SEAL_PREFIX: &[u8] = b"{\"seal\":";

/// Why history could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] HistoryError),
    /// A journal file cannot be read.
    #[error("reading {file}")]
    Disk {
        /// The file.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// The event is not where the index says.
    #[error("seq {seq} is not where the index says")]
    Missing {
        /// The event looked for.
        seq: Seq,
    },
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
        Walk { lines: self, file: None, buffer: vec![], base: 0, position: 0, next: Seq::ZERO }
    }

    /// The file whose first event is `first`.
    fn file(&self, first: Seq) -> Result<Arc<D::File>, ReadError> {
        if let Some(file) = lock(&self.files).get(&first) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(self.open(first)?);
        let mut files = lock(&self.files);
        if files.len() >= FILES_KEPT_MAX {
            files.clear();
        }
        files.insert(first, Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, first: Seq) -> Result<D::File, ReadError> {
        let reading = |file: &str| {
            let file = file.to_owned();
            move |source| ReadError::Disk { file, source }
        };
        // A rotation may come between the look at the names and the opening: then once more.
        for _ in 0..3 {
            let names = self.disk.list().map_err(reading("the folder"))?;
            let closed = names
                .iter()
                .find(|name| parse_closed_segment(name).is_some_and(|(begins, _)| begins == first));
            if let Some(name) = closed {
                return self.disk.open_read(name).map_err(reading(name));
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
        Err(ReadError::Missing { seq: first })
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
        self.scan(seq)?.ok_or(ReadError::Missing { seq })
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
            return Err(ReadError::Missing { seq });
        };
        if self.file.as_ref().is_none_or(|(first, _)| *first != file_first) {
            self.file = Some((file_first, self.lines.file(file_first)?));
        }
        self.buffer.clear();
        (self.base, self.position, self.next) = (offset, 0, marked);
        Ok(())
    }

    /// Where the next event's line begins and ends in the buffer, without its newline; `None` at
    /// the end of the file's groups.
    fn line(&mut self) -> Result<Option<(usize, usize)>, ReadError> {
        loop {
            let rest = self.buffer.get(self.position..).unwrap_or_default();
            if rest.first() == Some(&b'\n') {
                return Ok(None);
            }
            match memchr::memchr(b'\n', rest) {
                Some(len) if rest.starts_with(SEAL_PREFIX) => self.position += len + 1,
                Some(len) => return Ok(Some((self.position, self.position + len))),
                None if rest.len() > limits::RECORD_BYTES_MAX => {
                    return Err(ReadError::Missing { seq: self.next });
                }
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
        let count = read_full_at(&*self.lines.disk, file, space, offset)
            .map_err(|source| ReadError::Disk { file: "a journal file".into(), source })?;
        self.buffer.truncate(filled + count);
        Ok(count > 0)
    }
}
