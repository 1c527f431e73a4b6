//! What is looked at before a request reaches anybody, and the headers with which every answer
//! leaves.

use axum::extract::{Request, State as Shared};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;
use crate::state::State;

/// What a browser may do with a page of ours: use our own scripts, styles and pictures, and nothing
/// from elsewhere; no page may frame it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'self'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // Who may keep an answer says so: money moves, and caches are shared.
    (header::CACHE_CONTROL, "no-store"),
];

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Turns away what is for another host or comes from another site, and sets the headers of safety on
/// every answer.
pub(crate) async fn look(state: Shared<State>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&state, &request) {
        None => next.run(request).await,
        Some(problem) => problem.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn refusal(state: &State, request: &Request) -> Option<Problem> {
    if !is_for_us(state, request.headers()) {
        return Some(Problem::of(
            "unknown_host",
            "the Host header names none of this server's names",
        ));
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    (changes && is_from_elsewhere(request.headers()))
        .then(|| Problem::of("cross_site", "a page of another site sent this request"))
}

/// Whether a browser says that a page of another site sent this. Other clients say nothing of the
/// kind, and are no way in for somebody else's page.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let is_own = |site: &HeaderValue| site == "same-origin" || site == "none";
    if headers.get_all(FETCH_SITE).iter().any(|site| !is_own(site)) {
        return true;
    }
    headers.get_all(header::ORIGIN).iter().any(|origin| !is_own_origin(headers, origin))
}

/// Whether an origin is the very host that was asked, port included.
fn is_own_origin(headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    match (origin, asked) {
        (Some(("http" | "https", authority)), Some(asked)) => authority.eq_ignore_ascii_case(asked),
        _ => false,
    }
}

/// Whether the one host header names this door: a name that is not on the list leads here by somebody
/// else's doing (DNS rebinding).
fn is_for_us(state: &State, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(|host| is_own_name(state, host))
}

/// Whether a name, with a port or without, is one of this door's.
fn is_own_name(state: &State, host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // The colons of an address of version 6 stand in brackets.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let own = state.bound().ip();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip == own || ip.is_loopback())
        || state.options().hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
}
