//! When requests become due in an open loop: so many in a second, whatever the server does.
//!
//! Above 10,000 a second they become due in groups, one every 100 µs: a generator that woke for each
//! of them would take the processor that the server needs. The groups are the schedule, and latency
//! counts from when a group was due, not from when it could be sent: a server that stalls is charged
//! with everything that should have been sent meanwhile.

use super::clock::SECOND_NS;

/// Up to so many requests a second each one is due on its own.
const SINGLE_RATE_MAX: u64 = 10_000;

/// How far groups are apart.
const GROUP_EVERY_NS: u64 = 100_000;

/// A schedule. Times are nanoseconds since the run began.
#[derive(Clone, Debug)]
pub struct Pace {
    rate: u64,
    every_ns: u64,
    taken: u64,
}

/// Requests that became due together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub intended_ns: u64,
    /// How many; at least one.
    pub count: u64,
}

impl Pace {
    /// So many requests a second; at least one.
    pub fn new(rate: u32) -> Self {
        let rate = u64::from(rate.max(1));
        let every_ns = if rate > SINGLE_RATE_MAX { GROUP_EVERY_NS } else { 1 };
        Self { rate, every_ns, taken: 0 }
    }

    /// The requests that are due next, now or later, and were not taken.
    pub fn next(&self) -> Due {
        // The first moment at which one more than were taken have become due, then its group.
        let exact = wide(self.taken + 1) * wide(SECOND_NS);
        let moment = narrow(exact.div_ceil(wide(self.rate)));
        let intended_ns = moment.div_ceil(self.every_ns) * self.every_ns;
        Due { intended_ns, count: self.due_by(intended_ns) - self.taken }
    }

    /// Takes so many of them.
    pub fn take(&mut self, count: u64) {
        self.taken += count;
    }

    /// How many became due up to this time.
    pub fn due_by(&self, time_ns: u64) -> u64 {
        let groups_ns = time_ns - time_ns % self.every_ns;
        narrow(wide(groups_ns) * wide(self.rate) / wide(SECOND_NS))
    }

    /// Takes what became due up to this time and was not taken, and tells how long each had waited
    /// by then, and how many had.
    pub fn give_up(&mut self, time_ns: u64, mut each: impl FnMut(u64, u64)) {
        loop {
            let due = self.next();
            if due.intended_ns > time_ns {
                return;
            }
            each(time_ns - due.intended_ns, due.count);
            self.take(due.count);
        }
    }
}

fn wide(number: u64) -> u128 {
    u128::from(number)
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is due within the first second, group by group.
    fn first_second(rate: u32) -> Vec<Due> {
        let mut pace = Pace::new(rate);
        let mut all = Vec::new();
        while pace.next().intended_ns <= SECOND_NS {
            let due = pace.next();
            pace.take(due.count);
            all.push(due);
        }
        all
    }

    #[test]
    fn a_second_has_as_many_requests_as_asked() {
        for rate in [1, 3, 999, 10_000, 10_001, 300_007, 5_000_000] {
            let count: u64 = first_second(rate).iter().map(|due| due.count).sum();
            assert_eq!(count, u64::from(rate));
        }
    }

    #[test]
    fn few_requests_are_evenly_apart_and_many_come_in_groups() {
        let few = first_second(4);
        let moments: Vec<u64> = few.iter().map(|due| due.intended_ns).collect();
        assert_eq!(moments, [250_000_000, 500_000_000, 750_000_000, 1_000_000_000]);
        let many = first_second(300_000);
        assert_eq!(many.len(), 10_000);
        assert!(many.iter().all(|due| due.count == 30 && due.intended_ns % 100_000 == 0));
    }

    #[test]
    fn what_is_not_taken_keeps_its_moment() {
        let mut pace = Pace::new(300_000);
        pace.take(10);
        assert_eq!(pace.next(), Due { intended_ns: 100_000, count: 20 });
        let mut given_up = Vec::new();
        pace.give_up(250_000, |waited_ns, count| given_up.push((waited_ns, count)));
        assert_eq!(given_up, [(150_000, 20), (50_000, 30)]);
        assert_eq!(pace.next(), Due { intended_ns: 300_000, count: 30 });
    }
}
