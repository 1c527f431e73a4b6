//! What of an answer is for the eyes of whoever asks.
//!
//! **Invariant:** what leaves here holds no balance of an account that its reader does not own, unless
//! the reader may look at every account.

use std::borrow::Cow;

use access::Principal;
use engine::Reading;
use ledger::{Command, Event, Leg, Refused, Transaction};

/// The transaction as `who` may see it; `None` when there is nothing in it for its eyes: no account
/// of its own is touched.
pub fn seen_by<'t>(
    who: &Principal,
    transaction: &'t Transaction<'static>,
) -> Option<Cow<'t, Transaction<'static>>> {
    if who.sees_all() {
        return Some(Cow::Borrowed(transaction));
    }
    let owns = |leg: &Leg<'_>| who.owns(leg.account.as_str());
    let event = match &transaction.event {
        Event::Deposit { leg, .. } | Event::Withdraw { leg, .. } if owns(leg) => {
            return Some(Cow::Borrowed(transaction));
        }
        Event::Transfer { from, to, amount } => {
            let shown = |leg: &Leg<'static>, owned| {
                if owned { leg.clone() } else { Leg::hidden(leg.account.clone()) }
            };
            match (owns(from), owns(to)) {
                (true, true) => return Some(Cow::Borrowed(transaction)),
                (false, false) => return None,
                (pays, is_paid) => Event::Transfer {
                    from: shown(from, pays),
                    to: shown(to, is_paid),
                    amount: *amount,
                },
            }
        }
        Event::Init { legs } => {
            let legs: Vec<_> = legs.iter().filter(|leg| owns(leg)).cloned().collect();
            if legs.is_empty() {
                return None;
            }
            Event::Init { legs }
        }
        // It tells what an account held: whose it is depends on why, so all of them must be its own.
        Event::Refused(Refused { command, .. }) if owns_all(who, command) => {
            return Some(Cow::Borrowed(transaction));
        }
        Event::Deposit { .. } | Event::Withdraw { .. } | Event::Refused(_) | Event::Void => {
            return None;
        }
    };
    Some(Cow::Owned(Transaction { event, ..transaction.clone() }))
}

fn owns_all(who: &Principal, command: &Command<'_>) -> bool {
    match command {
        Command::Init(openings) => {
            openings.as_slice().iter().all(|(account, _)| who.owns(account.as_str()))
        }
        Command::Deposit { account, .. } | Command::Withdraw { account, .. } => {
            who.owns(account.as_str())
        }
        Command::Transfer(transfer) => {
            who.owns(transfer.from().as_str()) && who.owns(transfer.to().as_str())
        }
    }
}

/// What of `reading` is for a customer. Of a statement and of a balance that is all: the accounts were
/// asked about by name, and are its own.
pub(super) fn reading(who: &Principal, reading: Reading) -> Reading {
    let seen = |transaction: Transaction<'static>| seen_by(who, &transaction).map(Cow::into_owned);
    match reading {
        Reading::Transaction { transaction, as_of } => {
            Reading::Transaction { transaction: transaction.and_then(seen), as_of }
        }
        Reading::Transactions { transactions, next, as_of } => {
            let transactions = transactions.into_iter().filter_map(seen).collect();
            Reading::Transactions { transactions, next, as_of }
        }
        Reading::Accounts { accounts, next, as_of, .. } => {
            let own = |line: &engine::query::AccountLine| who.owns(line.account.as_str());
            let accounts = accounts.into_iter().filter(own).collect();
            Reading::Accounts { accounts, next, count: None, as_of }
        }
        Reading::Statement(_)
        | Reading::BalanceAt { .. }
        | Reading::Totals(_)
        | Reading::NotYet { .. } => reading,
    }
}
