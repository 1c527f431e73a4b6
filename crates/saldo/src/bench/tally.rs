//! What was counted and timed: per thread, then for a run.

use hdrhistogram::{AdditionError, CreationError, Histogram};

use super::flight::Effect;
use super::workload::{KINDS, Kind};

/// Longest latency that is told from longer ones, in microseconds: ten minutes.
const LATENCY_US_MAX: u64 = 600_000_000;

/// How long a stretch of the throughput over time is.
pub const STRETCH_NS: u64 = 100_000_000;

/// Counts and latencies.
#[derive(Debug)]
pub struct Tally {
    /// How many requests of each kind were answered with a yes.
    done: [u64; KINDS],
    /// How many operations ended with a yes.
    pub operations: u64,
    /// How many requests were answered with a no.
    pub refused: u64,
    /// The first no, for people.
    pub first_no: Option<String>,
    /// From when a request was meant to go to reading its reply, in microseconds, to three digits.
    latency_us: Histogram<u64>,
    /// How late a request went that was due, the same way; empty without a rate.
    delay_us: Histogram<u64>,
    /// Replies in each stretch since the beginning of the measurement.
    stretches: Vec<u64>,
    /// When the measurement began, in nanoseconds of the run.
    origin_ns: u64,
    /// Processor time of the threads, in nanoseconds.
    pub cpu_ns: u64,
    /// Requests that were due and could not be sent before the end.
    pub withheld: u64,
    /// Whether any request was refused since the run began, warm-up included.
    pub has_refused: bool,
    /// Cents that came in and went out since the run began, warm-up included.
    money_in: i128,
    money_out: i128,
    /// Requests with a yes and with a no before the last [`Tally::start_over`].
    warmed_up: u64,
}

impl Tally {
    /// Nothing yet, with room for the stretches of so many seconds.
    pub fn new(secs: u32) -> Result<Self, CreationError> {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_US_MAX, 3);
        let stretches = usize::try_from(secs).unwrap_or_default() * 10 + 10;
        Ok(Self {
            done: [0; KINDS],
            operations: 0,
            refused: 0,
            first_no: None,
            latency_us: histogram()?,
            delay_us: histogram()?,
            stretches: Vec::with_capacity(stretches),
            origin_ns: 0,
            cpu_ns: 0,
            withheld: 0,
            has_refused: false,
            money_in: 0,
            money_out: 0,
            warmed_up: 0,
        })
    }

    /// Forgets all figures at the end of the warm-up. Money that moved has moved, and is kept.
    pub fn start_over(&mut self, now_ns: u64) {
        self.warmed_up += self.answered();
        self.done = [0; KINDS];
        self.operations = 0;
        self.refused = 0;
        self.latency_us.reset();
        self.delay_us.reset();
        self.stretches.clear();
        self.origin_ns = now_ns;
    }

    /// Adds a reply.
    pub fn count(&mut self, effect: Effect, is_yes: bool) {
        if !is_yes {
            self.refused += 1;
            self.has_refused = true;
            return;
        }
        if let Some(done) = self.done.get_mut(effect.kind() as usize) {
            *done += 1;
        }
        match effect.kind() {
            Kind::Deposit => self.money_in += i128::from(effect.amount()),
            Kind::Withdraw => self.money_out += i128::from(effect.amount()),
            Kind::Transfer | Kind::Balance | Kind::Balances => {}
        }
        self.operations += u64::from(effect.is_last());
    }

    /// Adds the latency of `count` replies that came together.
    pub fn time(&mut self, latency_ns: u64, count: u64) {
        self.latency_us.saturating_record_n(latency_ns / 1_000, count);
    }

    /// Adds `count` requests that were due and never sent: each took at least as long as it waited.
    pub fn withhold(&mut self, waited_ns: u64, count: u64) {
        self.withheld += count;
        self.time(waited_ns, count);
    }

    /// Adds how late `count` requests went that were due together.
    pub fn late(&mut self, delay_ns: u64, count: u64) {
        self.delay_us.saturating_record_n(delay_ns / 1_000, count);
    }

    /// Notes when replies came.
    pub fn mark(&mut self, now_ns: u64, count: u64) {
        let stretch = now_ns.saturating_sub(self.origin_ns) / STRETCH_NS;
        let stretch = usize::try_from(stretch).unwrap_or_default();
        if stretch >= self.stretches.len() {
            self.stretches.resize(stretch + 1, 0);
        }
        if let Some(replies) = self.stretches.get_mut(stretch) {
            *replies += count;
        }
    }

    /// Adds what another thread counted. All tallies have the same bounds, so the figures of one
    /// always fit into another.
    pub fn merge(&mut self, other: Self) -> Result<(), AdditionError> {
        for (done, more) in self.done.iter_mut().zip(other.done) {
            *done += more;
        }
        self.operations += other.operations;
        self.refused += other.refused;
        self.first_no = self.first_no.take().or(other.first_no);
        self.cpu_ns += other.cpu_ns;
        self.withheld += other.withheld;
        self.has_refused |= other.has_refused;
        self.money_in += other.money_in;
        self.money_out += other.money_out;
        self.warmed_up += other.warmed_up;
        if self.stretches.len() < other.stretches.len() {
            self.stretches.resize(other.stretches.len(), 0);
        }
        for (replies, more) in self.stretches.iter_mut().zip(other.stretches) {
            *replies += more;
        }
        self.delay_us.add(other.delay_us)?;
        self.latency_us.add(other.latency_us)
    }

    /// How many requests of this kind were answered with a yes.
    pub fn done(&self, kind: Kind) -> u64 {
        self.done.get(kind as usize).copied().unwrap_or_default()
    }

    /// How many requests were answered with a yes.
    pub fn requests(&self) -> u64 {
        self.done.iter().sum()
    }

    /// How many were answered.
    pub fn answered(&self) -> u64 {
        self.requests() + self.refused
    }

    /// How many were answered since the run began, warm-up included.
    pub fn answered_in_all(&self) -> u64 {
        self.warmed_up + self.answered()
    }

    /// Cents that came in since the run began.
    pub fn money_in(&self) -> i128 {
        self.money_in
    }

    /// Cents that went out since the run began.
    pub fn money_out(&self) -> i128 {
        self.money_out
    }

    /// Replies in each stretch of [`STRETCH_NS`].
    pub fn stretches(&self) -> &[u64] {
        &self.stretches
    }

    /// The latency in microseconds that this share of the requests, from 0 to 1, did not pass.
    pub fn latency_us_at(&self, share: f64) -> u64 {
        self.latency_us.value_at_quantile(share)
    }

    /// The longest latency in microseconds.
    pub fn latency_us_max(&self) -> u64 {
        self.latency_us.max()
    }

    /// How late this share of the requests went at most, in microseconds.
    pub fn delay_us_at(&self, share: f64) -> u64 {
        self.delay_us.value_at_quantile(share)
    }

    /// How late the latest went, in microseconds.
    pub fn delay_us_max(&self) -> u64 {
        self.delay_us.max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workload::Step;

    fn effect(kind: Kind, amount: u8, is_last: bool) -> Effect {
        Effect::of(&Step { kind, first: 0, second: 1, amount, is_last })
    }

    #[test]
    fn tallies_of_threads_add_up() {
        let mut all = Tally::new(1).unwrap();
        for thread in 1..=4_u64 {
            let mut one = Tally::new(1).unwrap();
            for _ in 0..99 {
                one.count(effect(Kind::Transfer, 10, true), true);
            }
            one.count(effect(Kind::Deposit, 50, true), true);
            one.count(effect(Kind::Withdraw, 20, false), true);
            one.count(effect(Kind::Withdraw, 20, true), false);
            one.first_no = Some(format!("no {thread}"));
            one.time(100_000 * thread, 100);
            one.mark(thread * STRETCH_NS, 101);
            all.merge(one).unwrap();
        }
        assert_eq!((all.requests(), all.refused, all.answered()), (404, 4, 408));
        assert_eq!((all.done(Kind::Transfer), all.operations), (396, 400));
        assert_eq!((all.money_in(), all.money_out()), (200, 80));
        assert_eq!(all.first_no.as_deref(), Some("no 1"));
        assert_eq!((all.latency_us_at(0.5), all.latency_us_max()), (200, 400));
        assert_eq!(all.stretches(), [0, 101, 101, 101, 101]);
    }

    #[test]
    fn a_warm_up_leaves_no_figures_and_all_of_its_money() {
        let mut tally = Tally::new(1).unwrap();
        tally.count(effect(Kind::Deposit, 50, true), true);
        tally.time(9_000_000, 1);
        tally.mark(5 * STRETCH_NS, 1);
        tally.start_over(6 * STRETCH_NS);
        assert_eq!((tally.answered(), tally.operations, tally.latency_us_max()), (0, 0, 0));
        tally.count(effect(Kind::Deposit, 25, true), true);
        tally.mark(7 * STRETCH_NS, 1);
        assert_eq!((tally.answered(), tally.answered_in_all()), (1, 2));
        assert_eq!((tally.money_in(), tally.stretches()), (75, &[0, 1][..]));
    }

    #[test]
    fn a_latency_beyond_all_bounds_is_counted_as_the_longest() {
        let mut tally = Tally::new(1).unwrap();
        tally.time(u64::MAX, 1);
        assert!(tally.latency_us_max() >= LATENCY_US_MAX);
    }
}
