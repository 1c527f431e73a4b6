//! Who looks at a page, and how they want it: found out before a handler runs.

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request, State as Shared};
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::cookies::Cookie;
use super::fault;
use super::language::Language;
use super::place;
use super::session::{self, Session};
use super::texts::Texts;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::State;

/// Longest address that a switch leads back to.
const BACK_BYTES_MAX: usize = 2_048;

/// How a page is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the system is.
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// The theme of this code; `None` for any other.
    pub(super) fn of(code: &str) -> Option<Self> {
        match code {
            "auto" => Some(Self::Auto),
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Everything about a request that every page needs.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) caller: Caller,
    pub(super) language: Language,
    pub(super) theme: Theme,
    pub(super) session: Session,
    /// Path and query of this page, for the switches to lead back to.
    pub(super) here: String,
}

impl Visitor {
    /// The words of the page.
    pub(super) fn texts(&self) -> &'static Texts {
        self.language.texts()
    }
}

impl FromRequestParts<State> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let caller =
            Caller::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        let is_secure = place::is_secure(state);
        let accepted =
            parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|text| text.to_str().ok());
        let language = Language::choose(Cookie::Language.of(&parts.headers, is_secure), accepted);
        let theme = Cookie::Theme.of(&parts.headers, is_secure).and_then(Theme::of);
        let Some(session) = parts.extensions.get::<Session>().cloned() else {
            return Err(failed("the request came around the session").into_response());
        };
        let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
        let here = if parts.method == Method::GET && is_local(here) { here } else { "/" };
        Ok(Self {
            caller,
            language,
            theme: theme.unwrap_or(Theme::Auto),
            session,
            here: here.to_owned(),
        })
    }
}

/// Whether an address leads nowhere but to this server: a path alone. Browsers read `//` and `/\` as
/// the beginning of a host.
pub(super) fn is_local(address: &str) -> bool {
    let mut bytes = address.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && address.len() <= BACK_BYTES_MAX
        && address.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A form that one of our own pages sent: its origin and its token are looked at before it is read,
/// so that no handler can forget to.
pub(super) struct Posted<T> {
    pub(super) visitor: Visitor,
    pub(super) sent: T,
}

#[derive(Deserialize)]
struct Envelope<T> {
    #[serde(default)]
    token: String,
    #[serde(flatten)]
    sent: T,
}

impl<T: DeserializeOwned> FromRequest<State> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &State) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, state).await?;
        let is_ours = session::comes_from_us(&parts.headers);
        let request = Request::from_parts(parts, body);
        let read = Form::<Envelope<T>>::from_request(request, state).await;
        match read {
            Ok(Form(Envelope { token, sent })) if is_ours && visitor.session.gave(&token) => {
                Ok(Self { visitor, sent })
            }
            Ok(_) => Err(fault::foreign_form(state, &visitor)),
            Err(rejection) => Err(fault::unreadable_form(state, &visitor, rejection.status())),
        }
    }
}

/// Finds the browser's session or begins one, and has pages kept by nobody.
pub(super) async fn keep_session(
    state: Shared<State>,
    mut request: Request,
    next: Next,
) -> Response {
    let is_secure = place::is_secure(&state);
    let known = Cookie::Session.of(request.headers(), is_secure).and_then(Session::of);
    let is_new = known.is_none();
    let session = match known.map_or_else(Session::new, Ok) {
        Ok(session) => session,
        Err(why) => return failed(why.to_string()).into_response(),
    };
    request.extensions_mut().insert(session.clone());
    let mut response = next.run(request).await;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(header::HeaderValue::from_static("no-store"));
    // Where no page may say where it comes from, a browser gives its forms the origin `null`.
    headers
        .entry(header::REFERRER_POLICY)
        .or_insert(header::HeaderValue::from_static("same-origin"));
    if is_new && let Some(kept) = Cookie::Session.keep(session.cookie(), is_secure) {
        headers.append(header::SET_COOKIE, kept);
    }
    response
}

fn failed(why: impl Into<String>) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_leads_back_to_this_server_alone() {
        for address in ["/", "/accounts?prefix=a", "/account?name=%2F%2Fevil"] {
            assert!(is_local(address), "{address}");
        }
        for address in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "a", "/a\r\nb"]
        {
            assert!(!is_local(address), "{address}");
        }
        assert!(!is_local(&format!("/{}", "a".repeat(BACK_BYTES_MAX))));
    }

    #[test]
    fn each_theme_is_found_again_by_its_code() {
        for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
            assert_eq!(Theme::of(theme.code()), Some(theme));
        }
        assert_eq!(Theme::of("sepia"), None);
    }
}
