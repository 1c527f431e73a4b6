//! What was counted and timed, per connection and then for all.

use std::time::Duration;

use hdrhistogram::{AdditionError, CreationError, Histogram};

use super::replies::Counted;

/// Longest latency that is told from longer ones, in microseconds: ten minutes.
const LATENCY_US_MAX: u64 = 600_000_000;

/// Counts and latencies.
#[derive(Debug)]
pub struct Tally {
    /// How many transfers were answered with a yes.
    pub done: u64,
    /// How many were answered with a no.
    pub refused: u64,
    /// The first no, for people.
    pub first_no: Option<String>,
    /// Time from handing a request to the system to reading its reply, in microseconds, to three
    /// digits.
    latency_us: Histogram<u64>,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Result<Self, CreationError> {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?;
        Ok(Self { done: 0, refused: 0, first_no: None, latency_us })
    }

    /// Adds replies.
    pub fn count(&mut self, counted: Counted) {
        self.done += counted.yes;
        self.refused += counted.no;
        if self.first_no.is_none() {
            self.first_no = counted.first_no;
        }
    }

    /// Adds the latency of `count` replies that came together.
    pub fn time(&mut self, latency: Duration, count: u64) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.saturating_record_n(micros, count);
    }

    /// Adds what another connection counted. All tallies have the same bounds, so the figures of one
    /// always fit into another.
    pub fn merge(&mut self, other: Self) -> Result<(), AdditionError> {
        self.done += other.done;
        self.refused += other.refused;
        self.first_no = self.first_no.take().or(other.first_no);
        self.latency_us.add(other.latency_us)
    }

    /// How many were answered.
    pub fn answered(&self) -> u64 {
        self.done + self.refused
    }

    /// The latency in microseconds that this share of the transfers, from 0 to 1, did not pass.
    pub fn latency_us_at(&self, share: f64) -> u64 {
        self.latency_us.value_at_quantile(share)
    }

    /// The longest latency in microseconds.
    pub fn latency_us_max(&self) -> u64 {
        self.latency_us.max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_of_connections_add_up() {
        let mut all = Tally::new().unwrap();
        for lane in 1..=4_u64 {
            let mut one = Tally::new().unwrap();
            one.count(Counted { yes: 99, no: 1, first_no: Some(format!("no {lane}")) });
            one.time(Duration::from_micros(100 * lane), 100);
            all.merge(one).unwrap();
        }
        assert_eq!((all.done, all.refused, all.answered()), (396, 4, 400));
        assert_eq!(all.first_no.as_deref(), Some("no 1"));
        assert_eq!(all.latency_us_at(0.5), 200);
        assert_eq!(all.latency_us_max(), 400);
    }

    #[test]
    fn a_latency_beyond_all_bounds_is_counted_as_the_longest() {
        let mut tally = Tally::new().unwrap();
        tally.time(Duration::from_secs(100_000), 1);
        assert!(tally.latency_us_max() >= LATENCY_US_MAX);
    }
}
