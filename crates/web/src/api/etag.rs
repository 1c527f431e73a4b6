//! Tags by which a client knows that what it has is still so (RFC 9110, section 8.8.3). All are weak: the
//! position that an answer reflects moves on without the thing it tells.

use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::wire::set;
use crate::state::State;

/// Keep it, and ask each time whether it is still so.
pub(super) const ASK_AGAIN: &str = "private, no-cache";

/// It never changes.
pub(super) const FOR_EVER: &str = "private, max-age=31536000, immutable";

/// The tag of what last changed at `seq`.
pub(super) fn of_seq(state: &State, seq: u64) -> String {
    format!("W/\"{}{seq}\"", ledger(state))
}

/// The tag of what is named once and for ever. The name may hold what a tag may not, so its bytes are
/// written in hexadecimal digits.
pub(super) fn of_name(state: &State, kind: &str, name: &str) -> String {
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{}{kind}-{hex}\"", ledger(state))
}

/// Another ledger at the same address has the same numbers, and other money.
fn ledger(state: &State) -> String {
    state.facts().ledger.as_deref().map(|ledger| format!("{ledger}-")).unwrap_or_default()
}

/// Whether the client says that it has what `tag` stands for.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(
        |list| list.split(',').any(|known| known.trim() == "*" || opaque(known) == opaque(tag)),
    )
}

/// The answer to who has it.
pub(super) fn not_modified(tag: &str, keep: &'static str) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    tell(&mut response, tag, keep);
    response
}

/// Adds the tag, and how long what it stands for may be kept.
pub(super) fn tell(response: &mut Response, tag: &str, keep: &'static str) {
    set(response, header::ETAG, tag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    // What one may see another may not.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Authorization, Cookie"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_in_a_list_weak_or_not() {
        let known = |list: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(list).unwrap());
            is_known(&headers, "W/\"7\"")
        };
        for yes in ["W/\"7\"", "\"7\"", "\"1\", W/\"7\"", "*"] {
            assert!(known(yes), "{yes}");
        }
        for no in ["W/\"8\"", "7", "\"77\"", ""] {
            assert!(!known(no), "{no}");
        }
        assert!(!is_known(&HeaderMap::new(), "W/\"7\""));
    }
}
