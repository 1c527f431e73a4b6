//! Which browser asks, and whether a form that it sends is one that we gave it.
//!
//! A session is 256 random bits in a cookie that scripts cannot read. The token in each form is
//! derived from them, so nothing is kept here, a token outlives a restart, and one that leaks tells
//! nothing of the session.

use axum::http::HeaderMap;
use axum::http::header;

/// What the token is derived for.
const PURPOSE: &str = "saldo console form token v1";

const SESSION_BYTES: usize = 32;
const SESSION_CHARS: usize = 2 * SESSION_BYTES;

/// A browser, named by what its cookie holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Session {
    secret: String,
}

/// The system gives no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no randomness: {0}")]
pub(super) struct NoRandomness(getrandom::Error);

impl Session {
    /// A session that nobody has had.
    pub(super) fn new() -> Result<Self, NoRandomness> {
        let mut bytes = [0; SESSION_BYTES];
        getrandom::fill(&mut bytes).map_err(NoRandomness)?;
        let secret = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { secret })
    }

    /// The session that a cookie names; `None` for what was never given out.
    pub(super) fn of(cookie: &str) -> Option<Self> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (cookie.len() == SESSION_CHARS && cookie.bytes().all(is_hex))
            .then(|| Self { secret: cookie.to_owned() })
    }

    /// What its cookie holds.
    pub(super) fn cookie(&self) -> &str {
        &self.secret
    }

    /// The token of its forms.
    pub(super) fn token(&self) -> String {
        self.derived().to_hex().to_string()
    }

    /// Whether `token` is that of its forms; in constant time.
    pub(super) fn gave(&self, token: &str) -> bool {
        blake3::Hash::from_hex(token).is_ok_and(|token| token == self.derived())
    }

    fn derived(&self) -> blake3::Hash {
        blake3::Hash::from(blake3::derive_key(PURPOSE, self.secret.as_bytes()))
    }
}

/// Whether a request that changes something comes from one of our own pages, as far as its browser
/// says. A client that says nothing is no browser, and the token decides alone.
pub(super) fn comes_from_us(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if text(header::HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| site != "same-origin")
    {
        return false;
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let host = text(header::HOST).unwrap_or_default();
    let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    !host.is_empty() && named.is_some_and(|named| named.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_session_takes_its_own_token_and_no_other() {
        let (one, other) = (Session::new().unwrap(), Session::new().unwrap());
        assert!(one.gave(&one.token()));
        assert!(!one.gave(&other.token()));
        for token in ["", "00", one.cookie(), &one.token()[1..]] {
            assert!(!one.gave(token), "{token}");
        }
    }

    #[test]
    fn the_token_does_not_hold_the_session() {
        let session = Session::new().unwrap();
        assert_ne!(session.token(), session.cookie());
    }

    #[test]
    fn a_session_is_found_again_by_its_cookie_and_by_nothing_else() {
        let session = Session::new().unwrap();
        assert!(Session::of(session.cookie()) == Some(session.clone()));
        for cookie in ["", "abc", &"g".repeat(64), &"A".repeat(64), &"0".repeat(65)] {
            assert!(Session::of(cookie).is_none(), "{cookie}");
        }
    }

    #[test]
    fn what_another_site_sends_is_refused() {
        let own = ("host", "127.0.0.1:5080");
        for pairs in [
            [own, ("sec-fetch-site", "cross-site")],
            [own, ("sec-fetch-site", "same-site")],
            [own, ("sec-fetch-site", "none")],
            [own, ("origin", "null")],
            [own, ("origin", "http://127.0.0.1:5081")],
            [own, ("origin", "http://bank.example")],
            [own, ("origin", "127.0.0.1:5080")],
        ] {
            assert!(!comes_from_us(&headers(&pairs)), "{pairs:?}");
        }
    }

    #[test]
    fn what_our_own_pages_send_is_taken_and_so_is_what_no_browser_sent() {
        let own = ("host", "localhost:5080");
        assert!(comes_from_us(&headers(&[own])));
        assert!(comes_from_us(&headers(&[
            own,
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://localhost:5080"),
        ])));
    }
}
