//! The body of a request: JSON, of a bounded size, within a bounded time.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse as _;
use protocol::Code;
use tokio::time::timeout;

use crate::options::BODY_BYTES_MAX;
use crate::problem::Problem;
use crate::state::State;

/// The bytes of a body that says it is JSON. What they say is judged by who reads them.
pub(crate) struct JsonBody(pub(crate) Bytes);

impl FromRequest<State> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "what changes something is sent as application/json";
            return Err(Problem::of("unsupported_media_type", detail));
        }
        match timeout(state.options().body_timeout, Bytes::from_request(request, state)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(rejection)) => Err(not_read(rejection)),
            Err(_elapsed) => Err(Problem::of("request_timeout", "the body came too slowly")),
        }
    }
}

fn not_read(rejection: BytesRejection) -> Problem {
    let text = rejection.body_text();
    if rejection.into_response().status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        let detail = format!("a body has at most {BODY_BYTES_MAX} bytes");
        return Problem::coded(Code::LineTooLong, detail);
    }
    Problem::coded(Code::BadJson, format!("the body cannot be read: {text}"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|text| text.trim().eq_ignore_ascii_case("application/json"))
}

/// A body for what needs none: JSON all the same, so that no form of another site can send it; empty,
/// or an object.
pub(crate) struct NoBody;

impl FromRequest<State> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let JsonBody(bytes) = JsonBody::from_request(request, state).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self);
        }
        match serde_json::from_slice(&bytes) {
            Ok(serde_json::Value::Object(_)) => Ok(Self),
            Ok(_) | Err(_) => {
                Err(Problem::coded(Code::BadJson, "the body is to be empty, or a JSON object"))
            }
        }
    }
}
