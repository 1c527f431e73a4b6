//! The journal of a folder, read back line by line and run again on the naive model. It shares
//! the decoding of lines with the engine, and neither its rules nor its state.

use engine::Outcome;
use journal::disk::{Disk, read_full_at};
use journal::{Entry, decode_record, survey};
use ledger::model::{Answer, Model};
use ledger::{Command, Event, Leg, Openings, Transfer};

/// The lines of all events in all files, in order. Panics when the chain of seals does not hold.
pub fn lines<D: Disk>(disk: &D) -> Vec<String> {
    let survey = survey(disk).unwrap();
    let mut lines = Vec::new();
    for segment in &survey.segments {
        let file = disk.open_read(&segment.name).unwrap();
        let len = segment.proven_end - segment.header_bytes;
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        let count = read_full_at(disk, &file, &mut bytes, segment.header_bytes).unwrap();
        assert_eq!(count, bytes.len(), "{} is as long as it was proven", segment.name);
        let text = String::from_utf8(bytes).unwrap();
        let is_event = |line: &&str| !line.starts_with("{\"seal\":");
        lines.extend(text.lines().filter(is_event).map(str::to_owned));
    }
    lines
}

/// Runs the events of `lines` on the model, in the order of the journal. Each must be what the
/// model answers at that place: so the journal's order is an order of execution, account by
/// account. `seen` is told of each event, with the model as it stands behind it.
pub fn replay(lines: &[String], mut seen: impl FnMut(&Entry<'_>, &Model)) -> Model {
    let mut model = Model::new();
    for line in lines {
        let entry = decode_record(line.as_bytes()).unwrap();
        let command = command_of(&entry.event);
        let answer = model.execute(&command, entry.tx_id.as_str(), true);
        assert_eq!(answer, answer_of(&entry), "{line}");
        seen(&entry, &model);
    }
    model
}

/// Whether the outcome of a change, told for the first or a later time, is this event.
pub fn tells(outcome: &Outcome<'_>, entry: &Entry<'_>) -> bool {
    match (outcome, &entry.event) {
        (_, Event::Refused(refused)) => {
            matches!(outcome, Outcome::Refused { rejection, seq: Some(seq), .. }
                if *rejection == refused.rejection && *seq == entry.seq)
        }
        (Outcome::Done { seq, tx_id, event, .. }, told) => {
            *seq == entry.seq && *tx_id == entry.tx_id && event == told
        }
        (_, _) => false,
    }
}

fn answer_of(entry: &Entry<'_>) -> Answer {
    let seq = entry.seq.get();
    match &entry.event {
        Event::Refused(refused) => Answer::Refused {
            code: refused.rejection.code(),
            balance: i128::from(refused.rejection.balance().unwrap().get()),
            seq: Some(seq),
            duplicate: false,
        },
        Event::Init { .. }
        | Event::Deposit { .. }
        | Event::Withdraw { .. }
        | Event::Transfer { .. } => {
            let legs = entry.event.legs().map(|Leg { account, before, after }| {
                (account.to_string(), i128::from(before.get()), i128::from(after.get()))
            });
            Answer::Done { seq, legs: legs.collect(), duplicate: false }
        }
    }
}

fn command_of<'e>(event: &'e Event<'_>) -> Command<'e> {
    match event {
        Event::Init { legs } => {
            let openings = legs.iter().map(|leg| (leg.account.borrow(), leg.after)).collect();
            Command::Init(Openings::new(openings).unwrap())
        }
        Event::Deposit { leg, amount } => {
            Command::Deposit { account: leg.account.borrow(), amount: *amount }
        }
        Event::Withdraw { leg, amount } => {
            Command::Withdraw { account: leg.account.borrow(), amount: *amount }
        }
        Event::Transfer { from, to, amount } => Command::Transfer(
            Transfer::new(from.account.borrow(), to.account.borrow(), *amount).unwrap(),
        ),
        Event::Refused(refused) => refused.command.clone(),
    }
}
