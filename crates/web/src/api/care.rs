//! What keeps a bank well: verify, checkpoint, stop.

use axum::Json;
use axum::extract::{RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use protocol::{Code, reply};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::NoBody;
use super::status::micros;
use super::wire::{Params, set};
use crate::caller::{Act, Caller};
use crate::facts::{Care, Proven};
use crate::options::VERIFY_EVENTS_MAX;
use crate::problem::Problem;
use crate::state::State;

/// How the last verification stands.
#[derive(Serialize, ToSchema)]
pub(super) struct VerificationReply {
    ok: bool,
    /// `never`, `running`, `proven` or `failed`.
    state: &'static str,
    /// The event that it has come to.
    seq: u64,
    /// Microseconds since the Unix epoch.
    started_at: Option<u64>,
    ended_at: Option<u64>,
    /// What was proven.
    accounts: Option<u64>,
    /// What all accounts hold together, in minor units.
    #[schema(value_type = Option<i64>)]
    sum: Option<i128>,
    /// The hash of the last seal: keep it elsewhere.
    last_seal: Option<String>,
    /// What does not hold.
    error: Option<String>,
    as_of: u64,
}

/// Proves the whole history in the background, from its first seal on.
#[utoipa::path(post, path = "/verify", tag = "server",
    responses((status = 202, description = "It has begun; watch it at `GET /verify`.", body = VerificationReply,
        example = json!({"ok": true, "state": "running", "seq": 0, "started_at": 1764000000000000i64, "ended_at": null,
            "accounts": null, "sum": null, "last_seal": null, "error": null, "as_of": 6}))))]
pub(super) async fn verify(
    state: Shared<State>,
    caller: Caller,
    RawQuery(query): RawQuery,
    _: NoBody,
) -> Result<Response, Problem> {
    Params::read(query.as_deref(), &[])?;
    state.may(&caller, Act::Verify)?;
    let verify = care(&state)?.verify.clone();
    if state.engine().seq_durable().get() > VERIFY_EVENTS_MAX {
        let detail = format!("the history has more than {VERIFY_EVENTS_MAX} events");
        return Err(Problem::of("verify_elsewhere", detail));
    }
    match state.verification().begin(move |tell| verify(tell)) {
        Ok(true) => {}
        Ok(false) => {
            return Err(Problem::of("verify_running", "a verification is running already"));
        }
        Err(error) => return Err(Problem::coded(Code::Overloaded, error.to_string())),
    }
    let mut response = (StatusCode::ACCEPTED, Json(standing(&state))).into_response();
    set(&mut response, header::LOCATION, "/api/v1/verify");
    Ok(response)
}

/// How the last verification stands.
#[utoipa::path(get, path = "/verify", tag = "server",
    responses((status = 200, description = "Its progress or its end.", body = VerificationReply,
        example = json!({"ok": true, "state": "proven", "seq": 6, "started_at": 1764000000000000i64,
            "ended_at": 1764000000100000i64, "accounts": 2, "sum": 152500, "last_seal": "9c41", "error": null, "as_of": 6}))))]
pub(super) async fn verification(
    state: Shared<State>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<VerificationReply>, Problem> {
    Params::read(query.as_deref(), &[])?;
    state.may(&caller, Act::Verify)?;
    care(&state)?;
    Ok(Json(standing(&state)))
}

/// Makes a checkpoint now, so that the next start reads less of the log.
#[utoipa::path(post, path = "/checkpoint", tag = "server",
    responses((status = 200, description = "It is made.", body = Done,
        example = json!({"ok": true, "msg": "checkpoint made"}))))]
pub(super) async fn checkpoint(
    state: Shared<State>,
    caller: Caller,
    RawQuery(query): RawQuery,
    _: NoBody,
) -> Result<Response, Problem> {
    Params::read(query.as_deref(), &[])?;
    state.may(&caller, Act::Checkpoint)?;
    let checkpoint = care(&state)?.checkpoint.clone();
    let _one_at_a_time = state.checkpointing().lock().await;
    match tokio::task::spawn_blocking(move || checkpoint()).await {
        Ok(Ok(())) => {
            let made = "{\"ok\":true,\"msg\":\"checkpoint made\"}\n";
            Ok(([(header::CONTENT_TYPE, "application/json")], made).into_response())
        }
        Ok(Err(why)) => Err(Problem::of("checkpoint_failed", why)),
        // A panic is a bug, here as on every thread of the bank.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// It is done.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape is described, never built")]
pub(super) struct Done {
    ok: bool,
    msg: String,
}

/// Stops the server in good order: what was received is answered first.
#[utoipa::path(post, path = "/shutdown", tag = "server",
    responses((status = 200, description = "It stops.", body = Done,
        example = json!({"ok": true, "msg": "shutting down"}))))]
pub(super) async fn shutdown(
    state: Shared<State>,
    caller: Caller,
    RawQuery(query): RawQuery,
    _: NoBody,
) -> Result<Response, Problem> {
    Params::read(query.as_deref(), &[])?;
    state.may(&caller, Act::Shutdown)?;
    let mut line = Vec::new();
    reply::shutting_down(&mut line);
    state.stop().cancel();
    Ok(([(header::CONTENT_TYPE, "application/json")], line).into_response())
}

/// What this bank can be told to do; a database sees to that itself.
fn care(state: &State) -> Result<&Care, Problem> {
    let none = || Problem::of("not_with_a_database", "a database keeps this bank");
    state.facts().care.as_ref().ok_or_else(none)
}

fn standing(state: &State) -> VerificationReply {
    let standing = state.verification().standing();
    let mut reply = VerificationReply {
        ok: true,
        state: if standing.started_at.is_some() { "running" } else { "never" },
        seq: standing.seq,
        started_at: standing.started_at.map(micros),
        ended_at: None,
        accounts: None,
        sum: None,
        last_seal: None,
        error: None,
        as_of: state.engine().seq_durable().get(),
    };
    let Some((ended_at, ended)) = standing.ended else { return reply };
    reply.ended_at = Some(micros(ended_at));
    match ended {
        Ok(Proven { seq, accounts_count, sum, seal }) => {
            reply.state = "proven";
            reply.seq = seq;
            reply.accounts = Some(accounts_count);
            reply.sum = Some(sum);
            reply.last_seal = Some(seal);
        }
        Err(why) => {
            reply.state = "failed";
            reply.error = Some(why);
        }
    }
    reply
}
