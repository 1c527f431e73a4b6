//! Names for the writes whose client gave no tx_id: UUIDs of version 7 (RFC 9562, section 5.7).
//!
//! The library's own `now_v7` takes a lock that the whole process shares and asks the system for
//! randomness each time. Here each connection asks once and goes on by itself.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

/// How many bytes a tx_id made here has: 32 hexadecimal digits and four hyphens.
pub(crate) const TX_ID_BYTES: usize = uuid::fmt::Hyphenated::LENGTH;

/// Makes the tx_ids of one connection. No two are equal, and later ones sort later, as far as the
/// clock can tell them apart.
#[derive(Default)]
pub(crate) struct TxIds {
    /// The state of the generator, from the system's randomness; `None` until it is needed.
    state: Option<u64>,
}

impl TxIds {
    /// Writes a new tx_id into `place`, which has [`TX_ID_BYTES`] bytes, and returns its text.
    /// `since_1970`: the time that it carries.
    pub(crate) fn write<'p>(&mut self, place: &'p mut [u8], since_1970: Duration) -> &'p str {
        let millis = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        // RFC 9562, section 6.2, method 3: the 12 bits after the milliseconds are their fraction.
        let fraction = u64::from(since_1970.subsec_nanos() % 1_000_000) * 4_096 / 1_000_000;
        let high = (millis << 16) | 0x7000 | fraction;
        let low = (1 << 63) | (self.next() >> 2);
        Uuid::from_u64_pair(high, low).hyphenated().encode_lower(place)
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014): each of its 2^64 states gives another number, so a
    /// connection does not repeat itself; 62 bits of it keep connections apart.
    fn next(&mut self) -> u64 {
        let state = self.state.get_or_insert_with(|| {
            let (high, low) = Uuid::now_v7().as_u64_pair();
            high.rotate_left(32) ^ low
        });
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The time now, since 1970; zero on a machine whose clock stands before that.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn made(tx_ids: &mut TxIds, since_1970: Duration) -> String {
        tx_ids.write(&mut [0; TX_ID_BYTES], since_1970).to_owned()
    }

    #[test]
    fn a_tx_id_is_a_uuid_of_version_7_with_the_time_in_it() {
        let time = Duration::from_micros(1_764_000_000_123_750);
        let text = made(&mut TxIds::default(), time);
        let uuid = Uuid::parse_str(&text).unwrap();
        assert_eq!(uuid.get_version(), Some(uuid::Version::SortRand));
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(uuid.get_timestamp().unwrap().to_unix().0, 1_764_000_000);
        // 1,764,000,000,123 milliseconds, and 0.75 of one.
        let millis = 1_764_000_000_123_u64;
        let head = format!("{:08x}-{:04x}-7c00-", millis >> 16, millis & 0xffff);
        assert!(text.starts_with(&head), "{text} does not begin with {head}");
    }

    #[test]
    fn tx_ids_do_not_repeat_within_and_between_connections_at_one_instant() {
        let time = Duration::from_secs(1);
        let mut seen = HashSet::new();
        for _ in 0..100 {
            let mut connection = TxIds::default();
            for _ in 0..1_000 {
                assert!(seen.insert(made(&mut connection, time)));
            }
        }
    }

    #[test]
    fn tx_ids_of_later_microseconds_sort_later() {
        let mut tx_ids = TxIds::default();
        let times =
            [1_000_000, 1_000_001, 1_000_999, 1_001_000, 2_000_000_000].map(Duration::from_micros);
        let made = times.map(|time| made(&mut tx_ids, time));
        assert!(made.is_sorted());
    }
}
