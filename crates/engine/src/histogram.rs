//! Counts how often something was how large, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Most bounds that a histogram has.
const BOUNDS_MAX: usize = 20;

/// Values in ranges, each up to a bound. Adding one is two additions to memory; any thread may add.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One per bound, and one for what lies above the last.
    counts: [AtomicU64; BOUNDS_MAX + 1],
    sum: AtomicU64,
}

/// What a histogram holds at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// The upper bounds, each included, in rising order; in the unit of the values.
    pub bounds: &'static [u64],
    /// How many values lie in the range of each bound; one more than there are bounds.
    pub counts: Vec<u64>,
    /// All values added up.
    pub sum: u64,
}

impl Histogram {
    /// An empty one. `bounds`: rising, at most 20.
    pub const fn new(bounds: &'static [u64]) -> Self {
        assert!(bounds.len() <= BOUNDS_MAX, "a histogram has at most 20 bounds");
        Self {
            bounds,
            counts: [const { AtomicU64::new(0) }; BOUNDS_MAX + 1],
            sum: AtomicU64::new(0),
        }
    }

    /// Adds a value.
    pub fn add(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
            self.sum.fetch_add(value, Ordering::Relaxed);
        }
    }

    /// What it holds; values that are added meanwhile may be in it or not.
    pub fn read(&self) -> Buckets {
        let counts = self.counts.iter().take(self.bounds.len() + 1);
        Buckets {
            bounds: self.bounds,
            counts: counts.map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl Buckets {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_at_the_first_bound_that_is_not_below_it() {
        let histogram = Histogram::new(&[1, 10, 100]);
        for value in [0, 1, 2, 10, 11, 100, 101, 5_000] {
            histogram.add(value);
        }
        let buckets = histogram.read();
        assert_eq!(buckets.counts, [2, 2, 2, 2]);
        assert_eq!((buckets.count(), buckets.sum), (8, 5_225));
    }
}
