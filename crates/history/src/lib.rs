//! The index of history: sorted runs in a folder of their own, derived from the journal.
#![deny(clippy::indexing_slicing)]
#![allow(unused, clippy::todo, missing_docs, reason = "skeleton")]

use std::io;
use std::sync::Arc;

use journal::disk::Disk;
use journal::{Head, LedgerId, TraceSlice};
use ledger::{Seq, Transaction};

/// Sizes and bounds; the defaults are production's, tests make everything small.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Events in one chunk: the unit that is sorted in memory.
    pub chunk_events: usize,
    /// Events that are written to the disk as one run.
    pub run_events: usize,
    /// Runs of one size class that are merged into one of the next.
    pub merge_fan_in: usize,
    /// Most bytes of memory for the filter over all tx_ids in runs.
    pub filter_bytes_max: usize,
}

/// What opening found.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// Everything up to here is in runs; the caller appends what follows in the journal.
    pub indexed: Head,
    /// Files that were not whole, or not of this ledger, and were removed.
    pub dropped_count: usize,
}

/// A committed group, for the index.
#[derive(Clone, Copy, Debug)]
pub struct Group<'g> {
    /// The journal after the group.
    pub head: Head,
    pub traces: TraceSlice<'g>,
    /// First seq of the journal file that holds the group.
    pub file_first: Seq,
    /// Byte of that file at which the group's first line begins.
    pub offset: u64,
}

/// Where in the journal to look for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// First seq of the journal file.
    pub file_first: Seq,
    /// The line of this event begins
    pub seq: Seq,
    /// at this byte; it is the one looked for or stands a few lines before it.
    pub offset: u64,
}

/// What one step of background work did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// There was nothing to do.
    Idle,
    /// A chunk was sorted in memory.
    Sorted,
    /// A run was written; everything up to here is in runs.
    Flushed(Seq),
    /// Runs were merged.
    Merged,
}

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("reading the index")]
    Disk(#[source] io::Error),
    #[error("{run} is damaged")]
    Damaged { run: String },
}

pub struct History<D: Disk> {
    disk: Arc<D>,
}

/// Names in byte order.
pub struct NamesPage {
    pub numbers: Vec<u32>,
    pub more: bool,
    pub count: Option<u64>,
}

impl<D: Disk> History<D> {
    /// Opens the index folder of `disk` for the ledger `ledger`.
    pub fn open(
        disk: Arc<D>,
        ledger: LedgerId,
        options: Options,
    ) -> Result<(Self, Opened), HistoryError> {
        todo!()
    }
    /// The hash of a tx_id in this index: fixed for the life of the folder, keyed.
    pub fn hash(&self, tx_id: &str) -> u64 {
        todo!()
    }
    /// Takes a committed group, in memory.
    pub fn append(&self, group: Group<'_>) {
        todo!()
    }
    /// Everything up to here was appended.
    pub fn appended(&self) -> Head {
        todo!()
    }
    /// Everything up to here is in runs and in the filter.
    pub fn indexed(&self) -> Seq {
        todo!()
    }
    /// Does one step of background work, the most urgent one.
    pub fn work(
        &self,
        name_of: &dyn Fn(u32) -> Option<String>,
        flush_all: bool,
    ) -> Result<Work, HistoryError> {
        todo!()
    }
    /// Whether a tx_id with this hash may stand in a run.
    pub fn may_hold(&self, hash: u64) -> bool {
        todo!()
    }
    /// The seqs in runs whose tx_ids have this hash.
    pub fn seqs_of_hash(&self, hash: u64) -> Result<Vec<Seq>, HistoryError> {
        todo!()
    }
    /// The same among what was appended and is in no run yet.
    pub fn seqs_of_hash_in_memory(&self, hash: u64) -> Vec<Seq> {
        todo!()
    }
    /// The seqs from `from` to `to` that changed an account, at most `limit` of them.
    pub fn seqs_of_account(
        &self,
        account: u32,
        from: Seq,
        to: Seq,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<Seq>, HistoryError> {
        todo!()
    }
    /// A page of the names that begin with `prefix`, behind `after`.
    pub fn names(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        count: bool,
        name_of: &dyn Fn(u32) -> Option<String>,
    ) -> Result<NamesPage, HistoryError> {
        todo!()
    }
    /// Where to look for an event.
    pub fn place_of(&self, seq: Seq) -> Result<Option<Place>, HistoryError> {
        todo!()
    }
}
impl Default for Options {
    fn default() -> Self {
        todo!()
    }
}
impl<D: Disk> History<D> {
    pub fn clear(&self) -> Result<(), HistoryError> {
        todo!()
    }
    pub fn seq_near_time(&self, time_us: u64) -> Result<Seq, HistoryError> {
        todo!()
    }
}
