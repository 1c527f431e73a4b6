//! What was acknowledged is there for ever: every change and every recorded refusal that a client
//! was told of stands at its seq, with the result that was told.

use engine::{Outcome, Request};
use ledger::{Event, Refused, Rejection, Seq, Transaction, TxId};

use crate::order::Surviving;
use crate::told::Reply;
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "every acknowledged event survives with its result";

/// Looks for every acknowledged event among the surviving ones.
pub(crate) fn survive(surviving: &Surviving<'_>, told: &[Reply]) -> Holds {
    for reply in told {
        match (&reply.outcome, &reply.request) {
            (Outcome::Done { seq, tx_id, event, .. }, _) => {
                find(surviving, *seq, tx_id, event)?;
            }
            (
                Outcome::Refused {
                    rejection: Rejection::Voided,
                    seq: Some(seq),
                    tx_id: Some(tx_id),
                    ..
                },
                _,
            ) => drop(find(surviving, *seq, tx_id, &Event::Void)?),
            (
                Outcome::Refused { rejection, seq: Some(seq), tx_id: Some(tx_id), .. },
                Request::Write { command, .. },
            ) => {
                let (command, rejection) = (command.clone(), rejection.clone());
                let refused = Refused { command, rejection };
                find(surviving, *seq, tx_id, &Event::Refused(refused))?;
            }
            (Outcome::Resolved { transaction, .. }, _) => {
                let Transaction { seq, tx_id, by, event, .. } = &**transaction;
                let entry = find(surviving, *seq, tx_id, event)?;
                if entry.by != *by {
                    let found = format!("{tx_id} was told to be by {by:?}; {entry:?} is there");
                    return Err(Broken::new(INVARIANT, found));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn find<'s>(
    surviving: &'s Surviving<'_>,
    seq: Seq,
    tx_id: &TxId<'_>,
    event: &Event<'_>,
) -> Result<&'s Transaction<'s>, Broken> {
    let place = usize::try_from(seq.get()).ok().and_then(|seq| seq.checked_sub(1));
    let entry = place.and_then(|place| surviving.entries.get(place));
    let is_it = |entry: &&Transaction<'_>| entry.tx_id == *tx_id && entry.event == *event;
    if let Some(entry) = entry.filter(is_it) {
        return Ok(entry);
    }
    let found = format!("{event:?} of {tx_id} was told at {seq}; {entry:?} is there");
    Err(Broken::new(INVARIANT, format!("{found}, and {} is the last", surviving.last())))
}
