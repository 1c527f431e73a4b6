//! tx_ids outlive every crash: each that survived answers the same request with the same result and
//! the mark of a duplicate, is resolved to it, refuses any other request, and never turns a no into a
//! yes; a void stays one.

use engine::embedded::{Core, Recaller};
use engine::{Outcome, Request};
use journal::disk::SimDisk;
use ledger::{Amount, By, Command, Event, Rejection, Seq};

use crate::asking::ask;
use crate::order::{History, Staged};
use crate::random::Random;
use crate::violation::{Broken, Holds};
use crate::workload::account;

const INVARIANT: &str = "every surviving tx_id gives its first answer, to its own request alone";

/// Asks `core` for every event of `history` again: for the same, for something else under its tx_id,
/// or what became of that, as chance chooses.
pub(crate) fn answer_again(
    core: &Core<SimDisk>,
    recaller: &Recaller<SimDisk>,
    history: &History,
    random: &mut Random,
) -> Holds {
    let last = history.last();
    for (n, staged) in history.events().iter().enumerate() {
        let seq = Seq::new(n as u64).next();
        let tx_id = &staged.tx_id;
        let write = |command| {
            let tx_id = tx_id.clone();
            let (tx_id_given, not_after_us) = (true, Some(0));
            Request::Write { command, tx_id, tx_id_given, not_after_us, by: by_somebody_else() }
        };
        let request = match (random.between(0, 2), staged.event.clone().into_command()) {
            (0, _) => Request::Resolve { tx_id: tx_id.clone(), by: by_somebody_else() },
            (1, Some(command)) => write(command),
            (_, Some(command)) => write(other_than(&command)),
            (_, None) => write(other_than(&deposit(1))),
        };
        let outcome = ask(core, recaller, request.clone()).map_err(|error| {
            Broken::new(INVARIANT, format!("{tx_id} could not be recalled: {error}"))
        })?;
        if !is_its_answer(&request, &outcome, seq, staged) {
            let found = format!("{tx_id} stands for {:?} at {seq}", staged.event);
            return Err(Broken::new(INVARIANT, format!("{found}, {request:?} got {outcome:?}")));
        }
    }
    let head = core.staging().head().seq;
    if head == last {
        return Ok(());
    }
    Err(Broken::new(INVARIANT, format!("asking again led from seq {last} to {head}")))
}

fn is_its_answer(request: &Request<'_>, outcome: &Outcome<'_>, seq: Seq, staged: &Staged) -> bool {
    let Staged { tx_id, by, event, at_us } = staged;
    match (request, outcome) {
        (Request::Resolve { .. }, Outcome::Resolved { transaction, duplicate: true }) => {
            transaction.seq == seq
                && transaction.tx_id == *tx_id
                && transaction.by == *by
                && transaction.event == *event
                && transaction.at_us == *at_us
        }
        (Request::Write { command, .. }, outcome) => {
            let is_its_own = event.clone().into_command().as_ref() == Some(command);
            match (outcome, event) {
                (
                    Outcome::Refused { rejection, seq: Some(told), duplicate: true, .. },
                    Event::Void,
                ) => *told == seq && *rejection == Rejection::Voided,
                (
                    Outcome::Refused { rejection, seq: Some(told), duplicate: true, .. },
                    Event::Refused(refused),
                ) => is_its_own && *told == seq && *rejection == refused.rejection,
                (Outcome::Done { seq: told, event: told_event, duplicate: true, .. }, event) => {
                    is_its_own && *told == seq && told_event == event
                }
                (Outcome::Conflict { tx_id: told, as_of }, _) => {
                    !is_its_own && *event != Event::Void && told == tx_id && *as_of == seq
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whoever asks again changes nothing.
fn by_somebody_else() -> Option<By<'static>> {
    By::new("user:somebody else").ok()
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
