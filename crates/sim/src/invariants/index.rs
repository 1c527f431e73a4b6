//! The index answers what the naive bank says: statements, transactions by tx_id and by seq, past
//! balances, names, totals; after every recovery and during a life.

use engine::embedded::{Core, Reads, Recaller};
use engine::mirror::difference;
use engine::{Query, Reading, chain};
use journal::disk::SimDisk;
use ledger::model::Model;

use crate::asking::is_damage;
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "a reading of history is what the naive bank says";

/// Holds one reading against the naive bank, which stands where the engine is durable.
pub(crate) fn answers_as(bank: &Model, query: &Query<'_>, reading: &Reading, now_us: u64) -> Holds {
    match difference(bank, query, reading, now_us) {
        None => Ok(()),
        Some(found) => Err(Broken::new(INVARIANT, found)),
    }
}

/// After a crash the runs that had their names are whole and follow one another: a run gets its name
/// once it is durable. Only one that was harmed is dropped, with all behind it.
pub(crate) fn drops_nothing(dropped_count: usize, was_harmed: bool) -> Holds {
    const INVARIANT: &str = "an index that nobody harmed is found whole";
    if was_harmed || dropped_count == 0 {
        return Ok(());
    }
    Err(Broken::new(INVARIANT, format!("{dropped_count} runs were dropped")))
}

/// Asks an engine at rest; `None` when the index is damaged where the answer stands, which
/// `may_be_damaged` allows.
pub(crate) fn answer(
    core: &Core<SimDisk>,
    recaller: &Recaller<SimDisk>,
    query: &Query<'static>,
    now_us: u64,
    may_be_damaged: bool,
) -> Result<Option<Reading>, Broken> {
    match Reads::new(core, recaller).answer(query.clone(), now_us) {
        Ok(reading) => Ok(Some(reading)),
        Err(error) if may_be_damaged && is_damage(&error) => Ok(None),
        Err(error) => Err(Broken::new(INVARIANT, format!("{query:?} failed: {}", chain(&error)))),
    }
}
