//! A copy of a bank that can be put back: compressed files and a manifest that lists them.
//!
//! It needs no help of the server beside which it runs: closed journal files never change, and the active
//! one counts up to its last seal. What it copies of the active file it makes durable there first, so
//! that a backup never holds an event that the bank could still lose.
//!
//! `manifest` says what belongs to a backup, `frames` how a file is compressed, `archive` reads it all as
//! the folder that it holds, `frozen` is a bank at one moment, `write` makes a backup of it, `refused` says what stands in the way.
//!
//! **Invariant:** a file that a manifest lists is never written again and not removed before the next
//! manifest is durable: whatever ends a run, the folder holds the last backup, whole.
//! **Invariant:** a manifest gets its name only after what it lists was read back and proven.

mod archive;
mod frames;
mod frozen;
mod manifest;
mod prove;
mod refused;
#[cfg(test)]
mod tests;
mod write;

pub use self::archive::Archive;
pub use self::frozen::Frozen;
pub use self::prove::{is_backup, must_be_backup, prove};
pub use self::refused::{by_disk, by_proof};
pub use self::write::{Backed, Job, must_be_ours, run};
