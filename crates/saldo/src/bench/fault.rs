//! What can end a run before its time.

use std::io;
use std::time::Duration;

use super::replies::NoReply;

/// Why a run ended early.
#[derive(Debug)]
pub enum Fault {
    /// A connection could not be opened.
    NotOpened(io::Error),
    /// A connection failed with transfers in flight.
    Lost {
        /// What the system said; `None` when the server closed it.
        cause: Option<io::Error>,
        /// How many transfers were not answered.
        unanswered: u64,
        /// The last no before it, which may say why.
        first_no: Option<String>,
    },
    /// Something came that is no reply; how it begins.
    NoReply(String),
    /// Nothing came on any connection for so long.
    Stalled(Duration),
    /// A task ended without a result.
    Crashed,
    /// The figures do not fit into the histogram.
    NoRoom,
}

impl From<NoReply> for Fault {
    fn from(odd: NoReply) -> Self {
        Self::NoReply(odd.0)
    }
}
