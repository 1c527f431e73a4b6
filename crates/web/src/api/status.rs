//! Whether the server lives, may serve, and what it is.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{RawQuery, State as Shared};
use axum::response::{IntoResponse as _, Response};
use engine::{Query, Reading};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::wire::Params;
use crate::caller::{Act, Caller};
use crate::facts::Keeper;
use crate::problem::Problem;
use crate::state::State;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The bank answers: what keeps it can be read, and the server is not about to stop.
pub(super) async fn ready(state: Shared<State>) -> Response {
    match readiness(&state).await {
        Ok(seq) => Json(json!({"ready": true, "seq": seq})).into_response(),
        Err(why) => Problem::of("not_ready", why).into_response(),
    }
}

/// The position that the bank answers at, or why it does not.
async fn readiness(state: &State) -> Result<u64, String> {
    if state.stop().is_cancelled() {
        return Err("the server is shutting down".to_owned());
    }
    match state.engine().read(Query::Totals).await.as_ref().map(Reading::as_of) {
        Ok(seq) => Ok(seq.get()),
        Err(why) => Err(why.to_string()),
    }
}

/// What this server is, and how it is.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    ok: bool,
    version: &'static str,
    /// `folder` or `database`: who keeps the bank.
    engine: &'static str,
    /// The ledger's own name, where a folder keeps the bank.
    ledger: Option<String>,
    currency: Option<String>,
    /// The highest seq that is known to be durable.
    seq: u64,
    ready: bool,
    /// Microseconds since the Unix epoch.
    started_at: u64,
    uptime_seconds: u64,
    addresses: Addresses,
    connections: Connections,
    as_of: u64,
}

/// Where clients connect.
#[derive(Serialize, ToSchema)]
pub(super) struct Addresses {
    tcp: Option<String>,
    http: String,
}

/// Who is connected at the moment.
#[derive(Serialize, ToSchema)]
pub(super) struct Connections {
    /// Over HTTP, this one included.
    http: usize,
    http_max: usize,
    /// Streams of events.
    streams: usize,
    streams_max: usize,
}

/// What this server is, and how it is.
#[utoipa::path(get, path = "/status", tag = "server",
    responses((status = 200, description = "The server.", body = Status,
        example = json!({"ok": true, "version": "0.1.0", "engine": "folder", "ledger": "7f3a91c2", "currency": "BRL",
            "seq": 6, "ready": true, "started_at": 1764000000000000i64, "uptime_seconds": 60,
            "addresses": {"tcp": "127.0.0.1:5000", "http": "127.0.0.1:5080"},
            "connections": {"http": 1, "http_max": 1000, "streams": 0, "streams_max": 256}, "as_of": 6}))))]
pub(super) async fn status(
    state: Shared<State>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Status>, Problem> {
    Params::read(query.as_deref(), &[])?;
    state.may(&caller, Act::Status)?;
    let ready = readiness(&state).await.is_ok();
    let seq = state.engine().seq_durable().get();
    let facts = state.facts();
    let (started_at, started) = state.started();
    Ok(Json(Status {
        ok: true,
        version: facts.version,
        engine: match facts.keeper {
            Keeper::Folder => "folder",
            Keeper::Database => "database",
        },
        ledger: facts.ledger.clone(),
        currency: facts.currency.clone(),
        seq,
        ready,
        started_at: micros(started_at),
        uptime_seconds: started.elapsed().as_secs(),
        addresses: Addresses {
            tcp: facts.lines.map(|address| address.to_string()),
            http: state.bound().to_string(),
        },
        connections: Connections {
            http: state.connections_count(),
            http_max: state.options().connections_max,
            streams: state.streams_count(),
            streams_max: state.options().streams_max,
        },
        as_of: seq,
    }))
}

/// Microseconds since the Unix epoch; 0 for a clock that stands before it.
pub(super) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
