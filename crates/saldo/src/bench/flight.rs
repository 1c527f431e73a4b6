//! What one connection has sent and not been answered: when each request was meant to go, and what it
//! does to the money. Replies come in the order of the requests.
//! Not here: bytes and sockets (`lane`).

use std::collections::VecDeque;

use super::tally::Tally;
use super::workload::{Kind, Step};

/// What a request does, in two bytes: there is one for each that is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    kind: Kind,
    /// The amount in cents, below 128, and above it whether the request ends its operation.
    amount_and_last: u8,
}

const LAST: u8 = 0x80;

impl Effect {
    /// What this step does.
    pub fn of(step: &Step) -> Self {
        let last = if step.is_last { LAST } else { 0 };
        Self { kind: step.kind, amount_and_last: (step.amount & !LAST) | last }
    }

    /// What is asked.
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// The amount in cents; 0 where nothing moves.
    pub fn amount(self) -> u64 {
        u64::from(self.amount_and_last & !LAST)
    }

    /// Whether an operation is over with it.
    pub fn is_last(self) -> bool {
        self.amount_and_last & LAST != 0
    }
}

/// The requests in flight, oldest first.
#[derive(Debug)]
pub struct Flight {
    depth: u64,
    effects: VecDeque<Effect>,
    /// When requests were meant to go, and how many of those are not answered.
    since: VecDeque<(u64, u64)>,
}

impl Flight {
    /// Nothing in flight, and room for `depth` requests.
    pub fn new(depth: u32) -> Self {
        let room = usize::try_from(depth).unwrap_or_default();
        Self {
            depth: u64::from(depth),
            effects: VecDeque::with_capacity(room),
            since: VecDeque::with_capacity(room),
        }
    }

    /// How many are in flight.
    pub fn count(&self) -> u64 {
        self.effects.len() as u64
    }

    /// How many more may be.
    pub fn room(&self) -> u64 {
        self.depth.saturating_sub(self.count())
    }

    /// One more is on its way; [`Flight::meant`] says when it was meant to go.
    pub fn sent(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    /// The last `count` requests were meant to go at this time, in nanoseconds of the run.
    pub fn meant(&mut self, time_ns: u64, count: u64) {
        if count > 0 {
            self.since.push_back((time_ns, count));
        }
    }

    /// The oldest was answered with a yes or a no; whether there was one.
    pub fn answered(&mut self, is_yes: bool, tally: &mut Tally) -> bool {
        let Some(effect) = self.effects.pop_front() else { return false };
        tally.count(effect, is_yes);
        true
    }

    /// Times the `count` replies that came together.
    pub fn time(&mut self, mut count: u64, now_ns: u64, tally: &mut Tally) {
        while count > 0 {
            let Some((since, waiting)) = self.since.front_mut() else { return };
            let answered = count.min(*waiting);
            tally.time(now_ns.saturating_sub(*since), answered);
            count -= answered;
            *waiting -= answered;
            if *waiting == 0 {
                self.since.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::clock::SECOND_NS;
    use crate::bench::pace::Pace;

    const MILLI: u64 = 1_000_000;

    /// 1,000 requests a second, 10 in flight at most, against a server that answers at once but for
    /// the second second, in which it stands still. Time is a number here.
    fn through_a_stall() -> Tally {
        let step = Step { kind: Kind::Transfer, first: 0, second: 1, amount: 10, is_last: true };
        let mut pace = Pace::new(1_000);
        let mut flight = Flight::new(10);
        let mut tally = Tally::new(3).unwrap();
        for now in (MILLI..=4 * SECOND_NS).step_by(100_000) {
            let due = pace.next();
            if due.intended_ns <= now && flight.room() > 0 {
                flight.sent(Effect::of(&step));
                flight.meant(due.intended_ns, 1);
                pace.take(1);
            }
            if !(SECOND_NS..2 * SECOND_NS).contains(&now) && flight.count() > 0 {
                let count = flight.count();
                for _ in 0..count {
                    assert!(flight.answered(true, &mut tally));
                }
                flight.time(count, now, &mut tally);
            }
        }
        tally
    }

    #[test]
    fn a_stall_is_charged_to_every_request_that_was_due_meanwhile() {
        let tally = through_a_stall();
        assert_eq!(tally.answered(), 4_000);
        assert!(tally.latency_us_max() > 999_000, "{}", tally.latency_us_max());
        // A thousand requests were due in the stall, and hundreds more while it was caught up: by
        // when they were sent only the ten in flight would have been late.
        assert!(tally.latency_us_at(0.5) < 1_000, "{}", tally.latency_us_at(0.5));
        assert!(tally.latency_us_at(0.90) > 500_000, "{}", tally.latency_us_at(0.90));
        assert!(tally.latency_us_at(0.9975) > 980_000, "{}", tally.latency_us_at(0.9975));
    }

    #[test]
    fn replies_belong_to_the_oldest_requests() {
        let mut flight = Flight::new(8);
        let mut tally = Tally::new(1).unwrap();
        let step = |kind, amount| Step { kind, first: 0, second: 0, amount, is_last: true };
        for (kind, amount) in [(Kind::Deposit, 30), (Kind::Withdraw, 20), (Kind::Balance, 0)] {
            flight.sent(Effect::of(&step(kind, amount)));
        }
        flight.meant(1_000_000, 3);
        assert_eq!((flight.count(), flight.room()), (3, 5));
        assert!(flight.answered(true, &mut tally) && flight.answered(false, &mut tally));
        flight.time(2, 3_000_000, &mut tally);
        assert!(flight.answered(true, &mut tally));
        flight.time(1, 9_000_000, &mut tally);
        assert!(!flight.answered(true, &mut tally), "nobody asked for that one");
        assert_eq!((tally.money_in(), tally.money_out(), tally.refused), (30, 0, 1));
        assert_eq!((tally.latency_us_at(0.5), tally.latency_us_max()), (2_000, 8_003));
    }
}
