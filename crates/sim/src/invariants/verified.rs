//! `verify` proves every folder that recovery took, and counts what is there.

use journal::Proof;
use ledger::Event;
use ledger::model::Model;

use crate::image::Image;
use crate::order::{History, Surviving};
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "verify proves what recovery took";

/// Runs `verify` on `image` and holds its figures against the naive bank.
pub(crate) fn agrees(
    image: &Image,
    surviving: &Surviving<'_>,
    bank: &Model,
    history: &History,
) -> Holds {
    let proof = journal::verify(image, Some(surviving.survey.seal()), |_| {})
        .map_err(|error| Broken::new(INVARIANT, format!("it says: {error}")))?;
    let refusals = history.events().iter();
    let refusals = refusals.filter(|staged| matches!(staged.event, Event::Refused(_))).count();
    let Proof { last, accounts_count, sum, world, refusals_count, seal, .. } = proof;
    let same = last == history.last()
        && accounts_count == bank.balances().len() as u64
        && sum == bank.balances().values().sum::<i128>()
        && world == bank.world()
        && refusals_count == refusals as u64
        && seal == surviving.survey.seal();
    if same { Ok(()) } else { Err(Broken::new(INVARIANT, format!("its figures: {proof:?}"))) }
}
