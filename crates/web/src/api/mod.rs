//! For programs: `/api/v1`, and whether the server lives and may serve.

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use engine::{Query, Reading};
use serde_json::json;

use axum::http::StatusCode;

use crate::problem::Problem;
use crate::state::State;

/// The routes of the API.
pub(crate) fn router() -> Router<State> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

/// The process answers.
async fn alive() -> &'static str {
    "ok\n"
}

/// The bank answers: what keeps it can be read, and the server is not about to stop.
async fn ready(state: Shared<State>) -> Response {
    if state.stop().is_cancelled() {
        return not_ready("the server is shutting down");
    }
    match state.engine().read(Query::Totals).await.as_ref().map(Reading::as_of) {
        Ok(seq) => Json(json!({"ready": true, "seq": seq.get()})).into_response(),
        Err(why) => not_ready(why.to_string()),
    }
}

fn not_ready(why: impl Into<String>) -> Response {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", why).into_response()
}
