//! Errors in the form of RFC 9457: `application/problem+json`.

use axum::Json;
use axum::http::header::{self, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use engine::Unavailable;
use serde::Serialize;

/// What went wrong, for programs and for people.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    /// A page that explains it.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    /// The stable code, as on the wire.
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{code}"),
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            hint: None,
        }
    }

    /// The engine did nothing, or cannot read at the moment.
    pub(crate) fn unavailable(why: Unavailable) -> Self {
        let status = match why {
            Unavailable::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Unavailable::JournalStopped => StatusCode::INTERNAL_SERVER_ERROR,
            Unavailable::ShuttingDown
            | Unavailable::IndexDamaged
            | Unavailable::IndexUnreadable
            | Unavailable::JournalUnreadable
            | Unavailable::DatabaseUnreachable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, server::code_of(why).as_str(), why.to_string())
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// Nothing is at this path.
pub(crate) async fn no_such_page(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown_route", format!("nothing is at {}", uri.path()))
        .hint("the API is under /api/v1, its description at /docs")
}
