//! How long answers took: counts in buckets, sixteen to each doubling, so that a percentile is
//! right to within 1/16 of its value.

use std::time::Duration;

/// Buckets for every number of nanoseconds that 64 bits hold.
const BUCKETS: usize = 976;

/// A histogram of times.
#[derive(Debug)]
pub struct Latencies {
    counts: Vec<u64>,
}

impl Latencies {
    /// Without any time yet.
    pub fn new() -> Self {
        Self { counts: vec![0; BUCKETS] }
    }

    /// Notes `count` answers that took `time` each.
    pub fn note(&mut self, time: Duration, count: u32) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.counts.get_mut(bucket_of(nanos)) {
            *bucket += u64::from(count);
        }
    }

    /// Adds what another one has noted.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
    }

    /// The time within which `per_mille` of a thousand answers came; zero without answers.
    pub fn within(&self, per_mille: u64) -> Duration {
        let all: u64 = self.counts.iter().sum();
        let wanted = (all * per_mille).div_ceil(1000);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if *count > 0 && seen >= wanted {
                return Duration::from_nanos(least_of(bucket));
            }
        }
        Duration::ZERO
    }
}

/// The bucket of a time: its highest bit and the four bits below.
fn bucket_of(nanos: u64) -> usize {
    let bucket = match nanos.checked_ilog2() {
        None | Some(0..=3) => nanos,
        Some(bit) => u64::from(bit - 3) * 16 + ((nanos >> (bit - 4)) & 15),
    };
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// The least time in a bucket, in nanoseconds.
fn least_of(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or_default();
    if bucket < 16 { bucket } else { (16 + bucket % 16) << (bucket / 16 - 1) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BUCKETS, Latencies, bucket_of, least_of};

    #[test]
    fn buckets_are_in_order_without_gap_and_each_begins_at_its_least_time() {
        for bucket in 0..BUCKETS {
            assert_eq!(bucket_of(least_of(bucket)), bucket);
            if bucket > 0 {
                assert_eq!(bucket_of(least_of(bucket) - 1), bucket - 1);
            }
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_percentile_is_the_time_within_which_so_many_answers_came() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.within(500), Duration::ZERO);
        latencies.note(Duration::from_nanos(100), 98);
        let mut slow = Latencies::new();
        slow.note(Duration::from_micros(1024), 2);
        latencies.add(&slow);
        assert_eq!(latencies.within(500), Duration::from_nanos(100));
        assert_eq!(latencies.within(980), Duration::from_nanos(100));
        assert_eq!(latencies.within(990), Duration::from_nanos(31 << 15));
    }
}
