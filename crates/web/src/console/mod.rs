//! For people: pages that the server writes, in English and Portuguese.

use axum::Router;

use crate::state::State;

/// The routes of the console.
pub(crate) fn router() -> Router<State> {
    Router::new()
}
