//! Nothing that a reply showed is missing after a crash: the balances, the refusals that were not
//! recorded and the taken tx_ids that clients were told of follow from events that survived.

use engine::{BalanceReading, Outcome, Request};
use ledger::limits::BALANCE_MAX;
use ledger::{AccountId, Amount, Balance, Command, Rejection, Seq, TxId};

use crate::order::{History, Surviving};
use crate::told::Reply;
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "what a reply showed survives";

/// Holds every reading, unrecorded refusal and conflict against the surviving events. `history`
/// begins with them, which another invariant has seen to.
pub(crate) fn survives(surviving: &Surviving<'_>, history: &History, told: &[Reply]) -> Holds {
    for reply in told {
        let as_of = reply.rests_on();
        let explained = as_of <= surviving.last()
            && match (&reply.outcome, &reply.request) {
                (Outcome::Balance { reading, .. }, _) => is_true(history, as_of, reading),
                (Outcome::Balances { readings, .. }, _) => {
                    readings.iter().all(|reading| is_true(history, as_of, reading))
                }
                (Outcome::Refused { rejection, seq: None, .. }, Request::Write { command, .. }) => {
                    refusal_is_true(history, as_of, command, rejection)
                }
                (Outcome::Conflict { tx_id, .. }, _) => is_taken(surviving, as_of, tx_id),
                // Another invariant's: they stand in the journal themselves.
                (Outcome::Done { .. } | Outcome::Refused { .. } | Outcome::Resolved { .. }, _) => {
                    true
                }
                (Outcome::Unavailable(_) | Outcome::Unknown { .. }, _) => false,
            };
        if !explained {
            let last = surviving.last();
            let found = format!("{:?} was told, and {last} is the last event", reply.outcome);
            return Err(Broken::new(INVARIANT, found));
        }
    }
    Ok(())
}

fn is_true(history: &History, as_of: Seq, reading: &BalanceReading<'_>) -> bool {
    history.balance_at(reading.account.as_str(), as_of) == reading.balance
}

fn is_taken(surviving: &Surviving<'_>, as_of: Seq, tx_id: &TxId<'_>) -> bool {
    let until = usize::try_from(as_of.get()).unwrap_or(usize::MAX);
    surviving.entries.iter().take(until).any(|entry| entry.tx_id == *tx_id)
}

/// Whether the balances of that moment refuse the command for that reason.
fn refusal_is_true(
    history: &History,
    as_of: Seq,
    command: &Command<'_>,
    rejection: &Rejection,
) -> bool {
    let held = |account: &AccountId<'_>| {
        history.balance_at(account.as_str(), as_of).unwrap_or(Balance::ZERO)
    };
    let (payer, receiver, amount) = match command {
        Command::Init(_) => return matches!(rejection, Rejection::DeadlinePassed { .. }),
        Command::Deposit { account, amount } => (None, Some(account), *amount),
        Command::Withdraw { account, amount } => (Some(account), None, *amount),
        Command::Transfer(transfer) => {
            (Some(transfer.from()), Some(transfer.to()), transfer.amount())
        }
    };
    match rejection {
        // It rests on no event.
        Rejection::DeadlinePassed { .. } => true,
        Rejection::InsufficientFunds { balance } => {
            payer.is_some_and(|payer| held(payer) == *balance) && balance.get() < amount.get()
        }
        Rejection::BalanceOutOfRange { balance } => {
            receiver.is_some_and(|receiver| held(receiver) == *balance)
                && overfills(*balance, amount)
        }
        Rejection::InvalidName(_)
        | Rejection::InvalidAmount(_)
        | Rejection::InvalidTxId(_)
        | Rejection::SameAccount
        | Rejection::TxIdReused
        | Rejection::Voided => false,
    }
}

fn overfills(balance: Balance, amount: Amount) -> bool {
    i128::from(balance.get()) + i128::from(amount.get()) > i128::from(BALANCE_MAX)
}
