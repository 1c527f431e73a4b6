//! What can go wrong with the index, and what the caller does then.

use std::io;

/// No answer from the index. The journal is untouched by any of these, and holds the answer.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The disk failed. Nothing was lost: what was to be written is still in memory, and the next
    /// step writes it into a new file from the start.
    #[error("reading or writing the index")]
    Disk(#[source] io::Error),
    /// A page of a run is not what was written. The run cannot be mended:
    /// [`History::discard`](crate::History::discard) takes it away, and the next start builds it
    /// and all behind it anew from the journal.
    #[error("{run} is damaged")]
    Damaged {
        /// Name of the run's file.
        run: String,
    },
    /// The caller knows no name, or none that an account can have, for an account that the journal
    /// says was opened. Nothing was written.
    #[error("account number {number} has no name")]
    Nameless {
        /// The account's number.
        number: u32,
    },
}

impl From<io::Error> for HistoryError {
    fn from(source: io::Error) -> Self {
        Self::Disk(source)
    }
}
