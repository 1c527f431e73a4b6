//! The snapshot `state.json`: every account with the seq of its last change, and where replay
//! starts. It is fuzzy: written while money moves, account by account.
//!
//! One JSON object, one account per line, so that text tools work on it; its last key, `hash`,
//! covers every byte before that key. The bytes stand in `docs/formats.md`.
//!
//! **Invariant:** accounts stand in the order of their numbers, and are read in that order.
//! **Invariant:** a snapshot gets its name only after its bytes are synced and every event that
//! it shows is durable in the journal. The newest two are kept.

mod load;
mod read;
#[cfg(test)]
mod tests;
mod write;

use ledger::Seq;

use crate::hash::Hash;
use crate::header::Genesis;
use crate::text::{Cursor, Pen};

pub(crate) use load::read_accounts;
pub(crate) use read::{Candidate, Depth, State, examine, find};
pub use write::{CheckpointError, Finished, SnapshotWriter};

/// The snapshot format that this program writes and reads.
pub const SNAPSHOT_FORMAT: u64 = 1;

/// Most bytes of one line of a snapshot.
const LINE_BYTES_MAX: usize = 1024;

const HASH_KEY: &str = ",\"hash\":\"";
/// Most bytes of the last line: two keys, a number and a hash.
const END_LINE_BYTES_MAX: usize = 256;
/// Bytes from the key `hash` to the end of the file, without its newline.
const HASH_TAIL_BYTES: usize = HASH_KEY.len() + 64 + 2;

/// What a snapshot says besides its accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotHead {
    /// Ledger and currency.
    pub genesis: Genesis,
    /// Where replay starts: every event up to this one is in the accounts.
    pub seq: Seq,
    /// When the scan of the accounts began, in microseconds since the Unix epoch.
    pub timestamp_us: u64,
    /// Hash of the seal that ends with `seq`.
    pub seal: Hash,
}

/// A snapshot that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What it says besides its accounts.
    pub head: SnapshotHead,
    /// The highest seq of an account in it: the journal must reach so far.
    pub seq_max: Seq,
    /// How many accounts it holds.
    pub accounts_count: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The hash that it states, which is that of its bytes.
    pub hash: Hash,
}

impl SnapshotHead {
    fn encode(&self, line: &mut Vec<u8>) {
        let mut pen = Pen(line);
        pen.literal("{\"format\":").number(SNAPSHOT_FORMAT);
        pen.literal(",\"writer\":\"saldo ").literal(env!("CARGO_PKG_VERSION"));
        pen.literal("\",\"ledger\":\"").literal(&self.genesis.ledger.to_hex());
        pen.literal("\",\"currency\":").string(self.genesis.currency.as_str());
        pen.literal(",\"seq\":").number(self.seq.get());
        pen.literal(",\"timestamp\":").number(self.timestamp_us);
        pen.literal(",\"seal\":\"").bytes(&self.seal.to_hex());
        pen.literal("\",\"accounts\":{\n");
    }

    fn decode(line: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(line);
        cursor.literal("{\"format\":")?;
        (cursor.u64()? == SNAPSHOT_FORMAT).then_some(())?;
        cursor.literal(",\"writer\":")?;
        cursor.string()?;
        cursor.literal(",\"ledger\":")?;
        let ledger = crate::header::LedgerId::from_hex(cursor.string()?.as_bytes())?;
        cursor.literal(",\"currency\":")?;
        let currency = crate::header::Currency::new(&cursor.string()?)?;
        cursor.literal(",\"seq\":")?;
        let seq = Seq::new(cursor.u64()?);
        cursor.literal(",\"timestamp\":")?;
        let timestamp_us = cursor.u64()?;
        cursor.literal(",\"seal\":\"")?;
        let seal = Hash::from_hex(cursor.bytes(64)?)?;
        cursor.literal("\",\"accounts\":{")?;
        cursor.end()?;
        Some(Self { genesis: Genesis { ledger, currency }, seq, timestamp_us, seal })
    }
}
