//! The bounds of the bank's words. Every reader and every writer of them obeys these figures.

/// Most bytes of UTF-8 in the name of an account.
pub const ACCOUNT_ID_BYTES_MAX: usize = 64;

/// Most bytes of UTF-8 in a tx_id.
pub const TX_ID_BYTES_MAX: usize = 128;

/// Most bytes of UTF-8 in the name of a principal.
pub const BY_BYTES_MAX: usize = 64;

/// Largest amount that one command moves, in minor units: 2^53 - 1, the largest whole number that
/// every JSON reader of every language holds exactly (RFC 7493, section 2.2).
pub const AMOUNT_MAX: i64 = (1 << 53) - 1;

/// A balance stays within plus and minus this many minor units, for the same reason.
pub const BALANCE_MAX: i64 = AMOUNT_MAX;

/// Names that begin with this character are the bank's own; `@world` is the one through which money
/// enters and leaves.
pub const RESERVED_PREFIX: char = '@';
