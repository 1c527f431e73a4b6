//! What happened: the bank's facts, as values.

use crate::account::AccountId;
use crate::command::{Command, Openings, Transfer};
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

impl<'a> Leg<'a> {
    /// The leg of a transfer for somebody who may not see what `account` holds.
    pub const fn hidden(account: AccountId<'a>) -> Self {
        Self { account, before: Balance::ZERO, after: Balance::ZERO }
    }

    /// Whether the leg of a transfer was made by [`Leg::hidden`]: one that moved money never has the
    /// same balance on both sides.
    pub fn is_hidden(&self) -> bool {
        self.before == self.after
    }
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
    /// The tx_id was given up before any request came under it: none ever will be executed.
    Void,
}

/// A command with the reason for which the bank refused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused<'a> {
    /// What was asked.
    pub command: Command<'a>,
    /// Why not.
    pub rejection: Rejection,
}

impl Refused<'_> {
    /// Whether `command` is what was refused, whatever the order of its opening balances.
    fn asked_for(&self, command: &Command<'_>) -> bool {
        let (Command::Init(refused), Command::Init(asked)) = (&self.command, command) else {
            return self.command == *command;
        };
        let sorted = |openings: &Openings<'_>| {
            let mut named: Vec<(String, Balance)> = openings
                .as_slice()
                .iter()
                .map(|(account, to)| (account.as_str().to_owned(), *to))
                .collect();
            named.sort_unstable();
            named
        };
        sorted(refused) == sorted(asked)
    }
}

impl Leg<'_> {
    /// The same leg, owning its name.
    pub fn into_owned(self) -> Leg<'static> {
        Leg { account: self.account.into_owned(), before: self.before, after: self.after }
    }

    /// What the account gained: minor units, below zero when it paid.
    pub fn change(&self) -> i64 {
        // Both lie within plus and minus 2^53 - 1.
        self.after.get().strict_sub(self.before.get())
    }
}

impl<'a> Event<'a> {
    /// The same event, owning its names.
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Init { legs } => {
                Event::Init { legs: legs.into_iter().map(Leg::into_owned).collect() }
            }
            Self::Deposit { leg, amount } => Event::Deposit { leg: leg.into_owned(), amount },
            Self::Withdraw { leg, amount } => Event::Withdraw { leg: leg.into_owned(), amount },
            Self::Transfer { from, to, amount } => {
                Event::Transfer { from: from.into_owned(), to: to.into_owned(), amount }
            }
            Self::Refused(Refused { command, rejection }) => {
                Event::Refused(Refused { command: command.into_owned(), rejection })
            }
            Self::Void => Event::Void,
        }
    }

    /// The command that the event answers; `None` for a void, which answers none.
    pub fn into_command(self) -> Option<Command<'a>> {
        Some(match self {
            Self::Init { legs } => {
                let openings = legs.into_iter().map(|leg| (leg.account, leg.after)).collect();
                Command::Init(Openings::new(openings)?)
            }
            Self::Deposit { leg, amount } => Command::Deposit { account: leg.account, amount },
            Self::Withdraw { leg, amount } => Command::Withdraw { account: leg.account, amount },
            Self::Transfer { from, to, amount } => {
                Command::Transfer(Transfer::new(from.account, to.account, amount).ok()?)
            }
            Self::Refused(refused) => refused.command,
            Self::Void => return None,
        })
    }

    /// Whether the event answers a request for `command`: the same kind, the same accounts in any
    /// order, the same amounts. A deadline is no part of a request's content.
    pub fn answers(&self, command: &Command<'_>) -> bool {
        match (self, command) {
            (Self::Init { legs }, Command::Init(openings)) => {
                let openings = openings.as_slice();
                let mut asked: Vec<(&str, Balance)> =
                    openings.iter().map(|(account, to)| (account.as_str(), *to)).collect();
                let mut done: Vec<(&str, Balance)> =
                    legs.iter().map(|leg| (leg.account.as_str(), leg.after)).collect();
                asked.sort_unstable();
                done.sort_unstable();
                asked == done
            }
            (Self::Deposit { leg, amount }, Command::Deposit { account, amount: asked })
            | (Self::Withdraw { leg, amount }, Command::Withdraw { account, amount: asked }) => {
                leg.account == *account && amount == asked
            }
            (Self::Transfer { from, to, amount }, Command::Transfer(transfer)) => {
                from.account == *transfer.from()
                    && to.account == *transfer.to()
                    && *amount == transfer.amount()
            }
            (Self::Refused(refused), command) => refused.asked_for(command),
            (
                Self::Init { .. }
                | Self::Deposit { .. }
                | Self::Withdraw { .. }
                | Self::Transfer { .. }
                | Self::Void,
                _,
            ) => false,
        }
    }

    /// The accounts whose balances the event sets, with those balances. A refusal and a void set
    /// none.
    pub fn legs(&self) -> impl Iterator<Item = &Leg<'a>> {
        let (one, two, many) = match self {
            Self::Init { legs } => (None, None, legs.as_slice()),
            Self::Deposit { leg, .. } | Self::Withdraw { leg, .. } => {
                (Some(leg), None, [].as_slice())
            }
            Self::Transfer { from, to, .. } => (Some(from), Some(to), [].as_slice()),
            Self::Refused(_) | Self::Void => (None, None, [].as_slice()),
        };
        one.into_iter().chain(two).chain(many)
    }

    /// How many accounts the event names; a refusal names those of its command.
    pub fn accounts_count(&self) -> usize {
        if let Self::Refused(refused) = self {
            return refused.command.accounts_count();
        }
        self.legs().count()
    }

    /// By how many minor units the event changes the balance of `@world`: the opposite of what
    /// the accounts gained together, so that all balances sum to zero after every event.
    pub fn world_delta(&self) -> i128 {
        if let Self::Transfer { .. } | Self::Refused(_) | Self::Void = self {
            return 0;
        }
        self.legs()
            .map(|leg| i128::from(leg.before.get()).saturating_sub(i128::from(leg.after.get())))
            .fold(0, i128::saturating_add)
    }

    /// How many minor units came into the bank: a deposit, or balances that were set higher.
    pub fn money_in(&self) -> i128 {
        match self {
            Self::Deposit { amount, .. } => i128::from(amount.get()),
            Self::Init { legs } => {
                legs.iter().map(|leg| i128::from(leg.change().max(0))).fold(0, i128::saturating_add)
            }
            Self::Withdraw { .. } | Self::Transfer { .. } | Self::Refused(_) | Self::Void => 0,
        }
    }
}
