//! What the clients were told, and what they wait for.

use engine::{Outcome, Request};
use ledger::Seq;

/// A request with what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) request: Request<'static>,
    pub(crate) outcome: Outcome<'static>,
}

impl Reply {
    /// The reply may be given once this is durable.
    pub(crate) fn rests_on(&self) -> Seq {
        self.outcome.rests_on()
    }
}
