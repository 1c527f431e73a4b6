//! How much a principal may move: in one transaction, and in one day of UTC.
//!
//! **Invariant:** what is reserved is counted before it happens, so any number of threads together
//! stay within the limit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::limits::AMOUNT_MAX;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;

/// The day of UTC that a time in microseconds since the Unix epoch falls into: 0 is 1970-01-01.
pub const fn day_of(at_us: u64) -> u64 {
    at_us / DAY_US
}

/// Most that moves, in minor units; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// In one transaction.
    pub transaction: Option<u64>,
    /// In one day of UTC.
    pub day: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    pub const fn is_none(&self) -> bool {
        self.transaction.is_none() && self.day.is_none()
    }

    /// Whether each limit is an amount: 1 to 2^53-1.
    pub(crate) fn are_amounts(&self) -> bool {
        let is_amount = |limit: u64| limit > 0 && limit <= AMOUNT_MAX.unsigned_abs();
        self.transaction.is_none_or(is_amount) && self.day.is_none_or(is_amount)
    }
}

/// Why an amount does not move. All figures in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LimitFault {
    /// It is more than may move at once.
    #[error("amount {amount} is above the limit of {limit} for one transaction")]
    Transaction {
        /// What was asked for.
        amount: u64,
        /// The most for one transaction.
        limit: u64,
    },
    /// It is more than is left of the day.
    #[error("amount {amount} is above what is left today: {spent} of {limit} have moved")]
    Day {
        /// What was asked for.
        amount: u64,
        /// What has moved or is about to, in this day of UTC.
        spent: u64,
        /// The most for one day.
        limit: u64,
    },
}

/// What one principal has moved in its latest day.
#[derive(Debug, Default)]
pub(crate) struct Spent(Mutex<Sum>);

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    day: u64,
    amount: u64,
}

impl Spent {
    fn sum(&self) -> MutexGuard<'_, Sum> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sum of `day`. A day that is over comes back in no case: a request that is late, or a
    /// clock that was set back, counts in the latest day.
    fn of_day(&self, day: u64) -> MutexGuard<'_, Sum> {
        let mut sum = self.sum();
        if sum.day < day {
            *sum = Sum { day, amount: 0 };
        }
        sum
    }

    /// Adds what is known to have moved in `day`.
    pub(crate) fn note(&self, day: u64, amount: u64) {
        let mut sum = self.of_day(day);
        if sum.day == day {
            sum.amount = sum.amount.saturating_add(amount);
        }
    }

    /// Counts `amount` in the day of `now_us`, unless that passes `limit`.
    fn reserve(
        self: &Arc<Self>,
        amount: u64,
        now_us: u64,
        limit: u64,
    ) -> Result<Reserved, LimitFault> {
        let mut sum = self.of_day(day_of(now_us));
        let after = sum.amount.checked_add(amount).filter(|after| *after <= limit);
        let Some(after) = after else {
            return Err(LimitFault::Day { amount, spent: sum.amount, limit });
        };
        sum.amount = after;
        Ok(Reserved(Some(Held { spent: self.clone(), day: sum.day, amount })))
    }
}

/// An amount that is counted as moved already. Dropped, it is given back.
#[derive(Debug)]
#[must_use = "dropped at once, the amount is given back before it has moved"]
pub struct Reserved(Option<Held>);

#[derive(Debug)]
struct Held {
    spent: Arc<Spent>,
    day: u64,
    amount: u64,
}

impl Reserved {
    /// Of a principal without a limit per day: nothing is counted.
    pub(crate) const fn nothing() -> Self {
        Self(None)
    }

    /// It has happened, or nobody knows whether it has.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let Some(held) = self.0.take() else { return };
        let mut sum = held.spent.sum();
        // Of a day that is over, nothing is left to give back to.
        if sum.day == held.day {
            sum.amount = sum.amount.saturating_sub(held.amount);
        }
    }
}

/// Looks at both limits. `spent`: the counter of a principal that has a limit per day.
pub(crate) fn reserve(
    limits: &Limits,
    spent: Option<&Arc<Spent>>,
    amount: u64,
    now_us: u64,
) -> Result<Reserved, LimitFault> {
    if let Some(limit) = limits.transaction.filter(|limit| amount > *limit) {
        return Err(LimitFault::Transaction { amount, limit });
    }
    match (limits.day, spent) {
        (Some(limit), Some(spent)) => spent.reserve(amount, now_us, limit),
        // Without a counter nothing may move under a limit.
        (Some(limit), None) => Err(LimitFault::Day { amount, spent: limit, limit }),
        (None, _) => Ok(Reserved::nothing()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 20_000 * DAY_US + DAY_US / 2;
    const LAST: u64 = 20_001 * DAY_US - 1;
    const MIDNIGHT: u64 = 20_001 * DAY_US;

    fn of(day: u64) -> (Limits, Arc<Spent>) {
        (Limits { transaction: None, day: Some(day) }, Arc::default())
    }

    #[test]
    fn one_transaction_may_reach_its_limit_and_not_pass_it() {
        let limits = Limits { transaction: Some(100), day: None };
        assert!(reserve(&limits, None, 100, NOON).is_ok());
        let fault = reserve(&limits, None, 101, NOON).map(drop);
        assert_eq!(fault, Err(LimitFault::Transaction { amount: 101, limit: 100 }));
    }

    #[test]
    fn a_day_ends_at_midnight_of_utc_and_the_next_begins_at_nothing() {
        let (limits, spent) = of(100);
        let take = |amount, at| reserve(&limits, Some(&spent), amount, at).map(Reserved::keep);
        assert_eq!(take(60, NOON), Ok(()));
        assert_eq!(take(41, LAST), Err(LimitFault::Day { amount: 41, spent: 60, limit: 100 }));
        assert_eq!(take(40, LAST), Ok(()));
        assert_eq!(take(100, MIDNIGHT), Ok(()));
        // Yesterday is over, also for who comes late.
        assert_eq!(take(1, LAST), Err(LimitFault::Day { amount: 1, spent: 100, limit: 100 }));
    }

    #[test]
    fn what_did_not_happen_is_given_back_to_its_own_day_alone() {
        let (limits, spent) = of(100);
        let take = |at| reserve(&limits, Some(&spent), 100, at);
        drop(take(NOON).unwrap());
        let held = take(LAST).unwrap();
        take(MIDNIGHT).unwrap().keep();
        drop(held);
        assert_eq!(
            take(MIDNIGHT).map(drop),
            Err(LimitFault::Day { amount: 100, spent: 100, limit: 100 })
        );
    }

    #[test]
    fn what_the_journal_tells_counts_and_days_before_it_do_not() {
        let (limits, spent) = of(100);
        let today = day_of(NOON);
        spent.note(today - 1, 1_000);
        spent.note(today, 30);
        spent.note(today - 1, 1_000);
        spent.note(today, 30);
        let take = |amount| reserve(&limits, Some(&spent), amount, NOON).map(drop);
        assert_eq!(take(41), Err(LimitFault::Day { amount: 41, spent: 60, limit: 100 }));
        assert_eq!(take(40), Ok(()));
        spent.note(today, u64::MAX);
        assert!(take(1).is_err());
    }

    #[test]
    fn many_threads_together_move_the_limit_and_no_more() {
        let (limits, spent) = of(1_000);
        let kept: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8_u64)
                .map(|thread| {
                    let (limits, spent) = (&limits, &spent);
                    scope.spawn(move || {
                        let mut kept = 0;
                        for turn in 0..1_000_u64 {
                            let amount = 1 + (turn + thread) % 3;
                            match reserve(limits, Some(spent), amount, NOON) {
                                Ok(reserved) if turn % 2 == 0 => {
                                    reserved.keep();
                                    kept += amount;
                                }
                                Ok(reserved) => drop(reserved),
                                Err(_) => {}
                            }
                        }
                        kept
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        // All that was dropped came back, so what was kept is what is counted.
        assert_eq!(spent.sum().amount, kept);
        assert!(kept <= 1_000, "{kept}");
        assert!(kept >= 998, "the rest of the limit can be used: {kept}");
    }
}
