//! The switches of language and theme.

use axum::extract::State as Shared;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::cookies::Cookie;
use super::language::Language;
use super::place;
use super::visitor::{Posted, Theme, is_local};
use crate::state::State;

#[derive(Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    language: String,
    #[serde(default)]
    theme: String,
    /// The page to go back to.
    #[serde(default)]
    back: String,
}

/// `POST /console/preferences`
pub(super) async fn choose(state: Shared<State>, posted: Posted<Choice>) -> Response {
    let Choice { language, theme, back } = posted.sent;
    let back = if is_local(&back) { back.as_str() } else { "/" };
    let mut response = Redirect::to(back).into_response();
    let language = Language::of(&language).map(|language| (Cookie::Language, language.code()));
    let theme = Theme::of(&theme).map(|theme| (Cookie::Theme, theme.code()));
    for (cookie, value) in [language, theme].into_iter().flatten() {
        if let Some(kept) = cookie.keep(value, place::is_secure(&state)) {
            response.headers_mut().append(header::SET_COOKIE, kept);
        }
    }
    response
}
