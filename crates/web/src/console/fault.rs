//! Pages that say what went wrong.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::frame::{Frame, Section, page_with};
use super::visitor::Visitor;
use crate::problem::Problem;
use crate::state::State;

#[derive(Template)]
#[template(path = "fault.html")]
struct Fault {
    f: Frame,
    title: &'static str,
    text: String,
    /// The stable code, where there is one.
    code: String,
}

fn fault(
    state: &State,
    visitor: &Visitor,
    status: StatusCode,
    title: &'static str,
    text: impl Into<String>,
) -> Response {
    let f = Frame::new(state, visitor, Section::Nowhere);
    page_with(status, &Fault { f, title, text: text.into(), code: String::new() })
}

/// What a problem says, as a member of its document; empty when it says nothing of it.
pub(super) fn member(problem: &Problem, name: &str) -> String {
    let document = serde_json::to_value(problem).unwrap_or_default();
    document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The bank or access control said no, as a page.
pub(super) fn of_problem(state: &State, visitor: &Visitor, problem: &Problem) -> Response {
    let status = serde_json::to_value(problem)
        .ok()
        .and_then(|document| document.get("status").and_then(Value::as_u64))
        .and_then(|status| u16::try_from(status).ok())
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let f = Frame::new(state, visitor, Section::Nowhere);
    let title = if status == StatusCode::FORBIDDEN {
        f.t.not_allowed
    } else if status == StatusCode::SERVICE_UNAVAILABLE {
        f.t.not_at_the_moment
    } else {
        f.t.something_failed
    };
    let (text, code) = (member(problem, "detail"), member(problem, "code"));
    page_with(status, &Fault { f, title, text, code })
}

/// There is nothing of this name.
pub(super) fn not_found(state: &State, visitor: &Visitor, text: &'static str) -> Response {
    fault(state, visitor, StatusCode::NOT_FOUND, visitor.texts().not_found, text)
}

/// What the address asks for is none.
pub(super) fn bad_address(state: &State, visitor: &Visitor) -> Response {
    let texts = visitor.texts();
    fault(state, visitor, StatusCode::BAD_REQUEST, texts.bad_address, texts.bad_address_text)
}

/// A form that we did not give to this browser.
pub(super) fn foreign_form(state: &State, visitor: &Visitor) -> Response {
    let texts = visitor.texts();
    fault(state, visitor, StatusCode::FORBIDDEN, texts.foreign_form, texts.foreign_form_text)
}

/// A form that is none of ours.
pub(super) fn unreadable_form(state: &State, visitor: &Visitor, status: StatusCode) -> Response {
    let texts = visitor.texts();
    fault(state, visitor, status, texts.unreadable_form, texts.unreadable_form_text)
}
