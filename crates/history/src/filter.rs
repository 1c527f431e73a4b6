//! A filter over the hashes of all tx_ids in runs: it says *no* for certain and *maybe* otherwise,
//! so that a new tx_id costs one cache line, whatever the length of history.
//!
//! It is a split-block Bloom filter (F. Putze, P. Sanders, J. Singler, "Cache-, hash- and
//! space-efficient Bloom filters", 2009; multipliers and mask as in the Bloom filter specification
//! of Apache Parquet): the high half of a hash chooses a block of 256 bits, the low half sets one
//! bit in each of its eight lanes of 32 bits. The block grows with the hash, so what comes in the
//! order of hashes is set from one end of the filter to the other.
//!
//! **Invariant:** a hash that was inserted is never denied.
//! **Invariant:** no two threads insert into the same block at the same time; readers take no lock
//! and may run beside the one that inserts.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::entry::{high_half, low_half};

/// Bits per key of a filter that holds as many keys as it was made for: one in some 10,000 hashes
/// that were never inserted is a *maybe* then, and fewer before.
const BITS_PER_KEY: u64 = 24;

const LANES_PER_BLOCK: usize = 8;
const WORDS_PER_BLOCK: usize = LANES_PER_BLOCK / 2;
const BLOCK_BITS: u64 = 256;
const BLOCK_BYTES: usize = 32;

/// Odd multipliers, one per lane, from the specification of Apache Parquet.
const MULTIPLIERS: [u32; LANES_PER_BLOCK] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// Two lanes per word. Aligned, so that a block never lies in two cache lines.
#[derive(Default)]
#[repr(align(32))]
struct Block([AtomicU64; WORDS_PER_BLOCK]);

/// The filter.
pub(crate) struct Filter {
    blocks: Vec<Block>,
    /// How many keys it was made for.
    keys_max: u64,
}

impl Filter {
    /// An empty filter for `keys` keys, of at most `bytes_max` bytes; beyond that it gets less
    /// selective.
    pub(crate) fn for_keys(keys: u64, bytes_max: usize) -> Self {
        let wanted = keys.saturating_mul(BITS_PER_KEY).div_ceil(BLOCK_BITS);
        let count_max = (bytes_max / BLOCK_BYTES).clamp(1, 1 << 31);
        let count = usize::try_from(wanted).unwrap_or(usize::MAX).clamp(1, count_max);
        let blocks = (0..count).map(|_| Block::default()).collect();
        // One that may not grow is never full.
        let keys_max = if count == count_max { u64::MAX } else { keys };
        Self { blocks, keys_max }
    }

    /// How many keys it holds before a larger one is due.
    pub(crate) fn keys_max(&self) -> u64 {
        self.keys_max
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.len() * BLOCK_BYTES
    }

    /// The hashes whose blocks are part `part` of `parts` of the filter: for threads that fill it
    /// together, none of them in the block of another.
    pub(crate) fn part(&self, part: usize, parts: usize) -> Range<usize> {
        let cut = |part: usize| self.blocks.len().saturating_mul(part) / parts.max(1);
        cut(part)..cut(part + 1)
    }

    /// The lowest hash whose block is `block` or behind it; the highest of all when there is none.
    pub(crate) fn lowest_hash(&self, block: usize) -> u64 {
        let count = self.blocks.len() as u128;
        let high = ((block as u128) << 32).div_ceil(count.max(1));
        u64::try_from(high << 32).unwrap_or(u64::MAX)
    }

    /// The block of a hash.
    #[inline]
    pub(crate) fn block(&self, hash: u64) -> usize {
        let block = u64::from(high_half(hash)) * self.blocks.len() as u64;
        usize::try_from(block >> 32).unwrap_or(0)
    }

    /// Inserts a hash.
    #[inline]
    pub(crate) fn insert(&self, hash: u64) {
        let Some(Block(words)) = self.blocks.get(self.block(hash)) else { return };
        for (word, mask) in words.iter().zip(masks(hash)) {
            // Nobody else writes here, so this needs no atomic addition of bits.
            word.store(word.load(Ordering::Relaxed) | mask, Ordering::Relaxed);
        }
    }

    /// Whether a hash may have been inserted.
    #[inline]
    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        let Some(Block(words)) = self.blocks.get(self.block(hash)) else { return true };
        let missing = words
            .iter()
            .zip(masks(hash))
            .fold(0, |missing, (word, mask)| missing | (!word.load(Ordering::Relaxed) & mask));
        missing == 0
    }
}

/// `keys_max`, doubled until `keys` fit.
pub(crate) fn doubled(keys_max: u64, keys: u64) -> u64 {
    let mut doubled = keys_max;
    while doubled < keys {
        doubled = doubled.saturating_mul(2);
    }
    doubled
}

/// The bits of a hash, in each word of its block.
#[inline]
fn masks(hash: u64) -> [u64; WORDS_PER_BLOCK] {
    let low = low_half(hash);
    let bit = |multiplier: u32| 1u64 << (low.wrapping_mul(multiplier) >> 27);
    let [a, b, c, d, e, f, g, h] = MULTIPLIERS;
    [bit(a) | bit(b) << 32, bit(c) | bit(d) << 32, bit(e) | bit(f) << 32, bit(g) | bit(h) << 32]
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64_with_seed;

    use super::*;

    fn hash(number: u64) -> u64 {
        xxh3_64_with_seed(&number.to_le_bytes(), 7)
    }

    #[test]
    fn what_was_inserted_is_never_denied_and_few_others_pass_in_a_full_filter() {
        const KEYS: u64 = 200_000;
        let filter = Filter::for_keys(KEYS, usize::MAX);
        for number in 0..KEYS {
            filter.insert(hash(number));
        }
        assert!((0..KEYS).all(|number| filter.may_hold(hash(number))));
        let passed = (KEYS..11 * KEYS).filter(|number| filter.may_hold(hash(*number))).count();
        // Of 2,000,000: one in 5,000 at most, and not none, which would be a test that sees nothing.
        assert!((1..=400).contains(&passed), "{passed}");
    }

    #[test]
    fn a_filter_that_may_not_grow_gets_less_selective_and_stays_right() {
        const KEYS: u64 = 20_000;
        let filter = Filter::for_keys(KEYS, 4_096);
        assert_eq!(filter.bytes(), 4_096);
        for number in 0..KEYS {
            filter.insert(hash(number));
        }
        assert!((0..KEYS).all(|number| filter.may_hold(hash(number))));
    }

    #[test]
    fn the_parts_of_a_filter_are_ranges_of_hashes_without_gap() {
        let filter = Filter::for_keys(1_000, usize::MAX);
        for parts in 1..5 {
            for part in 0..parts {
                let blocks = filter.part(part, parts);
                assert_eq!(filter.block(filter.lowest_hash(blocks.start)), blocks.start);
                if blocks.end < filter.part(parts - 1, parts).end {
                    assert_eq!(filter.block(filter.lowest_hash(blocks.end) - 1), blocks.end - 1);
                }
            }
            assert_eq!(filter.part(0, parts).start, 0);
            assert_eq!(filter.part(parts - 1, parts).end, filter.block(u64::MAX) + 1);
        }
    }
}
