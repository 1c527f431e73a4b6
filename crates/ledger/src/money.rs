//! Amounts and balances: whole minor units of one currency, checked, never floating.

use std::fmt;

use crate::limits::{AMOUNT_MAX, BALANCE_MAX};

/// How much moves: 1 to 2^53 - 1 minor units. Direction is a word, never a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// What an account holds: minor units within plus and minus 2^53 - 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Balance(i64);

/// Why a number is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountFault {
    /// It is zero or below.
    NotPositive,
    /// It is above [`AMOUNT_MAX`].
    TooLarge,
    /// It is no whole number: a fraction, an exponent, a leading zero, a boolean, null, a list.
    NotWhole,
    /// An opening balance is below zero.
    Negative,
}

impl Amount {
    /// Reads an amount in minor units. Errors: `NotPositive`, `TooLarge`.
    pub const fn new(minor_units: i64) -> Result<Self, AmountFault> {
        if minor_units <= 0 {
            Err(AmountFault::NotPositive)
        } else if minor_units > AMOUNT_MAX {
            Err(AmountFault::TooLarge)
        } else {
            Ok(Self(minor_units))
        }
    }

    /// The amount in minor units.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Balance {
    /// Nothing held: what an account that does not exist holds.
    pub const ZERO: Self = Self(0);

    /// Reads a balance in minor units; `None` beyond plus or minus 2^53 - 1.
    pub const fn new(minor_units: i64) -> Option<Self> {
        if minor_units > BALANCE_MAX || minor_units < -BALANCE_MAX {
            None
        } else {
            Some(Self(minor_units))
        }
    }

    /// The balance in minor units.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The balance after `amount` came in; `None` when it would leave its range.
    pub const fn plus(self, amount: Amount) -> Option<Self> {
        match self.0.checked_add(amount.0) {
            Some(sum) => Self::new(sum),
            None => None,
        }
    }

    /// The balance after `amount` went out; `None` when it would leave its range.
    pub const fn minus(self, amount: Amount) -> Option<Self> {
        match self.0.checked_sub(amount.0) {
            Some(difference) => Self::new(difference),
            None => None,
        }
    }

    /// Whether `amount` can go out without an overdraft.
    pub const fn covers(self, amount: Amount) -> bool {
        self.0 >= amount.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for AmountFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPositive => f.write_str("amount must be > 0"),
            Self::TooLarge => write!(f, "amount must be at most {AMOUNT_MAX}"),
            Self::NotWhole => {
                f.write_str("amount must be a whole number of minor units, such as 1250 for 12.50")
            }
            Self::Negative => f.write_str("opening balance must be >= 0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_1_to_2_to_the_53_minus_1() {
        assert_eq!(Amount::new(0), Err(AmountFault::NotPositive));
        assert_eq!(Amount::new(i64::MIN), Err(AmountFault::NotPositive));
        assert_eq!(Amount::new(1).map(Amount::get), Ok(1));
        assert_eq!(Amount::new(9_007_199_254_740_991).map(Amount::get), Ok(9_007_199_254_740_991));
        assert_eq!(Amount::new(9_007_199_254_740_992), Err(AmountFault::TooLarge));
    }

    #[test]
    fn a_balance_that_would_leave_its_range_is_none_and_never_wraps() {
        let one = Amount::new(1).unwrap();
        let most = Balance::new(BALANCE_MAX).unwrap();
        let least = Balance::new(-BALANCE_MAX).unwrap();
        assert_eq!(most.plus(one), None);
        assert_eq!(least.minus(one), None);
        assert_eq!(most.minus(one).map(Balance::get), Some(BALANCE_MAX - 1));
        assert_eq!(Balance::new(BALANCE_MAX + 1), None);
        assert_eq!(Balance::new(i64::MIN), None);
    }
}
