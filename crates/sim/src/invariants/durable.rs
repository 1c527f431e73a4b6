//! What recovery serves is durable at once: a power cut in the next moment leaves the same events
//! and, opened again, the same bank.

use crate::invariants::balances::State;
use crate::order::Surviving;
use crate::violation::{Broken, Holds};

/// Compares what a power cut would leave with what was opened.
pub(crate) fn is_all_that_was_served(left: &Surviving<'_>, served: &Surviving<'_>) -> Holds {
    const INVARIANT: &str = "what recovery serves is durable";
    // A new folder has got its first header just now.
    let is_new = served.survey.genesis.is_none();
    let same_seal = is_new || left.survey.seal() == served.survey.seal();
    if left.entries != served.entries || !same_seal {
        let (left, served) = (left.last(), served.last());
        let found = format!("seq {served} is served, a power cut would leave {left}");
        return Err(Broken::new(INVARIANT, found));
    }
    match left.survey.torn_tail() {
        None => Ok(()),
        Some(tail) => Err(Broken::new(INVARIANT, format!("a torn tail was left: {tail:?}"))),
    }
}

/// Compares two openings of the same folder.
pub(crate) fn recovers_alike(first: &State, second: &State) -> Holds {
    const INVARIANT: &str = "recovering twice gives the same bank";
    if first == second {
        return Ok(());
    }
    Err(Broken::new(INVARIANT, format!("first {first:?}, then {second:?}")))
}
