//! Which tx_ids were used lately: from the hash of a tx_id to the seqs that may carry it. What the
//! index of history holds already is forgotten here, so memory stays bounded however long the
//! history is.
//!
//! A slot is eight bytes: 24 bits of hash and 40 bits of seq. Eight slots are a bucket, one cache
//! line, so that a look-up is one miss; a bucket that is full spills into a list of its shard. A
//! slot only says «perhaps»: the journal's line at that seq has the tx_id itself (`recall`).
//!
//! **Invariant:** a shard's lock is held from the look-up of a tx_id to the insertion of its seq,
//! so that two requests with one tx_id never run at the same time.
//! **Invariant:** a slot is given to another only once the index holds its seq.

use ledger::Seq;

use super::sync::{Mutex, MutexGuard, lock};

/// Most parts of the table, each with a lock of its own. A power of two.
const SHARDS_MAX: usize = 1024;
/// Slots of eight bytes in a cache line of 64.
const BUCKET: usize = 8;

const SEQ_BITS: u32 = 40;
const SEQ_MASK: u64 = (1 << SEQ_BITS) - 1;

/// Spilled slots are looked through for those that the index holds when there are so many and it
/// holds more than the last time.
const SPILLED_TIDY: usize = 32;

/// The table.
pub(crate) struct Recent {
    shards: Box<[Mutex<Shard>]>,
    buckets_mask: usize,
}

/// What one lock guards.
pub(crate) struct Shard {
    slots: Vec<u64>,
    /// The first slot that begins a cache line.
    aligned_from: usize,
    /// Hash and seq of what found its bucket full.
    spilled: Vec<(u64, Seq)>,
    /// What the index held when `spilled` was last looked through. Until it holds more there is
    /// nothing to be found, and looking at every insertion would take the square of their number.
    tidied: Seq,
    #[cfg(test)]
    tidied_count: usize,
}

/// A locked shard, for one hash.
pub(crate) struct Place<'t> {
    shard: MutexGuard<'t, Shard>,
    hash: u64,
    bucket_start: usize,
}

impl Recent {
    /// A table with room for about `slots_count` seqs before buckets spill; memory is touched as it
    /// is used.
    pub(crate) fn new(slots_count: usize) -> Self {
        // A small table, which a test has, is full soon because it has few shards.
        let shards = (slots_count / BUCKET).next_power_of_two().min(SHARDS_MAX);
        let buckets = (slots_count / shards / BUCKET).next_power_of_two();
        let shard = || {
            let slots = vec![0; (buckets + 1) * BUCKET];
            let aligned_from = slots.as_ptr().align_offset(BUCKET * size_of::<u64>()).min(BUCKET);
            Mutex::new(Shard {
                slots,
                aligned_from,
                spilled: Vec::new(),
                tidied: Seq::ZERO,
                #[cfg(test)]
                tidied_count: 0,
            })
        };
        Self { shards: (0..shards).map(|_| shard()).collect(), buckets_mask: buckets - 1 }
    }

    /// Locks the shard of a tx_id's hash.
    pub(crate) fn place(&self, hash: u64) -> Place<'_> {
        let Some(shard) = self.shards.get(low_bits(hash >> 20) & (self.shards.len() - 1)) else {
            unreachable!("the shards are a power of two")
        };
        let shard = lock(shard);
        let bucket_start = shard.aligned_from + (low_bits(hash) & self.buckets_mask) * BUCKET;
        Place { shard, hash, bucket_start }
    }
}

impl Place<'_> {
    /// The seqs that may carry the tx_id.
    pub(crate) fn seqs(&self) -> impl Iterator<Item = Seq> {
        let tag = self.hash >> SEQ_BITS;
        let bucket = self.shard.slots.get(self.bucket_start..self.bucket_start + BUCKET);
        let found = bucket.unwrap_or_default().iter().filter(move |slot| {
            // An empty slot has seq zero, which no event has.
            **slot >> SEQ_BITS == tag && **slot & SEQ_MASK != 0
        });
        let spilled = self.shard.spilled.iter().filter(|(hash, _)| *hash == self.hash);
        found.map(|slot| Seq::new(slot & SEQ_MASK)).chain(spilled.map(|(_, seq)| *seq))
    }

    /// Notes that the event at `seq` carries the tx_id. `indexed`: the index holds everything up
    /// to here, so those slots are free.
    pub(crate) fn insert(&mut self, seq: Seq, indexed: Seq) {
        assert!(seq.get() < SEQ_MASK, "a slot holds seqs of {SEQ_BITS} bits");
        let Shard { slots, spilled, tidied, .. } = &mut *self.shard;
        let bucket = slots.get_mut(self.bucket_start..self.bucket_start + BUCKET);
        let free =
            bucket.unwrap_or_default().iter_mut().find(|slot| **slot & SEQ_MASK <= indexed.get());
        if let Some(slot) = free {
            *slot = self.hash >> SEQ_BITS << SEQ_BITS | seq.get();
            return;
        }
        let is_due = spilled.len() >= SPILLED_TIDY && indexed > *tidied;
        if is_due {
            spilled.retain(|(_, seq)| *seq > indexed);
            *tidied = indexed;
        }
        spilled.push((self.hash, seq));
        #[cfg(test)]
        {
            self.shard.tidied_count += usize::from(is_due);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn low_bits(hash: u64) -> usize {
    hash as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    fn finds(recent: &Recent, n: u64) -> bool {
        recent.place(hash(n)).seqs().any(|seq| seq.get() == n)
    }

    #[test]
    fn what_the_index_does_not_hold_is_found_however_full_the_table_is() {
        let recent = Recent::new(1 << 14);
        for n in 1..=100_000 {
            recent.place(hash(n)).insert(Seq::new(n), Seq::ZERO);
        }
        assert!((1..=100_000).all(|n| finds(&recent, n)));
        assert_eq!(recent.place(hash(100_001)).seqs().filter(|seq| seq.get() == 7).count(), 0);
    }

    #[test]
    fn what_the_index_holds_makes_room_and_nothing_else_does() {
        let recent = Recent::new(1 << 14);
        for n in 1..=400_000_u64 {
            let indexed = Seq::new(n.saturating_sub(4_000));
            recent.place(hash(n)).insert(Seq::new(n), indexed);
            assert!(n < 4_000 || finds(&recent, n - 3_999));
        }
        let spilled: usize = recent.shards.iter().map(|shard| lock(shard).spilled.len()).sum();
        assert!(spilled < 4_000, "{spilled} spilled");
    }

    #[test]
    fn a_table_of_one_bucket_finds_what_the_index_does_not_hold() {
        let recent = Recent::new(8);
        for n in 1..=1_000_u64 {
            let indexed = Seq::new(n.saturating_sub(50));
            recent.place(hash(n)).insert(Seq::new(n), indexed);
            assert!((indexed.get() + 1..=n).all(|n| finds(&recent, n)));
        }
        assert_eq!(recent.shards.len(), 1);
    }

    #[test]
    fn spilled_seqs_are_looked_through_only_once_the_index_holds_more() {
        let recent = Recent::new(8);
        for n in 1..=2_000_u64 {
            recent.place(hash(n)).insert(Seq::new(n), Seq::new(n / 500 * 500));
        }
        let counts: Vec<_> = recent.shards.iter().map(|shard| lock(shard).tidied_count).collect();
        assert_eq!(counts, [3]);
    }

    #[test]
    fn two_seqs_of_one_hash_are_both_found() {
        let recent = Recent::new(1 << 14);
        for n in 1..=20 {
            recent.place(7).insert(Seq::new(n), Seq::ZERO);
        }
        assert_eq!(recent.place(7).seqs().count(), 20);
    }
}
