//! The bounds of the wire. Names, tx_ids and amounts have theirs in `ledger::limits`.

use ledger::limits::ACCOUNT_ID_BYTES_MAX;

/// Most bytes in one line, its line feed not counted. Longer ones get an error, and the connection
/// is closed.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Most keys in a request, those that no command knows included.
pub const KEYS_MAX: usize = 64;

/// Most levels of objects and lists inside one another; the request itself is the first. The depth
/// at which most JSON readers stop as well.
pub const DEPTH_MAX: usize = 128;

/// Most accounts in one `balance` request.
pub const USERS_MAX: usize = 1_000;

/// Most lines, accounts or transactions in one page of history.
pub const PAGE_MAX: usize = 1_000;

/// How many of them there are in a page when the request does not say.
pub const PAGE_DEFAULT: usize = 100;

/// The bytes of transactions behind which a page ends before its limit: events that set many
/// balances are large.
pub const PAGE_BYTES: usize = 1 << 20;

/// The largest seq and the latest time that a request can name.
pub const NUMBER_MAX: u64 = (1 << 63) - 1;

/// Most bytes of a cursor: its longest one carries an account's name.
pub const CURSOR_BYTES_MAX: usize = 2 * ACCOUNT_ID_BYTES_MAX + 16;

/// Most characters of a client's own text that an error repeats.
pub const SHOWN_CHARS_MAX: usize = 64;

/// Most bytes that one byte of UTF-8 takes in a JSON string: `\u001f`.
const ESCAPED_BYTES_MAX: usize = 6;

// The longest list of balances can be asked for in one line, however its names are escaped.
const _: () = assert!(USERS_MAX * (ACCOUNT_ID_BYTES_MAX * ESCAPED_BYTES_MAX + 3) < LINE_BYTES_MAX);
// What an error repeats stays small beside the line that it answers.
const _: () = assert!(SHOWN_CHARS_MAX * 16 < LINE_BYTES_MAX);
