//! What happened: the bank's facts, as values.

use crate::account::AccountId;
use crate::command::Command;
use crate::money::{Amount, Balance};
use crate::rejection::Rejection;

/// One account's part in an event: what it held before and what it holds after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg<'a> {
    /// The account.
    pub account: AccountId<'a>,
    /// Its balance before the event.
    pub before: Balance,
    /// Its balance after the event.
    pub after: Balance,
}

/// One fact in the bank's history. It carries resulting balances, so that applying it needs no
/// rules and cannot fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Balances were set.
    Init {
        /// The accounts, in the order of the command.
        legs: Vec<Leg<'a>>,
    },
    /// Money entered the bank.
    Deposit {
        /// The account that received it.
        leg: Leg<'a>,
        /// How much.
        amount: Amount,
    },
    /// Money left the bank.
    Withdraw {
        /// The account that paid it.
        leg: Leg<'a>,
        /// How much.
        amount: Amount,
    },
    /// Money moved.
    Transfer {
        /// The account that paid.
        from: Leg<'a>,
        /// The account that received.
        to: Leg<'a>,
        /// How much.
        amount: Amount,
    },
    /// The bank said no, and that stays its answer to this tx_id.
    Refused(Refused<'a>),
}

/// A command with the reason for which the bank refused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused<'a> {
    /// What was asked.
    pub command: Command<'a>,
    /// Why not.
    pub rejection: Rejection,
}

impl<'a> Event<'a> {
    /// The accounts whose balances the event sets, with those balances. A refusal sets none.
    pub fn legs(&self) -> impl Iterator<Item = &Leg<'a>> {
        let (one, two, many) = match self {
            Self::Init { legs } => (None, None, legs.as_slice()),
            Self::Deposit { leg, .. } | Self::Withdraw { leg, .. } => {
                (Some(leg), None, [].as_slice())
            }
            Self::Transfer { from, to, .. } => (Some(from), Some(to), [].as_slice()),
            Self::Refused(_) => (None, None, [].as_slice()),
        };
        one.into_iter().chain(two).chain(many)
    }

    /// By how many minor units the event changes the balance of `@world`: the opposite of what
    /// the accounts gained together, so that all balances sum to zero after every event.
    pub fn world_delta(&self) -> i128 {
        self.legs()
            .map(|leg| i128::from(leg.before.get()).saturating_sub(i128::from(leg.after.get())))
            .fold(0, i128::saturating_add)
    }
}
