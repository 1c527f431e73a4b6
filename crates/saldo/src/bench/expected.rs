//! What each account must hold after the runs. The requests of a connection follow from the seed, so
//! they are made once more here, as many as were answered with a yes, and booked in memory. A
//! transfer that was acknowledged and not done, or done twice, leaves the sum as it is; here it shows.
//! Not here: asking the bank (`books`).

use super::Load;
use super::books::OPENING_CENTS;
use super::choice::Choice;
use super::workload::{Kind, Script};

/// The requests of one connection, all of which were answered with a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The number of the connection, of all runs together.
    pub lane: u32,
    /// How many requests.
    pub count: u64,
}

/// The accounts as they must be, in cents, in the order of their names.
#[derive(Debug)]
pub struct Expected {
    cents: Vec<i64>,
}

/// An account that holds something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differs {
    /// Its place.
    pub place: usize,
    /// What it must hold, in cents.
    pub expected: i64,
    /// What it holds.
    pub held: i64,
}

impl Expected {
    /// `accounts` accounts with their opening balance.
    pub fn opened(accounts: usize) -> Self {
        Self { cents: vec![OPENING_CENTS; accounts] }
    }

    /// Books the requests of a connection.
    pub fn book(&mut self, load: &Load, choice: &Choice, sent: Sent) {
        let mut script = Script::new(load, sent.lane, choice.clone());
        for _ in 0..sent.count {
            let step = script.step();
            let amount = i64::from(step.amount);
            match step.kind {
                Kind::Transfer => {
                    self.add(step.first, -amount);
                    self.add(step.second, amount);
                }
                Kind::Deposit => self.add(step.first, amount),
                Kind::Withdraw => self.add(step.first, -amount),
                Kind::Balance | Kind::Balances => {}
            }
        }
    }

    /// The first account that does not hold what it must.
    pub fn first_difference(&self, held: &[i64]) -> Option<Differs> {
        let pairs = self.cents.iter().zip(held).enumerate();
        let differs = |(place, (expected, held)): (usize, (&i64, &i64))| {
            (expected != held).then_some(Differs { place, expected: *expected, held: *held })
        };
        pairs.filter_map(differs).next()
    }

    fn add(&mut self, place: u32, cents: i64) {
        let account = usize::try_from(place).ok().and_then(|place| self.cents.get_mut(place));
        if let Some(account) = account {
            // A run moves some 10^11 cents at most: below the opening balance.
            *account = account.saturating_add(cents);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workload::Workload;

    #[test]
    fn a_transfer_that_was_not_done_or_done_twice_is_found_although_the_sum_is_right() {
        let load = Load::of(Workload::Transfer, 10);
        let choice = Workload::choice(&load).unwrap();
        let mut expected = Expected::opened(10);
        expected.book(&load, &choice, Sent { lane: 3, count: 1_000 });
        let held = expected.cents.clone();
        assert_eq!(expected.first_difference(&held), None);
        assert_eq!(held.iter().sum::<i64>(), 10 * OPENING_CENTS);
        for count in [999, 1_001] {
            let mut other = Expected::opened(10);
            other.book(&load, &choice, Sent { lane: 3, count });
            assert_eq!(other.cents.iter().sum::<i64>(), 10 * OPENING_CENTS);
            assert!(expected.first_difference(&other.cents).is_some());
        }
    }

    #[test]
    fn what_enters_and_leaves_is_booked_where_it_was_asked() {
        for workload in [Workload::Mixed, Workload::Tpcb, Workload::Smallbank] {
            let load = Load::of(workload, 100);
            let choice = Workload::choice(&load).unwrap();
            let accounts = usize::try_from(workload.accounts_in_all(100)).unwrap();
            let mut expected = Expected::opened(accounts);
            expected.book(&load, &choice, Sent { lane: 0, count: 5_000 });
            let mut script = Script::new(&load, 0, choice);
            let moved: i64 = (0..5_000)
                .map(|_| script.step())
                .map(|step| match step.kind {
                    Kind::Deposit => i64::from(step.amount),
                    Kind::Withdraw => -i64::from(step.amount),
                    Kind::Transfer | Kind::Balance | Kind::Balances => 0,
                })
                .sum();
            let opened = i64::try_from(accounts).unwrap() * OPENING_CENTS;
            assert_eq!(expected.cents.iter().sum::<i64>(), opened + moved, "{workload:?}");
            assert!(expected.first_difference(&vec![OPENING_CENTS; accounts]).is_some());
        }
    }
}
