//! Opening balances: read from a file in any of the forms that a bank of this kind has written, and
//! cut into requests.

pub mod file;
pub mod pieces;
