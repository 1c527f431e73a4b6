//! What survives is what was staged, from the first event on and in order: nothing from the middle
//! is missing, and nothing that nobody asked for is there.

use crate::order::{History, Surviving};
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "the surviving events are the first of those staged, in order";

/// Compares every surviving line with the event that was staged in its place.
pub(crate) fn survives(surviving: &Surviving<'_>, history: &History) -> Holds {
    let staged = history.events();
    for (n, entry) in surviving.entries.iter().enumerate() {
        let expected = staged.get(n);
        let same = entry.seq.get() == n as u64 + 1
            && expected.is_some_and(|staged| {
                staged.tx_id == entry.tx_id
                    && staged.by == entry.by
                    && staged.event == entry.event
                    && staged.at_us == entry.at_us
            });
        if !same {
            return Err(Broken::new(INVARIANT, format!("{entry:?} in the place of {expected:?}")));
        }
    }
    if surviving.survey.last() == surviving.last() {
        return Ok(());
    }
    let (proven, read) = (surviving.survey.last(), surviving.last());
    Err(Broken::new(INVARIANT, format!("the seals prove {proven} events, the lines are {read}")))
}
