//! What an operator may set, and the limits that nobody needs to.

use std::time::Duration;

use protocol::limits::LINE_BYTES_MAX;

/// The limits of the door. The defaults are those of `docs/protocol.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most connections at once; one more gets an `overloaded` and is closed. Default 10,000.
    pub connections_max: usize,
    /// Most connections at once from one address; `None`, the default, is as many as there may be.
    pub per_address_max: Option<usize>,
    /// Most bytes in one line, its line feed not counted. Default 1 MiB.
    pub line_bytes_max: usize,
    /// How long a connection may say nothing while it has no request in the house; `None`, the
    /// default, is for ever.
    pub idle_timeout: Option<Duration>,
    /// How long a client may take to accept the replies of one write, most often of one batch, before
    /// its connection is closed. Default 30 s.
    pub write_timeout: Duration,
    /// How long connections may take to be answered and closed once the server stops; what is left
    /// then is cut. Default 10 s.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            per_address_max: None,
            line_bytes_max: LINE_BYTES_MAX,
            idle_timeout: None,
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// Most bytes in one read, and how many of a line that is not complete yet a connection holds
/// without asking.
pub(crate) const READ_BYTES_MAX: usize = 64 << 10;

/// Most bytes that all connections together hold of lines longer than [`READ_BYTES_MAX`].
pub(crate) const LONG_LINES_BYTES_MAX: usize = 256 << 20;

/// Most lines in one batch.
pub(crate) const BATCH_LINES_MAX: usize = 1_024;

/// Most bytes of lines in one batch; a single longer line is a batch of its own.
pub(crate) const BATCH_BYTES_MAX: usize = READ_BYTES_MAX;

/// So many bytes of replies are written before the batch goes on: with one reply more they bound the
/// memory for replies. What the outcomes behind them take is bounded by the engine.
pub(crate) const REPLIES_BYTES_MAX: usize = 1 << 20;

/// Most bytes of a reply buffer that are kept for the next batch.
pub(crate) const REPLIES_BYTES_KEPT_MAX: usize = 256 << 10;

/// Most sets of buffers that are kept while no connection needs them.
pub(crate) const BUFFERS_KEPT_MAX: usize = 128;

/// How long the server goes on reading, and forgetting, after its last word to a client that is
/// still sending: closing at once would reset the connection and could take the last word with it.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// Most bytes that it reads and forgets then.
pub(crate) const LINGER_BYTES_MAX: usize = 8 << 20;

/// Most bytes of one connection that are taken for received when the server stops: more than what
/// the kernel holds for a socket (6 MiB, `net.ipv4.tcp_rmem`), so that nothing is left out, and an
/// end to a client that never stops sending.
pub(crate) const DRAIN_BYTES_MAX: usize = 8 << 20;

/// Most bytes of a line, as long as nobody knows who sends it.
pub(crate) const AUTH_LINE_BYTES_MAX: usize = 1 << 10;

/// How long a client may take to say who it is.
pub(crate) const AUTH_TIME: Duration = Duration::from_secs(5);

/// How many lines it may take for that.
pub(crate) const AUTH_TRIES_MAX: u32 = 3;

/// How long a wrong token waits for its answer.
pub(crate) const AUTH_DELAY: Duration = Duration::from_millis(300);

/// How long a client may take for the handshake of TLS.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long a follower hears nothing when nothing happens.
pub(crate) const FOLLOW_ALIVE: Duration = Duration::from_secs(15);

/// How long no connection is accepted after accepting failed for want of something.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const _: () = assert!(BATCH_BYTES_MAX <= READ_BYTES_MAX);
const _: () = assert!(LINGER_BYTES_MAX >= 2 * LINE_BYTES_MAX);
const _: () = assert!(LONG_LINES_BYTES_MAX >= LINE_BYTES_MAX + READ_BYTES_MAX);
