//! tx_ids outlive every crash: each that survived answers the same request with the same result and
//! the mark of a duplicate, is resolved to it, refuses any other request, and never turns a no into a
//! yes; a void stays one.

use engine::embedded::{Core, Recaller};
use engine::{Outcome, Request};
use journal::disk::SimDisk;
use ledger::{Amount, Command, Event, Rejection, Seq, TxId};

use crate::asking::ask;
use crate::order::{History, Staged};
use crate::violation::{Broken, Holds};
use crate::workload::account;

const INVARIANT: &str = "every surviving tx_id gives its first answer, to its own request alone";

/// Asks `core` again for every event of `history`, and for something else under the same tx_id.
pub(crate) fn answer_again(
    core: &Core<SimDisk>,
    recaller: &Recaller<SimDisk>,
    history: &History,
) -> Holds {
    let last = history.last();
    for (n, staged) in history.events().iter().enumerate() {
        let seq = Seq::new(n as u64).next();
        let tx_id = &staged.tx_id;
        let ask = |request| ask(core, recaller, request).map_err(|error| unread(tx_id, &error));
        let told = ask(Request::Resolve(tx_id.clone()))?;
        if !is_resolved(&told, seq, staged) {
            let found = format!("{tx_id} is settled at {seq}, to resolve it gave {told:?}");
            return Err(Broken::new(INVARIANT, found));
        }
        let write = |command| {
            let tx_id = tx_id.clone();
            Request::Write { command, tx_id, tx_id_given: true, not_after_us: Some(0) }
        };
        let Some(command) = staged.event.clone().into_command() else {
            let late = ask(write(other_than(&deposit(1))))?;
            if is_voided(&late, seq) {
                continue;
            }
            let found = format!("{tx_id} was voided at {seq}, a late request got {late:?}");
            return Err(Broken::new(INVARIANT, found));
        };
        let outcome = ask(write(command.clone()))?;
        if let Err(outcome) = format_if_unlike(outcome, seq, &staged.event) {
            let found =
                format!("{tx_id} stands for {:?} at {seq}, and got {outcome}", staged.event);
            return Err(Broken::new(INVARIANT, found));
        }
        let other = other_than(&command);
        let outcome = ask(write(other))?;
        let conflict = Outcome::Conflict { tx_id: tx_id.clone(), as_of: seq };
        if outcome != conflict {
            let found = format!("{tx_id} is taken at {seq}, another request got {outcome:?}");
            return Err(Broken::new(INVARIANT, found));
        }
    }
    let head = core.staging().head().seq;
    if head == last {
        return Ok(());
    }
    Err(Broken::new(INVARIANT, format!("asking again led from seq {last} to {head}")))
}

fn unread(tx_id: &TxId<'_>, error: &str) -> Broken {
    Broken::new(INVARIANT, format!("{tx_id} could not be recalled: {error}"))
}

fn is_resolved(told: &Outcome<'_>, seq: Seq, staged: &Staged) -> bool {
    matches!(told, Outcome::Resolved { transaction, duplicate: true }
        if transaction.seq == seq
            && transaction.tx_id == staged.tx_id
            && transaction.event == staged.event
            && transaction.at_us == staged.at_us)
}

fn is_voided(told: &Outcome<'_>, void: Seq) -> bool {
    matches!(told, Outcome::Refused { rejection: Rejection::Voided, seq, duplicate: true, .. }
        if *seq == Some(void))
}

fn format_if_unlike(outcome: Outcome<'_>, seq: Seq, event: &Event<'_>) -> Result<(), String> {
    let same = match (&outcome, event) {
        (
            Outcome::Refused { rejection, seq: Some(told), duplicate: true, .. },
            Event::Refused(refused),
        ) => *told == seq && *rejection == refused.rejection,
        (Outcome::Done { seq: told, event: told_event, duplicate: true, .. }, event) => {
            *told == seq && told_event == event
        }
        _ => false,
    };
    if same { Ok(()) } else { Err(format!("{outcome:?}")) }
}

/// A request that differs from `command` in as little as it can.
fn other_than(command: &Command<'_>) -> Command<'static> {
    let one = |n| Amount::new(n).unwrap_or_else(|_| unreachable!("one and two are amounts"));
    let amount = match command {
        Command::Deposit { amount, .. } if *amount == one(1) => one(2),
        Command::Deposit { .. }
        | Command::Init(_)
        | Command::Withdraw { .. }
        | Command::Transfer(_) => one(1),
    };
    Command::Deposit { account: account("alice"), amount }
}

fn deposit(minor_units: i64) -> Command<'static> {
    let amount = Amount::new(minor_units).unwrap_or_else(|_| unreachable!("an amount"));
    Command::Deposit { account: account("alice"), amount }
}
