//! The index from outside: against a naive one, through crashes at every call to the disk, and over
//! files that are cut or changed in every byte.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test stops at the first surprise, and its numbers are small"
)]

mod against_naive;
mod bytes;
mod crashes;
mod damage;
mod journal_like;
mod large_events;
mod naive;
mod random;
mod threads;
