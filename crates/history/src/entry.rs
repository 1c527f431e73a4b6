//! Entries of fixed size: what the sections of a run are made of, names excepted.

use std::iter;

use crate::page::PAYLOAD_BYTES;

/// A value of fixed size on the disk. All of it is little-endian.
pub(crate) trait Entry: Copy + Ord + Send + Sync + 'static {
    /// Bytes of one on the disk.
    const BYTES: usize;
    /// How many a page holds.
    const PER_PAGE: usize = PAYLOAD_BYTES / Self::BYTES;

    /// Appends its bytes.
    fn put(self, to: &mut Vec<u8>);

    /// Reads one from exactly [`Entry::BYTES`] bytes.
    fn get(from: &[u8]) -> Self;

    /// What is kept in memory of the first entry of a page, in the order of the entries.
    fn fence(self) -> u64;

    /// What entries are merged by. Those of one group stay together, those of earlier events first.
    fn group(self) -> u64;

    /// The same entry in a run that begins `by` events earlier.
    fn rebased(self, by: u32) -> Self;
}

/// An event by the hash of its tx_id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) hash: u64,
    /// Seq of the event less the first seq of the run.
    pub(crate) at: u32,
}

impl Entry for Id {
    const BYTES: usize = 12;

    fn put(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.hash.to_le_bytes());
        to.extend_from_slice(&self.at.to_le_bytes());
    }

    fn get(from: &[u8]) -> Self {
        let at = from.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        Self { hash: word(from), at }
    }

    fn fence(self) -> u64 {
        self.hash
    }

    fn group(self) -> u64 {
        self.hash
    }

    fn rebased(self, by: u32) -> Self {
        Self { at: self.at.strict_add(by), ..self }
    }
}

/// That an event changed an account: the account's number in the high half, the event's seq less
/// the first seq of the run in the low half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leg(u64);

impl Leg {
    pub(crate) fn new(account: u32, at: u32) -> Self {
        Self(u64::from(account) << 32 | u64::from(at))
    }

    pub(crate) fn account(self) -> u32 {
        high_half(self.0)
    }

    pub(crate) fn at(self) -> u32 {
        low_half(self.0)
    }
}

impl Entry for Leg {
    const BYTES: usize = 8;

    fn put(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.0.to_le_bytes());
    }

    fn get(from: &[u8]) -> Self {
        Self(word(from))
    }

    fn fence(self) -> u64 {
        self.0
    }

    fn group(self) -> u64 {
        self.0 >> 32
    }

    fn rebased(self, by: u32) -> Self {
        Self::new(self.account(), self.at().strict_add(by))
    }
}

/// A plain number: a fence, or a byte offset.
impl Entry for u64 {
    const BYTES: usize = 8;

    fn put(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    fn get(from: &[u8]) -> Self {
        word(from)
    }

    fn fence(self) -> u64 {
        self
    }

    /// All are of one group: those of one run stand behind those of the run before it.
    fn group(self) -> u64 {
        0
    }

    fn rebased(self, _by: u32) -> Self {
        self
    }
}

/// Two numbers: a journal file and a byte in it, or a seq and a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair(pub(crate) u64, pub(crate) u64);

impl Entry for Pair {
    const BYTES: usize = 16;

    fn put(self, to: &mut Vec<u8>) {
        self.0.put(to);
        self.1.put(to);
    }

    fn get(from: &[u8]) -> Self {
        Self(word(from), from.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    fn fence(self) -> u64 {
        self.0
    }

    fn group(self) -> u64 {
        self.0
    }

    fn rebased(self, _by: u32) -> Self {
        self
    }
}

/// The entries of a page's payload, of which the section has `left` more.
pub(crate) fn entries<E: Entry>(payload: &[u8], left: u64) -> impl Iterator<Item = E> {
    let count = usize::try_from(left).unwrap_or(usize::MAX).min(E::PER_PAGE);
    payload.chunks_exact(E::BYTES).take(count).map(E::get)
}

/// How many pages `count` entries take.
pub(crate) fn pages<E: Entry>(count: u64) -> u64 {
    count.div_ceil(E::PER_PAGE as u64)
}

/// Sorts by account and leaves the order within one account as it is, which is that of the seqs:
/// a radix sort from the lowest digit of the account's number, as many digits as the numbers
/// have, so that few accounts cost little.
pub(crate) fn sort_by_account(legs: &mut Vec<Leg>) {
    const DIGIT_BITS: u32 = 11;
    const DIGITS: usize = 1 << DIGIT_BITS;
    let account_max = legs.iter().map(|leg| leg.account()).max().unwrap_or(0);
    let mut sorted = vec![Leg(0); legs.len()];
    let mut shift = 0;
    while shift == 0 || account_max.checked_shr(shift).unwrap_or(0) > 0 {
        let digit = |leg: &Leg| (leg.account() >> shift) as usize % DIGITS;
        let mut places = vec![0usize; DIGITS];
        for leg in legs.iter() {
            if let Some(place) = places.get_mut(digit(leg)) {
                *place += 1;
            }
        }
        let mut start = 0;
        for place in &mut places {
            start += std::mem::replace(place, start);
        }
        for leg in legs.iter() {
            let Some(place) = places.get_mut(digit(leg)) else { continue };
            if let Some(slot) = sorted.get_mut(*place) {
                *slot = *leg;
            }
            *place += 1;
        }
        std::mem::swap(legs, &mut sorted);
        shift += DIGIT_BITS;
    }
}

/// Sorts by hash, and what has the same hash by seq. Hashes are even, so they are dealt by their
/// high bits into parts that fit the innermost cache, and each part is sorted by itself.
pub(crate) fn sort_by_hash(ids: &mut Vec<Id>) {
    const PART: usize = 256;
    let parts = (ids.len() / PART).max(1).next_power_of_two();
    if parts > 1 {
        let shift = u64::BITS - parts.trailing_zeros();
        let part = |id: &Id| usize::try_from(id.hash >> shift).unwrap_or(0);
        let mut places = vec![0usize; parts];
        for id in ids.iter() {
            if let Some(place) = places.get_mut(part(id)) {
                *place += 1;
            }
        }
        let mut start = 0;
        for place in &mut places {
            start += std::mem::replace(place, start);
        }
        let mut dealt = vec![Id { hash: 0, at: 0 }; ids.len()];
        for id in ids.iter() {
            let Some(place) = places.get_mut(part(id)) else { continue };
            if let Some(slot) = dealt.get_mut(*place) {
                *slot = *id;
            }
            *place += 1;
        }
        *ids = dealt;
        // Each place has moved to the end of its part.
        let mut rest = ids.as_mut_slice();
        let starts = iter::once(0).chain(places.iter().copied());
        for (start, end) in starts.zip(places.iter().copied()) {
            let (part, behind) = std::mem::take(&mut rest).split_at_mut(end - start);
            part.sort_unstable();
            rest = behind;
        }
    } else {
        ids.sort_unstable();
    }
}

fn word(from: &[u8]) -> u64 {
    from.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The low 32 bits.
pub(crate) fn low_half(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// The high 32 bits.
pub(crate) fn high_half(number: u64) -> u32 {
    low_half(number >> 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sorting_by_account_keeps_the_order_of_seqs(
            accounts in prop::collection::vec(
                prop_oneof![0..9u32, any::<u32>(), Just(2047), Just(2048), Just(1 << 22)], 0..400,
            ),
        ) {
            let mut legs: Vec<Leg> =
                (0u32..).zip(&accounts).map(|(at, account)| Leg::new(*account, at / 2)).collect();
            let mut expected = legs.clone();
            expected.sort_unstable();
            sort_by_account(&mut legs);
            prop_assert_eq!(legs, expected);
        }

        #[test]
        fn sorting_by_hash_is_sorting(
            hashes in prop::collection::vec(prop_oneof![any::<u64>(), 0..5u64], 0..3_000),
        ) {
            let mut ids: Vec<Id> =
                (0u32..).zip(&hashes).map(|(at, hash)| Id { hash: *hash, at }).collect();
            let mut expected = ids.clone();
            expected.sort_unstable();
            sort_by_hash(&mut ids);
            prop_assert_eq!(ids, expected);
        }
    }
}
