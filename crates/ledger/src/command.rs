//! What a client can ask the bank to change.

use crate::account::AccountId;
use crate::money::{Amount, Balance};
use crate::rejection::Rejection;

/// One change that a client asks for, valid in itself: what can still speak against it is the
/// state of the accounts that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Sets the balances of the accounts named, all or nothing.
    Init(Openings<'a>),
    /// Money enters the bank.
    Deposit {
        /// Where it goes.
        account: AccountId<'a>,
        /// How much.
        amount: Amount,
    },
    /// Money leaves the bank.
    Withdraw {
        /// Where it comes from.
        account: AccountId<'a>,
        /// How much.
        amount: Amount,
    },
    /// Money moves from one account to another.
    Transfer(Transfer<'a>),
}

/// A transfer between two different accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer<'a> {
    from: AccountId<'a>,
    to: AccountId<'a>,
    amount: Amount,
}

/// Accounts with the balances that they are to have: each account once, no balance below zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Openings<'a>(Vec<(AccountId<'a>, Balance)>);

impl<'a> Transfer<'a> {
    /// Pairs two accounts. Errors: `SameAccount`.
    pub fn new(from: AccountId<'a>, to: AccountId<'a>, amount: Amount) -> Result<Self, Rejection> {
        if from == to {
            return Err(Rejection::SameAccount);
        }
        Ok(Self { from, to, amount })
    }

    /// The account that pays.
    pub fn from(&self) -> &AccountId<'a> {
        &self.from
    }

    /// The account that receives.
    pub fn to(&self) -> &AccountId<'a> {
        &self.to
    }

    /// How much moves.
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// Its three parts: from, to, amount.
    pub fn into_parts(self) -> (AccountId<'a>, AccountId<'a>, Amount) {
        (self.from, self.to, self.amount)
    }
}

impl<'a> Openings<'a> {
    /// Collects opening balances, keeping their order; `None` when an account stands there twice
    /// or a balance is below zero.
    pub fn new(openings: Vec<(AccountId<'a>, Balance)>) -> Option<Self> {
        let mut names: Vec<&str> = openings.iter().map(|(account, _)| account.as_str()).collect();
        names.sort_unstable();
        let repeated = names.windows(2).any(|pair| pair.first() == pair.last());
        let negative = openings.iter().any(|(_, balance)| *balance < Balance::ZERO);
        (!repeated && !negative).then_some(Self(openings))
    }

    /// The accounts and their opening balances, in the order given.
    pub fn as_slice(&self) -> &[(AccountId<'a>, Balance)] {
        &self.0
    }

    /// The same, taken apart.
    pub fn into_inner(self) -> Vec<(AccountId<'a>, Balance)> {
        self.0
    }
}

impl<'a> Command<'a> {
    /// The same command, owning its names.
    pub fn into_owned(self) -> Command<'static> {
        match self {
            Self::Init(Openings(openings)) => {
                let owned = openings.into_iter().map(|(account, to)| (account.into_owned(), to));
                Command::Init(Openings(owned.collect()))
            }
            Self::Deposit { account, amount } => {
                Command::Deposit { account: account.into_owned(), amount }
            }
            Self::Withdraw { account, amount } => {
                Command::Withdraw { account: account.into_owned(), amount }
            }
            Self::Transfer(Transfer { from, to, amount }) => {
                Command::Transfer(Transfer { from: from.into_owned(), to: to.into_owned(), amount })
            }
        }
    }

    /// How many accounts the command names.
    pub fn accounts_count(&self) -> usize {
        match self {
            Self::Init(openings) => openings.0.len(),
            Self::Deposit { .. } | Self::Withdraw { .. } => 1,
            Self::Transfer(_) => 2,
        }
    }

    /// The accounts that the command names, in its own order: the order of `decide`'s balances.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId<'a>> {
        let (one, two, many) = match self {
            Self::Init(openings) => (None, None, openings.as_slice()),
            Self::Deposit { account, .. } | Self::Withdraw { account, .. } => {
                (Some(account), None, [].as_slice())
            }
            Self::Transfer(transfer) => (Some(&transfer.from), Some(&transfer.to), [].as_slice()),
        };
        one.into_iter().chain(two).chain(many.iter().map(|(account, _)| account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountId<'_> {
        AccountId::new(name).unwrap()
    }

    #[test]
    fn a_transfer_to_the_same_account_cannot_be_made() {
        let made = Transfer::new(account("a"), account("a"), Amount::new(1).unwrap());
        assert_eq!(made, Err(Rejection::SameAccount));
    }

    #[test]
    fn openings_name_each_account_once_and_none_below_zero() {
        let one = Balance::new(1).unwrap();
        let minus_one = Balance::new(-1).unwrap();
        assert!(Openings::new(vec![(account("b"), one), (account("a"), one)]).is_some());
        assert!(Openings::new(vec![]).is_some());
        assert!(
            Openings::new(vec![(account("a"), one), (account("b"), one), (account("a"), one)])
                .is_none()
        );
        assert!(Openings::new(vec![(account("a"), minus_one)]).is_none());
    }
}
