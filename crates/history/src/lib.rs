//! The index of history: sorted runs in a folder of their own, derived from the journal.
//!
//! It answers three questions that the journal answers only by reading all of it: which events
//! have a tx_id, which changed an account, which names begin with some letters; and it says where
//! in the journal an event stands. The bank's truth is the journal alone: the index may be deleted
//! at any time and is built again from it.
//!
//! From the bottom up: `page` (bytes with a checksum), `entry` and `names` (what stands in pages),
//! `footer` (what a run says of itself), `writer` and `tail` (the way to the disk), `run` and `stream`
//! (the way back), `chunk` and `fresh` (what is in memory), `filter` and `fill`, `flush` and `merge`, `plan`
//! (which runs are merged), `chain` (which files count), `look`, `index`, `work`. Every byte on the disk is
//! specified in `docs/formats.md`.
//!
//! **Invariant:** no clock, no thread of its own but those that fill the filter together, no log:
//! the caller's background thread calls [`History::flush`] and [`History::merge`].
//! Not here: the journal's lines. What is found is a seq or a place; who asks reads there.
#![deny(clippy::indexing_slicing)]

mod chain;
mod chunk;
mod entry;
mod error;
mod fill;
mod filter;
mod flush;
mod folder;
mod footer;
mod fresh;
mod index;
mod key;
mod look;
mod merge;
mod names;
mod page;
mod plan;
mod run;
mod stream;
mod tail;
mod wipe;
mod work;
mod writer;

use journal::{Hash, Head, TraceSlice};
use ledger::Seq;

pub use error::HistoryError;
pub use index::History;
pub use key::fix_key;
pub use wipe::wipe;

/// Gives the name of an account by its number; `None` when no such account was opened.
pub type NameOf<'n> = &'n dyn Fn(u32) -> Option<String>;

/// Sizes and bounds; the defaults are production's, tests make everything small.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Events in one chunk: the unit that is sorted in memory. Here and below one that changes or
    /// opens more accounts than most counts as several.
    pub chunk_events: usize,
    /// Events that are written to the disk as one run.
    pub run_events: usize,
    /// Runs of one size class that are merged into one of the next.
    pub merge_fan_in: usize,
    /// Most bytes of memory for the filter over all tx_ids in runs.
    pub filter_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chunk_events: 8_192,
            run_events: 524_288,
            merge_fan_in: 8,
            filter_bytes_max: 384 << 20,
        }
    }
}

/// What opening found.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// Everything up to here is in runs; the caller appends what follows in the journal.
    pub indexed: Head,
    /// Hash of the seal of the group that ends there; `None`: nothing is in runs. A journal that does
    /// not have it is another history, and the caller has to [`wipe`] the index.
    pub seal: Option<Hash>,
    /// Runs that were not whole, not of this ledger, or behind one of those, and were removed.
    pub dropped_count: usize,
}

/// A committed group, for the index.
#[derive(Clone, Copy, Debug)]
pub struct Group<'g> {
    /// The journal after the group.
    pub head: Head,
    /// Hash of the group's seal.
    pub seal: Hash,
    /// The events of the group.
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
    /// A merge went on by a step; with its last one, runs have become one.
    Merged,
}

/// Names in byte order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamesPage {
    /// Numbers of the accounts, in the order of their names.
    pub numbers: Vec<u32>,
    /// Whether there are more behind these.
    pub more: bool,
    /// How many names begin with the prefix in all, if that was asked.
    pub count: Option<u64>,
}

/// What the index takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How many runs there are.
    pub runs_count: usize,
    /// Bytes of memory for the runs' fences and tables.
    pub fences_bytes: usize,
    /// Bytes of memory for the filter.
    pub filter_bytes: usize,
    /// Bytes of memory for what is in no run yet.
    pub chunks_bytes: usize,
    /// Bytes of all runs on the disk.
    pub disk_bytes: u64,
}
