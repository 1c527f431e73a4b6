//! While the server lives: every outcome is the one that the naive bank gives to the same requests
//! in the same order.

use std::slice;

use engine::{BalanceReading, Outcome, Request, Unavailable};
use ledger::model::{Answer, Model, When};
use ledger::{AccountId, Command, Event, Refused, Rejection, Seq, TxId};

use crate::order::History;
use crate::told::Reply;
use crate::violation::Broken;

const INVARIANT: &str = "every outcome follows from the order of the events before it";

/// Takes the request into `bank`, which held what `history` gives, and compares what comes of it.
/// Returns the event that the engine staged for it, if it did.
pub(crate) fn follow_from_the_order(
    bank: &mut Model,
    history: &History,
    reply: &Reply,
    now_us: u64,
    durable: Seq,
) -> Result<Option<(TxId<'static>, Event<'static>)>, Broken> {
    match (&reply.request, &reply.outcome) {
        (Request::Write { command, tx_id, tx_id_given, not_after_us, by }, outcome) => {
            let when = When { now_us, not_after_us: *not_after_us };
            let bank = bank.on_behalf_of(by.as_ref());
            let answer = bank.execute_at(command, tx_id.as_str(), *tx_id_given, when);
            let staged = change(command, tx_id, &answer, outcome, history, durable)
                .ok_or_else(|| unlike(reply, &answer))?;
            Ok(staged.map(|event| (tx_id.clone(), event)))
        }
        (Request::Resolve { tx_id, by }, Outcome::Resolved { transaction, duplicate }) => {
            let bank = bank.on_behalf_of(by.as_ref());
            let (expected, settled) = bank.resolve(tx_id.as_str(), now_us);
            if *duplicate != settled || !expected.is_told_by(transaction) {
                return Err(unlike(reply, &expected));
            }
            Ok((!settled).then(|| (tx_id.clone(), Event::Void)))
        }
        (Request::Balance(account), Outcome::Balance { reading, as_of }) => {
            read(
                bank,
                history,
                durable,
                slice::from_ref(account),
                slice::from_ref(reading),
                *as_of,
            )
            .map_err(|()| unlike(reply, &"the bank's balance"))?;
            Ok(None)
        }
        (Request::Balances(accounts), Outcome::Balances { readings, as_of }) => {
            read(bank, history, durable, accounts, readings, *as_of)
                .map_err(|()| unlike(reply, &"the bank's balances"))?;
            Ok(None)
        }
        (Request::Resolve { .. } | Request::Balance(_) | Request::Balances(_), _) => {
            Err(unlike(reply, &"a reading"))
        }
    }
}

/// Whether the request was turned away because the server stops: nothing was done.
pub(crate) fn is_turned_away(reply: &Reply) -> bool {
    reply.outcome == Outcome::Unavailable(Unavailable::JournalStopped)
}

fn unlike(reply: &Reply, expected: &impl std::fmt::Debug) -> Broken {
    let Reply { request, outcome } = reply;
    Broken::new(INVARIANT, format!("{request:?} got {outcome:?}, the naive bank says {expected:?}"))
}

/// The event staged for a change, if there was one; `None` when the outcome is not the answer.
fn change(
    command: &Command<'static>,
    asked: &TxId<'static>,
    answer: &Answer,
    outcome: &Outcome<'static>,
    history: &History,
    durable: Seq,
) -> Option<Option<Event<'static>>> {
    match (answer, outcome) {
        (
            Answer::Done { seq, legs, duplicate },
            Outcome::Done { seq: told_seq, tx_id, event, duplicate: told_duplicate },
        ) => {
            let told_legs: Vec<(String, i128, i128)> = event
                .legs()
                .map(|leg| {
                    (leg.account.to_string(), leg.before.get().into(), leg.after.get().into())
                })
                .collect();
            let same = told_seq.get() == *seq
                && tx_id == asked
                && *duplicate == *told_duplicate
                && told_legs == *legs
                && event.clone().into_command().as_ref() == Some(command);
            same.then(|| (!duplicate).then(|| event.clone()))
        }
        (
            Answer::Refused { code, balance, seq, duplicate },
            Outcome::Refused { rejection, seq: told_seq, tx_id, as_of, duplicate: told_duplicate },
        ) => {
            let as_of_expected = seq.map_or_else(
                || {
                    // A deadline rests on no account.
                    let rests_on_accounts = balance.is_some();
                    let accounts = command.accounts().filter(|_| rests_on_accounts);
                    accounts.fold(durable, |as_of, account| as_of.max(last(history, account)))
                },
                Seq::new,
            );
            let same = rejection.code() == *code
                && rejection.balance().map(|held| i128::from(held.get())) == *balance
                && told_seq.map(Seq::get) == *seq
                && tx_id.as_ref() == seq.map(|_| asked)
                && *as_of == as_of_expected
                && duplicate == told_duplicate;
            let recorded = seq.is_some() && !duplicate;
            same.then(|| recorded.then(|| refused(command, rejection)))
        }
        (Answer::TxIdReused, Outcome::Conflict { tx_id, as_of }) => {
            let taken = history.events().iter().position(|staged| staged.tx_id == *asked)?;
            let taken = Seq::new(taken as u64).next();
            (tx_id == asked && *as_of == taken.max(durable)).then_some(None)
        }
        _ => None,
    }
}

fn refused(command: &Command<'static>, rejection: &Rejection) -> Event<'static> {
    Event::Refused(Refused { command: command.clone(), rejection: rejection.clone() })
}

fn last(history: &History, account: &AccountId<'_>) -> Seq {
    history.account_at(account.as_str(), history.last()).map_or(Seq::ZERO, |(seq, _)| seq)
}

fn read(
    bank: &Model,
    history: &History,
    durable: Seq,
    accounts: &[AccountId<'_>],
    readings: &[BalanceReading<'_>],
    as_of: Seq,
) -> Result<(), ()> {
    let mut as_of_expected = durable;
    let mut same = accounts.len() == readings.len();
    for (account, reading) in accounts.iter().zip(readings) {
        as_of_expected = as_of_expected.max(last(history, account));
        let held = reading.balance.map(|held| i128::from(held.get()));
        same &= reading.account == *account && held == bank.balance(account.as_str());
    }
    if same && as_of == as_of_expected { Ok(()) } else { Err(()) }
}
