//! The journal alone gives the same bank as snapshot and journal together, and the same seqs.

use crate::invariants::balances::State;
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "snapshot and journal give the bank that the journal alone gives";

/// Compares an opening with one from which the snapshots were taken away.
pub(crate) fn of_the_journal_alone_agrees(with_snapshot: &State, alone: &State) -> Holds {
    if with_snapshot == alone {
        return Ok(());
    }
    Err(Broken::new(INVARIANT, format!("together {with_snapshot:?}, alone {alone:?}")))
}
