//! The index answers what the naive bank says: statements, transactions by tx_id and by seq, past
//! balances, names, totals; after every recovery and during a life.

use engine::embedded::{Core, Reads, Recaller};
use engine::mirror::difference;
use engine::{Query, Reading};
use journal::disk::SimDisk;
use ledger::model::Model;

use crate::asking::chain;
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "a reading of history is what the naive bank says";

/// Holds one reading against the naive bank, which stands where the engine is durable.
pub(crate) fn answers_as(bank: &Model, query: &Query<'_>, reading: &Reading, now_us: u64) -> Holds {
    match difference(bank, query, reading, now_us) {
        None => Ok(()),
        Some(found) => Err(Broken::new(INVARIANT, found)),
    }
}

/// Asks an engine at rest.
pub(crate) fn answer(
    core: &Core<SimDisk>,
    recaller: &Recaller<SimDisk>,
    query: &Query<'static>,
    now_us: u64,
) -> Result<Reading, Broken> {
    let reading = Reads::new(core, recaller).answer(query.clone(), now_us);
    reading.map_err(|error| Broken::new(INVARIANT, format!("{query:?} failed: {}", chain(&error))))
}
