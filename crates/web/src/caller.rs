//! Who asks, found out before a handler runs, and the one way by which handlers reach the bank.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use engine::{Outcome, Query, Reading, Request};
use protocol::Code;
use server::No;
use server::access::{Act, Principal};

use crate::problem::Problem;
use crate::state::State;

/// Who asks. Every handler takes one, so that none forgets to find out.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Everybody, where access control is off. Where it is on, such a caller may do nothing.
    who: Principal,
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let access = state.desk().access();
        if !access.is_on() {
            return Ok(Self { who: Principal::open() });
        }
        let token = bearer(&parts.headers).ok_or_else(|| {
            Problem::coded(Code::Unauthenticated, "this server wants to know who asks")
        })?;
        // Unknown, ended and expired look alike: only who has a token learns what became of it.
        let who = access
            .token(token)
            .map_err(|_denied| Problem::coded(Code::Unauthenticated, "this token opens nothing"))?;
        Ok(Self { who })
    }
}

/// The token of a request, in the form of RFC 6750, section 2.1; one header and no other form.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

impl State {
    /// Whether `caller` may do `act`, which names no account.
    pub(crate) fn may(&self, caller: &Caller, act: Act) -> Result<(), Problem> {
        self.desk().may(&caller.who, act, []).map_err(refused)
    }

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
