//! A tx_id has one answer for ever: it stands in the journal once at most, so that nothing that was
//! voided was executed; and nobody was ever told of another place of it.

use std::collections::HashMap;

use engine::Outcome;
use ledger::Seq;

use crate::order::Surviving;
use crate::told::Reply;
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "a tx_id is executed, refused or voided, once, and all are told the same";

/// Looks through the surviving events and all that was told.
pub(crate) fn was_given(surviving: &Surviving<'_>, told: &[Reply]) -> Holds {
    let mut places: HashMap<&str, Seq> = HashMap::new();
    for entry in &surviving.entries {
        if let Some(first) = places.insert(entry.tx_id.as_str(), entry.seq) {
            let found = format!("{} stands at {first} and at {}", entry.tx_id, entry.seq);
            return Err(Broken::new(INVARIANT, found));
        }
    }
    for reply in told {
        let (tx_id, seq) = match &reply.outcome {
            Outcome::Done { seq, tx_id, .. }
            | Outcome::Refused { seq: Some(seq), tx_id: Some(tx_id), .. } => (tx_id, *seq),
            Outcome::Resolved { transaction, .. } => (&transaction.tx_id, transaction.seq),
            Outcome::Refused { .. }
            | Outcome::Balance { .. }
            | Outcome::Balances { .. }
            | Outcome::Conflict { .. }
            | Outcome::Unavailable(_)
            | Outcome::Unknown { .. } => continue,
        };
        if places.get(tx_id.as_str()) != Some(&seq) {
            let stands = places.get(tx_id.as_str());
            let found = format!("{:?} was told, and it stands at {stands:?}", reply.outcome);
            return Err(Broken::new(INVARIANT, found));
        }
    }
    Ok(())
}
