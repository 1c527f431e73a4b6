//! The key of the hash of tx_ids, and the hash.
//!
//! The hash is XXH3-64 with a random seed of 64 bits. It has to be keyed because clients choose
//! their tx_ids: with a known hash one of them could make thousands that share a hash, and every
//! look-up of those would read as many places of the journal; this way it cannot tell which do. It
//! has to be stable, in time and over versions of this program, because the hashes are on the disk
//! and are compared with those of tx_ids that come years later; the maps' own hash promises neither.
//! It needs no more than that: on a hit the tx_id itself is compared.
//!
//! The key is in the footer of every run. The file `KEY` holds it while there is no run.

use std::hash::{BuildHasher, RandomState};
use std::io;

use journal::LedgerId;
use journal::disk::{Disk, read_full_at, write_all_at};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::folder::{KEY, KEY_NEW};

const MAGIC: &[u8; 16] = b"saldo index key\n";
const BYTES: usize = 16 + 16 + 8 + 4;

/// The hash of `tx_id` under `key`.
#[inline]
pub(crate) fn hash(key: u64, tx_id: &str) -> u64 {
    xxh3_64_with_seed(tx_id.as_bytes(), key)
}

/// A key that nobody can guess.
pub(crate) fn random() -> u64 {
    // The standard library seeds its maps from the operating system's source of randomness.
    RandomState::new().hash_one(0u64)
}

/// Reads the key of `ledger`; `None` when there is none, whole.
pub(crate) fn read<D: Disk>(disk: &D, ledger: LedgerId) -> io::Result<Option<u64>> {
    if !disk.list()?.iter().any(|name| name == KEY) {
        return Ok(None);
    }
    let file = disk.open_read(KEY)?;
    let mut bytes = vec![0; BYTES + 1];
    let count = read_full_at(disk, &file, &mut bytes, 0)?;
    bytes.truncate(count);
    let key = bytes.get(32..).and_then(|rest| rest.first_chunk()).copied();
    let key = key.map(u64::from_le_bytes).filter(|key| bytes == encode(ledger, *key));
    Ok(key)
}

/// Fixes the key of an index folder that has no run yet, durably. A simulation does so before it
/// opens the folder, so that its run follows from its seed.
/// `disk`: the index folder. Errors: those of the disk.
pub fn fix_key<D: Disk>(disk: &D, ledger: LedgerId, key: u64) -> io::Result<()> {
    if disk.list()?.iter().any(|name| name == KEY_NEW) {
        disk.unlink(KEY_NEW)?;
    }
    let file = disk.create(KEY_NEW)?;
    write_all_at(disk, &file, &encode(ledger, key), 0)?;
    disk.sync_all(&file)?;
    disk.rename(KEY_NEW, KEY)?;
    disk.sync_dir()
}

fn encode(ledger: LedgerId, key: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&ledger.0.to_le_bytes());
    bytes.extend_from_slice(&key.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // The empty input with seed 0, from the reference implementation's sanity tests.
        assert_eq!(hash(0, ""), 0x2d06_8005_38d3_94c2);
        assert_ne!(hash(1, "t-1"), hash(2, "t-1"));
    }

    #[test]
    fn two_keys_differ() {
        assert_ne!(random(), random());
    }
}
