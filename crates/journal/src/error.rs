//! What can go wrong with the journal, and what each means for the caller.

use std::fmt;
use std::io;

use ledger::Seq;

/// Why a running journal stopped. It writes nothing more after any of these.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There was no room to extend the padding. Nothing acknowledged is lost: make space and
    /// start again.
    #[error("the disk is full: {file} could not be extended")]
    DiskFull {
        /// The file that could not grow.
        file: &'static str,
        /// What the disk said.
        source: io::Error,
    },
    /// A write, a sync or a rename failed, so that what is on the disk is not known. The outcome
    /// of what was under way is unknown: exit, and recover at the next start.
    #[error("{what} failed on {file}")]
    Failed {
        /// The call.
        what: &'static str,
        /// The file.
        file: &'static str,
        /// What the disk said.
        source: io::Error,
    },
    /// It had stopped before.
    #[error("the journal has stopped")]
    Stopped,
}

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder open.
    #[error("the folder is open in another server")]
    Locked,
    /// A newer program wrote the folder.
    #[error("{file} has format {format}, which is newer than this program")]
    NewerFormat {
        /// The file.
        file: String,
        /// Its format number; 0 when it stands in a single line.
        format: u64,
    },
    /// The files are those of the original program.
    #[error("{file} was written by the original program")]
    Original {
        /// The file that shows it.
        file: String,
    },
    /// The journal or the snapshots are damaged: no crash leaves them so.
    #[error("{0}")]
    Corrupt(Damage),
    /// The disk is full.
    #[error("the disk is full: {what}")]
    DiskFull {
        /// What needed the room.
        what: String,
        /// What the disk said.
        source: io::Error,
    },
    /// The disk failed.
    #[error("{what} failed")]
    Disk {
        /// The call and its file.
        what: String,
        /// What the disk said.
        source: io::Error,
    },
}

/// Where a data folder is damaged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// Byte in the file from which on it cannot be believed.
    pub offset: u64,
    /// The last event that is proven before that.
    pub seq_good: Seq,
    /// What was found.
    pub fault: Fault,
}

/// What is wrong at a damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The first line is no header.
    Header,
    /// The header does not follow from the file before it.
    HeaderChain,
    /// The bytes are no sealed group, and a valid seal stands behind them.
    BeforeSeal {
        /// Byte at which that seal begins.
        seal_offset: u64,
    },
    /// A closed file does not end with its last seal.
    ClosedFileEnd,
    /// Events are missing between two files.
    MissingFile {
        /// The first missing event.
        seq: Seq,
    },
    /// The journal is missing altogether, though a snapshot or the lock file knows of one.
    MissingJournal,
    /// A sealed line is no event.
    Line,
    /// A sealed event does not follow its predecessor.
    Order,
    /// A sealed event contradicts the state before it.
    Contradiction(Contradiction),
    /// The balance of `@world` in a seal is not what the events give.
    World,
    /// A snapshot proves events that the journal does not have.
    ShorterThanSnapshot {
        /// The highest event that the snapshot proves.
        seq: Seq,
    },
    /// The index of history holds events that the journal does not have.
    ShorterThanIndex {
        /// The last event that the index holds.
        seq: Seq,
    },
    /// The seal at which the index of history ends is not in the journal: it is the index of another
    /// history. It is derived, so it may be removed, and the folder be opened again.
    ForeignIndex,
    /// A snapshot's seal is not in the journal.
    ForeignSnapshot,
    /// A snapshot is not whole.
    Snapshot,
    /// A snapshot says something else than the journal.
    SnapshotBalance,
}

/// What a sealed event can contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// The balance before it is not what the account held.
    BalanceBefore,
    /// The tx_id stands on an earlier event.
    TxIdRepeated,
    /// The rules would not have allowed it.
    Rules,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, seq_good, fault } = self;
        write!(f, "{file} is damaged at byte {offset}, after seq {seq_good}: {fault}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("its first line is no journal header"),
            Self::HeaderChain => f.write_str("its header does not follow from the file before"),
            Self::BeforeSeal { seal_offset } => {
                write!(f, "no valid group there, but a valid seal behind it at byte {seal_offset}")
            }
            Self::ClosedFileEnd => f.write_str("a closed file must end with its last seal"),
            Self::MissingFile { seq } => write!(f, "the file with seq {seq} is missing"),
            Self::MissingJournal => {
                f.write_str("a ledger was begun in this folder, and its journal is not there")
            }
            Self::Line => f.write_str("a sealed line is no event"),
            Self::Order => f.write_str("a sealed event does not follow the one before"),
            Self::Contradiction(what) => write!(f, "a sealed event is impossible: {what}"),
            Self::World => f.write_str("the seal's world balance is not what the events give"),
            Self::ShorterThanSnapshot { seq } => {
                write!(f, "the journal ends there, but a snapshot proves events up to seq {seq}")
            }
            Self::ShorterThanIndex { seq } => {
                write!(f, "the journal ends there, but its index holds events up to seq {seq}")
            }
            Self::ForeignIndex => f.write_str("the seal at which its index ends is not in it"),
            Self::ForeignSnapshot => f.write_str("its seal is not in the journal"),
            Self::Snapshot => f.write_str("it is not a whole snapshot"),
            Self::SnapshotBalance => f.write_str("it holds other balances than the journal gives"),
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BalanceBefore => {
                "its amount does not lead from the balance before to the one after"
            }
            Self::TxIdRepeated => "its tx_id stands on an earlier event",
            Self::Rules => "the rules do not allow it",
        })
    }
}

impl OpenError {
    /// Wraps what the disk said of `what`.
    pub(crate) fn disk(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Disk { what, source }
    }
}
