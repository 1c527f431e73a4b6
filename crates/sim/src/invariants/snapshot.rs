//! Once a checkpoint was reported published, `state.json` is whole and recovery starts from it: no
//! crash makes it fall back, and none ever leaves a snapshot that is not whole.

use journal::{Report, SNAPSHOT};

use crate::checkpoints::Checkpoints;
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "recovery starts from the newest published snapshot, which is whole";

/// Holds what recovery says that it used against what checkpoints reported.
pub(crate) fn is_used(report: &Report, checkpoints: &Checkpoints) -> Holds {
    let Checkpoints { published, attempted } = checkpoints;
    let expected = match report.snapshot {
        None => published.is_none(),
        Some((name, seq)) => {
            // A failed sync can leave one that was never reported under its second name alone.
            let named = name == SNAPSHOT || published.is_none();
            named && (*published == Some(seq) || attempted.contains(&seq))
        }
    };
    if expected && report.snapshots_damaged.is_empty() {
        return Ok(());
    }
    let used = format!("used {:?}, damaged {:?}", report.snapshot, report.snapshots_damaged);
    Err(Broken::new(INVARIANT, format!("{used}; {checkpoints:?}")))
}

/// After a clean stop the journal is found whole; it is called clean when a snapshot of exactly its
/// end bears witness to that, which the last checkpoint leaves unless there was no room for one.
pub(crate) fn covers_a_clean_stop(report: &Report) -> Holds {
    const INVARIANT: &str = "a clean stop is found as one";
    let witnessed = report.snapshot.is_some_and(|(_, seq)| seq == report.last);
    if report.was_clean == witnessed && report.torn_tail.is_none() {
        return Ok(());
    }
    Err(Broken::new(INVARIANT, format!("{report:?}")))
}
