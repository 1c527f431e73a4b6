//! The journal of a folder, read back line by line and run again on the naive model, and what
//! clients were told held against it. It shares the decoding of lines with the engine, and neither
//! its rules nor its state.

use std::collections::HashMap;

use engine::{Outcome, Request};
use journal::disk::{Disk, read_full_at};
use journal::{decode_record, survey, verify};
use ledger::model::{Answer, Model, What, When};
use ledger::{AccountId, Balance, Event, Leg, Rejection, Seq, Transaction};

/// What stands in the message of a test that fails because the journal's order is wrong.
pub const NO_ORDER: &str = "the order of the journal is no order of execution";

/// One request of a client and what it was told.
pub type Told<'e> = (Request<'static>, Outcome<'e>);

/// The lines of all events in all files, in order. Panics when the chain of seals does not hold.
fn lines<D: Disk>(disk: &D) -> Vec<String> {
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
fn replay(lines: &[String], mut seen: impl FnMut(&Transaction<'_>, &Model)) -> Model {
    let mut model = Model::new();
    for line in lines {
        let entry = decode_record(line.as_bytes()).unwrap();
        happens_again(&mut model, &entry, line);
        let at_us = model.events().last().map(|happened| happened.at_us);
        assert_eq!(at_us, Some(entry.at_us), "times never decrease: {line}");
        seen(&entry, &model);
    }
    model
}

/// Executes on the model what the line `line` tells.
fn happens_again(model: &mut Model, entry: &Transaction<'_>, line: &str) {
    let (tx_id, at_us) = (entry.tx_id.as_str(), entry.at_us);
    let Some(command) = entry.event.clone().into_command() else {
        let (happened, duplicate) = model.on_behalf_of(entry.by.as_ref()).resolve(tx_id, at_us);
        assert!(happened.what == What::Voided && !duplicate, "{NO_ORDER}: {line}");
        assert_eq!(happened.seq, entry.seq.get(), "{NO_ORDER}: {line}");
        return;
    };
    let model = model.on_behalf_of(entry.by.as_ref());
    let answer = model.execute_at(&command, tx_id, true, When::of(entry));
    assert_eq!(answer, answer_of(entry), "{NO_ORDER}: {line}");
}

/// Whether the outcome of a change, told for the first or a later time, is this event.
fn tells(outcome: &Outcome<'_>, entry: &Transaction<'_>) -> bool {
    match (outcome, &entry.event) {
        (Outcome::Resolved { transaction, .. }, _) => **transaction == *entry,
        (Outcome::Refused { rejection: Rejection::Voided, seq, .. }, Event::Void) => {
            *seq == Some(entry.seq)
        }
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

/// Holds what the clients were told against the journal:
/// * the model, run in the order of the journal, does the same, account by account;
/// * everything acknowledged stands there exactly once with the acknowledged result, and behind
///   `seq_before`, where these clients began, nothing else;
/// * every reading and every unrecorded refusal is what the accounts held at its position.
///
/// Returns the model as it stands at the end.
pub fn judge<D: Disk>(disk: &D, seq_before: Seq, told: &[Told<'_>]) -> Model {
    let mut changes: HashMap<&str, Vec<&Outcome<'_>>> = HashMap::new();
    let mut readings: HashMap<Seq, Vec<&Told<'_>>> = HashMap::new();
    for one in told {
        match one {
            (_, Outcome::Done { tx_id, .. })
            | (_, Outcome::Refused { seq: Some(_), tx_id: Some(tx_id), .. }) => {
                changes.entry(tx_id.as_str()).or_default().push(&one.1);
            }
            (_, Outcome::Resolved { transaction, .. }) => {
                changes.entry(transaction.tx_id.as_str()).or_default().push(&one.1);
            }
            (
                _,
                Outcome::Balance { as_of, .. }
                | Outcome::Balances { as_of, .. }
                | Outcome::Refused { as_of, .. },
            ) => readings.entry(*as_of).or_default().push(one),
            (_, Outcome::Conflict { .. } | Outcome::Unavailable(_)) => {}
            (_, Outcome::Unknown { .. }) => panic!("nothing was lost here: {one:?}"),
        }
    }
    let model = replay(&lines(disk), |entry, model| {
        let acknowledged = changes.remove(entry.tx_id.as_str()).unwrap_or_default();
        let is_from_before = entry.seq <= seq_before;
        assert!(is_from_before || !acknowledged.is_empty(), "nobody was told of {entry:?}");
        for outcome in acknowledged {
            assert!(tells(outcome, entry), "{outcome:?} was told of {entry:?}");
        }
        for reading in readings.remove(&entry.seq).unwrap_or_default() {
            assert_shows(reading, model);
        }
    });
    assert!(changes.is_empty(), "acknowledged and not in the journal: {changes:?}");
    assert!(readings.is_empty(), "shown and not in the journal: {readings:?}");
    let proof = verify(disk, None, |_| {}).unwrap();
    assert_eq!(proof.last.get(), model.seq());
    assert_eq!(proof.sum, model.balances().values().sum::<i128>());
    for (name, snapshot) in &proof.survey.snapshots {
        let accounts_count = proof.accounts_count;
        assert!(snapshot.accounts_count <= accounts_count, "{name}: an account stands there twice");
    }
    model
}

/// What was shown of some accounts is what the model holds in them now.
fn assert_shows((request, outcome): &Told<'_>, model: &Model) {
    let held = |account: &AccountId<'_>| model.balance(account.as_str());
    match (outcome, request) {
        (Outcome::Balance { reading, .. }, _) => {
            let shown = reading.balance.map(|balance| i128::from(balance.get()));
            assert_eq!(shown, held(&reading.account), "{outcome:?}");
        }
        (Outcome::Balances { readings, .. }, _) => {
            for reading in readings {
                let shown = reading.balance.map(|balance| i128::from(balance.get()));
                assert_eq!(shown, held(&reading.account), "{outcome:?}");
            }
        }
        (Outcome::Refused { rejection: Rejection::DeadlinePassed { .. }, .. }, _) => {}
        (Outcome::Refused { rejection, .. }, Request::Write { command, .. }) => {
            let payer = command.accounts().next().unwrap();
            let shown = rejection.balance().map(|balance| i128::from(balance.get()));
            assert_eq!(shown, Some(held(payer).unwrap_or(0)), "{outcome:?}");
        }
        (_, _) => panic!("nothing is shown: {outcome:?}"),
    }
}

/// The sum of a reading of several balances; what is not there counts as nothing.
pub fn sum_of(outcome: &Outcome<'_>) -> Option<i64> {
    let Outcome::Balances { readings, .. } = outcome else { return None };
    Some(readings.iter().filter_map(|reading| reading.balance).map(Balance::get).sum())
}

fn answer_of(entry: &Transaction<'_>) -> Answer {
    let seq = entry.seq.get();
    match &entry.event {
        Event::Refused(refused) => Answer::Refused {
            code: refused.rejection.code(),
            balance: refused.rejection.balance().map(|balance| i128::from(balance.get())),
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
        Event::Void => unreachable!("a void answers no command"),
    }
}
