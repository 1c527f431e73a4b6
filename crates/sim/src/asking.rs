//! Asking an engine at rest: everything that was staged is durable and in the index.

use engine::embedded::{Core, Executed, Now, ReadError, Recaller};
use engine::{Outcome, Request, chain};
use history::HistoryError;
use journal::disk::SimDisk;
use ledger::Seq;

/// Executes a request to its outcome, at time zero. Errors: what could not be recalled.
pub(crate) fn ask<'a>(
    core: &Core<SimDisk>,
    recaller: &Recaller<SimDisk>,
    request: Request<'a>,
) -> Result<Outcome<'a>, String> {
    let now = Now { us: 0, seq_durable: Seq::ZERO };
    let (mut request, mut recalled) = (request, None);
    // What was recalled at rest stands, so the second time decides.
    for _ in 0..2 {
        match core.execute(request, recalled.as_ref(), now) {
            Executed::Outcome(outcome) => return Ok(outcome),
            Executed::Recall(same, recall) => {
                let tx_id = same.tx_id().ok_or("a reading wants to recall")?;
                recalled = Some(recaller.recall(tx_id, &recall).map_err(|error| chain(&error))?);
                request = same;
            }
        }
    }
    Err("it wants to recall again and again".to_owned())
}

/// Whether a damaged part of the index is the cause.
pub(crate) fn is_damage(error: &(dyn std::error::Error + 'static)) -> bool {
    let is_it = |error: &(dyn std::error::Error + 'static)| {
        matches!(
            error.downcast_ref::<ReadError>(),
            Some(ReadError::Index(HistoryError::Damaged { .. }))
        )
    };
    is_it(error) || error.source().is_some_and(is_it)
}
