//! The journal's text form: JSON in one canonical shape, written and read by hand.
//!
//! Canonical means: fixed key order, no spaces, numbers without sign or zeros in front, and in
//! strings `"` and `\` escaped and nothing else (control characters never get here). A reader
//! that takes only this form notices every changed bit that a hash would notice, and what it
//! cannot name.

mod cursor;
mod pen;

pub(crate) use cursor::Cursor;
pub(crate) use pen::Pen;
