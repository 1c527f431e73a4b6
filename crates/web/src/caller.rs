//! Who asks, found out before a handler runs, and the one way by which handlers reach the bank.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use engine::{Outcome, Query, Reading, Request};

use crate::problem::Problem;
use crate::state::State;

/// Who asks. Every handler takes one, so that none forgets to find out.
#[derive(Clone, Debug)]
pub(crate) struct Caller {}

/// What is asked of the server rather than of the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Status,
    Verify,
    Checkpoint,
    Shutdown,
}

impl FromRequestParts<State> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &State) -> Result<Self, Infallible> {
        Ok(Self {})
    }
}

impl State {
    /// Whether `caller` may do `act`. Without access control everybody on this machine may.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "one way for every door")]
    pub(crate) fn may(&self, _: &Caller, _: Act) -> Result<(), Problem> {
        Ok(())
    }

    /// Runs one request of `caller` and returns once its outcome is durable.
    pub(crate) async fn ask(
        &self,
        _: &Caller,
        request: Request<'static>,
    ) -> Result<Outcome<'_>, Problem> {
        let mut batch = vec![request];
        loop {
            let mut answered = self.engine().execute(batch).await;
            match answered.outcomes.pop() {
                Some(outcome) => return Ok(outcome),
                None => batch = answered.rest,
            }
        }
    }

    /// Answers a question of `caller` about history, at a durable position.
    pub(crate) async fn read(&self, _: &Caller, query: Query<'_>) -> Result<Reading, Problem> {
        self.engine().read(query).await.map_err(Problem::unavailable)
    }
}
