//! A hash index of eight bytes per slot: it maps a hash to a number, and what the number stands
//! for lies elsewhere. Names of accounts are found through it.
//!
//! Open addressing with linear probing (Knuth, The Art of Computer Programming, volume 3,
//! section 6.4, algorithm L). A slot holds 24 bits of the hash, so that nearly every key that is
//! not the one looked for is passed over without a look at it, and 40 bits of number. Nothing is
//! ever removed: accounts stay.

/// Bits of the number in a slot.
const NUMBER_BITS: u32 = 40;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;
const SLOTS_MIN: usize = 8;

/// The index. Zero marks an empty slot, so numbers are stored plus one.
#[derive(Default)]
pub(crate) struct Slots {
    slots: Vec<u64>,
    used_count: usize,
}

impl Slots {
    /// The number under `hash` for which `is_it` says yes.
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u64) -> bool) -> Option<u64> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = low_bits(hash) & mask;
        loop {
            let slot = *self.slots.get(at)?;
            if slot == 0 {
                return None;
            }
            if slot >> NUMBER_BITS == hash >> NUMBER_BITS {
                let number = (slot & NUMBER_MASK) - 1;
                if is_it(number) {
                    return Some(number);
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds `number` under `hash`; the caller has made sure that its key is not there.
    /// `hash_of` gives the hash of a number that was added before, for when the index grows.
    pub(crate) fn insert(&mut self, hash: u64, number: u64, hash_of: impl Fn(u64) -> u64) {
        assert!(number < NUMBER_MASK, "a slot holds numbers of {NUMBER_BITS} bits");
        // At most three quarters full: beyond, probing for what is not there gets long.
        if (self.used_count + 1) * 4 > self.slots.len() * 3 {
            let grown = (self.slots.len() * 2).max(SLOTS_MIN);
            let old = std::mem::replace(&mut self.slots, vec![0; grown]);
            for slot in old.into_iter().filter(|slot| *slot != 0) {
                let number = (slot & NUMBER_MASK) - 1;
                self.place(hash_of(number), number);
            }
        }
        self.place(hash, number);
        self.used_count += 1;
    }

    fn place(&mut self, hash: u64, number: u64) {
        let mask = self.slots.len() - 1;
        let mut at = low_bits(hash) & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == 0 {
                *slot = (hash >> NUMBER_BITS) << NUMBER_BITS | (number + 1);
                return;
            }
            at = (at + 1) & mask;
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

    #[test]
    fn what_was_inserted_is_found_and_nothing_else() {
        let keys: Vec<u64> =
            (0..10_000).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let key_of = |number: u64| keys[usize::try_from(number).unwrap()];
        let mut slots = Slots::default();
        for (number, key) in (0..).zip(&keys) {
            slots.insert(*key, number, key_of);
        }
        for (number, key) in (0..).zip(&keys) {
            assert_eq!(slots.find(*key, |found| key_of(found) == *key), Some(number));
        }
        assert_eq!(slots.find(12_345, |found| key_of(found) == 12_345), None);
    }

    #[test]
    fn keys_with_one_hash_are_told_apart_by_a_look_at_them() {
        let mut slots = Slots::default();
        for number in 0..100 {
            slots.insert(7, number, |_| 7);
        }
        for number in 0..100 {
            assert_eq!(slots.find(7, |found| found == number), Some(number));
        }
        assert_eq!(slots.find(7, |_| false), None);
        assert_eq!(Slots::default().find(7, |_| true), None);
    }
}
