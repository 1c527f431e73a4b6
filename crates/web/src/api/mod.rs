//! For programs: `/api/v1`, and whether the server lives and may serve.
//!
//! `write`, `read`, `events`, `status` and `care` are the resources; `wire` makes lines of what is asked
//! and answers of replies, `body`, `idempotency` and `etag` are the parts of HTTP that they share; `schema`
//! and `document` describe all of it.

mod body;
mod care;
pub(crate) mod document;
mod etag;
mod events;
mod idempotency;
mod read;
mod schema;
mod status;
mod wire;
mod write;

use axum::Router;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::State;

/// The routes of the API.
pub(crate) fn router() -> Router<State> {
    let (routes, _) = described().split_for_parts();
    routes
        .route("/healthz", get(status::alive))
        .route("/readyz", get(status::ready))
        .route("/api/v1/openapi.json", get(document::json))
}

/// The resources, each with its description.
fn described() -> OpenApiRouter<State> {
    let resources = OpenApiRouter::new()
        .routes(routes!(write::deposit))
        .routes(routes!(write::withdraw))
        .routes(routes!(write::transfer))
        .routes(routes!(write::init))
        .routes(routes!(write::resolve))
        .routes(routes!(read::accounts))
        .routes(routes!(read::account))
        .routes(routes!(read::statement))
        .routes(routes!(read::transactions))
        .routes(routes!(read::transaction))
        .routes(routes!(read::totals))
        .routes(routes!(events::events))
        .routes(routes!(status::status))
        .routes(routes!(care::verify, care::verification))
        .routes(routes!(care::checkpoint))
        .routes(routes!(care::shutdown));
    OpenApiRouter::new().nest("/api/v1", resources)
}
