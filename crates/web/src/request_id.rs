//! A name for each request, so that a client's report, an answer and the log can be put together.

use axum::extract::Request;
use axum::http::header::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Most bytes of a name that a client gives.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// The name of a request: the client's own where it is a good one, otherwise made here.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(String);

impl RequestId {
    fn of(request: &Request) -> Self {
        let mut given = request.headers().get_all(REQUEST_ID).iter();
        match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
            (Some(text), None) if is_good(text) => Self(text.to_owned()),
            _ => Self(Uuid::now_v7().to_string()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// It is repeated in the answer and in the log, so it is short and of plain characters.
fn is_good(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-/+=".contains(&byte);
    (1..=REQUEST_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Names the request, and its answer with it.
pub(crate) async fn name(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_plain_name_is_kept_and_any_other_is_replaced() {
        for good in ["a", "0193f1c2-0c7b-7c00-9f3e-5d1c6b0a7e42", "trace/7:b=1+2"] {
            assert!(is_good(good), "{good}");
        }
        for bad in ["", " a", "a b", "a\"b", "é", "<script>", &"a".repeat(65)] {
            assert!(!is_good(bad), "{bad}");
        }
    }
}
