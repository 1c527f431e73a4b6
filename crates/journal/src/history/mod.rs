//! All files of a data folder as one history: first the chain of seals over every byte, then the
//! events. Reads only; recovery and `verify` both stand on it.
//!
//! `prove` proves one file by itself, `survey` all of them on all cores and links them in order,
//! `snapshots` holds the snapshots against them, `replay` hands out what they hold.
//!
//! **Invariant:** what a folder is found to be does not depend on the number of threads.

mod cut;
mod prove;
mod replay;
mod snapshots;
mod survey;
#[cfg(test)]
mod tests;

use ledger::{AccountId, Balance, Seq, Transaction};

use crate::error::{Damage, Fault, OpenError};
use crate::hash::Hash;
use crate::header::{Genesis, Header};
use crate::planted::Plants;
use crate::scan::{Link, Tail};
use crate::snapshot::Snapshot;
use prove::Waypoint;

pub use cut::{Cut, CutFile, cut};
pub use replay::count_accounts;
pub(crate) use replay::{Replay, Replayed, replay};
pub(crate) use survey::{SurveyOptions, survey_with};
pub use survey::{survey, survey_as_far_as_possible, survey_by, survey_expecting};

/// One journal file of the history.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Its first line.
    pub header: Header,
    /// Bytes of that line, newline included.
    pub header_bytes: u64,
    /// Byte up to which seals prove it.
    pub proven_end: u64,
    /// Its length in bytes, padding included.
    pub bytes: u64,
    /// Its last event, or the one before its first when it has none.
    pub last: Seq,
    /// Groups in it, empty ones included.
    pub groups_count: u64,
    /// Places from which it can be read on: the first behind its header, the last at `proven_end`.
    waypoints: Vec<Waypoint>,
}

/// Every byte of a data folder's journal, judged.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Ledger and currency; `None` when the folder holds no journal yet.
    pub genesis: Option<Genesis>,
    /// The files in order; the last one is the active file unless `active_missing`.
    pub segments: Vec<Segment>,
    /// A crash in the middle of a rotation left no active file, or the closed one in its place.
    pub active_missing: bool,
    pub(crate) link: Link,
    pub(crate) tail: Tail,
    /// The snapshots that are whole and belong to this history, newest first.
    pub snapshots: Vec<(&'static str, Snapshot)>,
    /// The names of snapshots that are damaged.
    pub snapshots_damaged: Vec<&'static str>,
    /// Whether a seal with the hash that was asked for is on the chain.
    pub expected_seal_found: bool,
    /// Whether the seal at which the index ends is on the chain.
    pub(crate) indexed_seal_found: bool,
    plants: Plants,
}

/// What replay finds, in this order: the accounts of a snapshot, then events.
///
/// **Invariant:** accounts come in the order of their lines in the snapshot, which is the order of
/// the account numbers that they were written by; events come in the order of their seq.
#[derive(Debug)]
pub enum Found<'a> {
    /// An account of the snapshot.
    Account {
        /// Its name.
        account: AccountId<'a>,
        /// Its balance.
        balance: Balance,
        /// The seq of its last change.
        seq: Seq,
    },
    /// An event of the journal. Whether an account already has it, its seq tells.
    Event {
        /// The event.
        transaction: Transaction<'a>,
        /// Where its line stands.
        place: LinePlace,
        /// Hash of the seal of its group.
        seal: Hash,
    },
}

/// Where the line of an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePlace {
    /// Seq of the first event of the file.
    pub file_first: Seq,
    /// Byte of the file at which the line begins.
    pub offset: u64,
    /// Bytes of the line, newline included.
    pub bytes: u32,
}

impl Survey {
    /// The last event that seals prove.
    pub fn last(&self) -> Seq {
        self.link.last
    }

    /// The balance of `@world` after it.
    pub fn world(&self) -> i128 {
        self.link.world
    }

    /// The hash of the last seal.
    pub fn seal(&self) -> Hash {
        self.link.hash
    }

    /// Bytes of all journal files, padding included.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Bytes behind the last seal that no seal proves: where they begin and end in the active
    /// file. `None` when there is nothing but padding.
    pub fn torn_tail(&self) -> Option<(u64, u64)> {
        let start = self.segments.last()?.proven_end;
        match self.tail {
            Tail::Torn { end } => Some((start, end)),
            Tail::Clean | Tail::Damaged { .. } => None,
        }
    }

    /// Whether the active file ends as a clean stop leaves it: with an empty group, unpadded.
    pub fn is_clean_stop(&self) -> bool {
        self.link.last_group_empty && self.is_unpadded()
    }

    /// Whether there is an active file that ends with its last seal.
    pub(crate) fn is_unpadded(&self) -> bool {
        let ends = self.segments.last().is_some_and(|active| active.proven_end == active.bytes);
        !self.active_missing && ends
    }
}

fn damage(file: &str, offset: u64, seq_good: Seq, fault: Fault) -> OpenError {
    OpenError::Corrupt(Damage { file: file.into(), offset, seq_good, fault })
}
