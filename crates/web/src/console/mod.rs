//! For people: pages that the server writes, in English and Portuguese. They work without scripts,
//! for reading and for forms; scripts add what moves.
//!
//! * `visitor` finds out who looks and how they want it; `session` and `cookies` are how;
//! * `frame` is what stands around every page, `texts` and `language` its words, `money`, `moments` and
//!   `names` how values are shown;
//! * `overview`, `accounts`, `account`, `list`, `transaction`, `moving`, `integrity` and `settings` are
//!   the pages; `live` is the stream that moves them.
//!
//! Not here: who may do what (`caller`), what a request does (`engine`).
//!
//! **Invariant:** whatever changes something is a [`visitor::Posted`]: its origin and its token are
//! looked at before it is read.
//! **Invariant:** a page holds no script and no style of its own, and its templates escape all texts.

mod account;
mod accounts;
mod assets;
mod commands;
mod cookies;
mod fault;
mod frame;
mod integrity;
mod language;
mod list;
mod live;
mod moments;
mod money;
mod moving;
mod names;
mod overview;
mod place;
mod preferences;
mod rows;
mod session;
mod settings;
mod texts;
mod transaction;
mod visitor;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};

use crate::state::State;

/// The routes of the console.
pub(crate) fn router(state: State) -> Router<State> {
    let pages = Router::new()
        .route("/", get(overview::show))
        .route("/accounts", get(accounts::show))
        .route("/account", get(account::show))
        .route("/transactions", get(list::show))
        .route("/transactions/{seq}", get(transaction::show))
        .route("/transaction", get(transaction::by_tx_id))
        .route("/new/{kind}", get(moving::show).post(moving::post))
        .route("/integrity", get(integrity::show).post(integrity::act))
        .route("/settings", get(settings::show))
        .route("/console/preferences", post(preferences::choose))
        .route("/console/data/balance", get(account::points))
        .route("/console/data/holds", get(moving::hint))
        .route("/console/live", get(live::stream));
    pages
        .layer(middleware::from_fn_with_state(state, visitor::keep_session))
        .merge(assets::router())
}
