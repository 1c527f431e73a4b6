//! What an operator may set, and the limits that nobody needs to.

use std::path::PathBuf;
use std::time::Duration;

/// The limits of the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Names by which the door may be asked for, beside its own address, `localhost` and `127.0.0.1`:
    /// a page of another site that has its name lead here (DNS rebinding) is answered nothing.
    pub hosts: Vec<String>,
    /// How long connections may take to be answered and closed once the server stops. Default 10 s.
    pub drain: Duration,
    /// The folder that keeps the bank, for a monitor to hear how much room it has; `None`: a database
    /// keeps it.
    pub data: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { hosts: Vec::new(), drain: Duration::from_secs(10), data: None }
    }
}

/// Most bytes in the body of a request: as in a line of the other door.
pub(crate) const BODY_BYTES_MAX: usize = protocol::limits::LINE_BYTES_MAX;

/// How long a client may take for the head of its request.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
