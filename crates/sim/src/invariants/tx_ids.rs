//! tx_ids outlive every crash: each that survived answers the same request with the same result and
//! the mark of a duplicate, refuses any other request, and never turns a no into a yes.

use engine::embedded::Core;
use engine::{Outcome, Request};
use ledger::{Amount, Command, Event, Seq};

use crate::history::{History, command_of};
use crate::violation::{Broken, Holds};
use crate::workload::account;

const INVARIANT: &str = "every surviving tx_id gives its first answer, to its own request alone";

/// Asks `core` again for every event of `history`, and for something else under the same tx_id.
pub(crate) fn answer_again(core: &Core, history: &History) -> Holds {
    let last = history.last();
    for (n, staged) in history.events().iter().enumerate() {
        let seq = Seq::new(n as u64).next();
        let tx_id = &staged.tx_id;
        let Some(command) = command_of(&staged.event) else { continue };
        let ask = |command: Command<'_>| {
            let request = Request::Write { command, tx_id: tx_id.clone(), tx_id_given: true };
            format_if_unlike(core.execute(request, 0, Seq::ZERO), seq, &staged.event)
        };
        if let Err(outcome) = ask(command.clone()) {
            let found =
                format!("{tx_id} stands for {:?} at {seq}, and got {outcome}", staged.event);
            return Err(Broken::new(INVARIANT, found));
        }
        let other = other_than(&command);
        let request = Request::Write { command: other, tx_id: tx_id.clone(), tx_id_given: true };
        let outcome = core.execute(request, 0, Seq::ZERO);
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
