//! Errors in the form of RFC 9457: `application/problem+json`. The status, the title and the hint of a
//! code stand in [`codes`]; what the wire says about a refusal is taken over from its reply.
//!
//! **Invariant:** [`complete`] sees every problem on its way out, and adds what only the request tells.

pub(crate) mod codes;

use axum::Json;
use axum::extract::{Request, State as Shared};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::Unavailable;
use protocol::{Code, Refusal};
use serde::{Deserialize, Serialize};

use crate::request_id::RequestId;
use crate::state::State;

/// Says that the answer is that of an earlier request.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How long a client does well to wait before it asks again, when nobody knows better: seconds.
const RETRY_AFTER_S: u32 = 1;

/// What went wrong, for programs and for people.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    /// A page that explains it.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    /// What was asked: the path. Added on the way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The stable code, as on the wire.
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Whether the very same request can be answered otherwise later.
    retryable: bool,
    /// Added on the way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// The position of the log that the answer reflects. Added on the way out where it says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<u64>,
    #[serde(flatten)]
    standing: Standing,
    #[serde(skip)]
    retry_after_s: u32,
}

/// What the wire has beside a refusal.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Standing {
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tx_id: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

/// A refusal as the wire has it.
#[derive(Deserialize)]
struct OfTheWire {
    error: String,
    code: String,
    as_of: u64,
    #[serde(flatten)]
    standing: Standing,
}

impl Problem {
    /// A problem with a code of the table; `status` is the table's where it has the code.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let entry = codes::entry(code);
        let status = entry.map_or(status, |entry| entry.status);
        Self {
            kind: format!("/problems/{code}"),
            title: entry
                .map_or(status.canonical_reason().unwrap_or("Problem"), |entry| entry.title),
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            code,
            hint: entry.map(|entry| entry.remedy.to_owned()),
            retryable: entry.is_some_and(|entry| entry.retryable),
            request_id: None,
            as_of: None,
            standing: Standing::default(),
            retry_after_s: RETRY_AFTER_S,
        }
    }

    /// A problem with the status that the table has for `code`.
    pub(crate) fn of(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, detail)
    }

    /// The same for a code of the wire.
    pub(crate) fn coded(code: Code, detail: impl Into<String>) -> Self {
        Self::of(code.as_str(), detail)
    }

    /// The fields do not make a request together.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::coded(Code::InvalidRequest, detail)
    }

    /// What was sent is no request.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self::coded(refusal.code(), refusal.to_string())
    }

    /// From a reply of the wire that says no.
    pub(crate) fn of_reply(line: &[u8]) -> Self {
        let Ok(OfTheWire { error, code, as_of, standing }) = serde_json::from_slice(line) else {
            return Self::coded(Code::Internal, "the answer cannot be told");
        };
        let code = Code::of(&code).unwrap_or(Code::Internal);
        Self { as_of: Some(as_of), standing, ..Self::coded(code, error) }
    }

    /// The engine did nothing, or cannot read at the moment.
    pub(crate) fn unavailable(why: Unavailable) -> Self {
        Self::coded(server::code_of(why), why.to_string())
    }

    /// Something that cannot be; what it was stands in the log.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(target: "web", event = "internal", %error, "a request failed");
        Self::coded(Code::Internal, "this should not happen; see the log")
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after_s));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.standing.duplicate {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Adds to a problem what only the request and the engine tell.
pub(crate) async fn complete(state: Shared<State>, request: Request, next: Next) -> Response {
    let instance = request.uri().path().to_owned();
    let request_id = request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned());
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let durable = state.engine().seq_durable().get();
    let as_of = problem.as_of.unwrap_or(durable);
    let whole = Problem { instance: Some(instance), request_id, as_of: Some(as_of), ..problem };
    // What a handler set beside the problem, such as Allow, stays.
    let headers = response.headers().clone();
    let mut answer = whole.into_response();
    answer.extensions_mut().remove::<Problem>();
    for (name, value) in &headers {
        if name != header::CONTENT_LENGTH {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// Nothing is at this path.
pub(crate) async fn no_such_page(uri: Uri) -> Problem {
    Problem::of("unknown_route", format!("nothing is at {}", uri.path()))
}

/// Something is at this path, and not with this method.
pub(crate) async fn no_such_method(request: Request) -> Problem {
    let detail = format!("{} is not taken by {}", request.method(), request.uri().path());
    Problem::of("method_not_allowed", detail)
}
