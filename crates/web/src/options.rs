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
    /// Most connections at once; one more is told so and closed. Default 1,000.
    pub connections_max: usize,
    /// Most streams of events at once. Default 256.
    pub streams_max: usize,
    /// How long a client may take for the head of a request, and how long a connection may be kept
    /// without one. Default 10 s.
    pub head_timeout: Duration,
    /// How long a client may take for a body. Default 10 s.
    pub body_timeout: Duration,
    /// How long a client may take to accept more of an answer. Default 30 s.
    pub write_timeout: Duration,
    /// How often a stream says that it lives. Default 15 s.
    pub stream_pause: Duration,
    /// By how many events a stream may fall back behind the others. Default 100,000.
    pub behind_events_max: u64,
    /// The folder that keeps the bank, for a monitor to hear how much room it has; `None`: a database
    /// keeps it.
    pub data: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            drain: Duration::from_secs(10),
            connections_max: 1_000,
            streams_max: 256,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            stream_pause: Duration::from_secs(15),
            behind_events_max: 100_000,
            data: None,
        }
    }
}

/// Most bytes in the body of a request: as in a line of the other door.
pub(crate) const BODY_BYTES_MAX: usize = protocol::limits::LINE_BYTES_MAX;

/// Bytes of the head of a request, its line and its headers, behind which it is given up: looked at after
/// each read, so that somewhat more may get through.
pub(crate) const HEAD_BYTES_MAX: usize = 32 << 10;

/// Most headers of a request.
pub(crate) const HEADERS_MAX: usize = 64;

/// Transactions that a stream reads at once: what it may hold of history.
pub(crate) const STREAM_PAGE: usize = 256;

/// Most events of a history that is proven within the server: a proof holds some 70 bytes of each.
pub(crate) const VERIFY_EVENTS_MAX: u64 = 10_000_000;
