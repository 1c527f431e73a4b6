//! Who asks, found out before a handler runs, and the one way by which handlers reach the bank.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use engine::{Outcome, Query, Reading, Request};
use server::No;
use server::access::Principal;

use crate::problem::Problem;
use crate::state::State;

/// Who asks. Every handler takes one, so that none forgets to find out.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Everybody, where access control is off. Where it is on, such a caller may do nothing.
    who: Principal,
}

impl FromRequestParts<State> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &State) -> Result<Self, Infallible> {
        Ok(Self { who: Principal::open() })
    }
}

impl State {
    /// Runs one request of `caller` and returns once its outcome is durable.
    pub(crate) async fn ask(
        &self,
        caller: &Caller,
        request: Request<'static>,
    ) -> Result<Outcome<'_>, Problem> {
        self.desk().ask(&caller.who, request).await.map_err(refused)
    }

    /// Answers a question of `caller` about history, at a durable position.
    pub(crate) async fn read(&self, caller: &Caller, query: Query<'_>) -> Result<Reading, Problem> {
        self.desk().read(&caller.who, query).await.map_err(refused)
    }
}

/// The desk's no.
fn refused(no: No) -> Problem {
    let status = match no {
        No::Unauthenticated => StatusCode::UNAUTHORIZED,
        No::Forbidden(_) => StatusCode::FORBIDDEN,
        No::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        No::Limit(_) => StatusCode::UNPROCESSABLE_ENTITY,
        No::TooManyFollowers(_) => StatusCode::SERVICE_UNAVAILABLE,
        No::Unavailable(why) => return Problem::unavailable(why),
    };
    Problem::new(status, no.code().as_str(), no.to_string())
}
