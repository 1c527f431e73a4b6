//! Cookies: read from a request, written with everything that keeps them at home.

use axum::http::HeaderMap;
use axum::http::header::{self, HeaderValue};

/// How long a choice of language or theme is kept: a year, in seconds.
const CHOICE_AGE_S: u32 = 31_536_000;

/// A cookie of ours. Over TLS its name begins with `__Host-`, which a browser takes only from this
/// host, for all of it, and encrypted. Plain HTTP, on loopback alone, cannot have that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// Which browser this is; ends with it.
    Session,
    /// The language chosen.
    Language,
    /// The theme chosen.
    Theme,
}

impl Cookie {
    fn name(self, is_secure: bool) -> &'static str {
        match (self, is_secure) {
            (Self::Session, false) => "saldo_session",
            (Self::Session, true) => "__Host-saldo_session",
            (Self::Language, false) => "saldo_language",
            (Self::Language, true) => "__Host-saldo_language",
            (Self::Theme, false) => "saldo_theme",
            (Self::Theme, true) => "__Host-saldo_theme",
        }
    }

    /// What the client holds under the name; `None` when it holds none, or more than one: somebody
    /// else's may be among them.
    pub(super) fn of(self, headers: &HeaderMap, is_secure: bool) -> Option<&str> {
        let name = self.name(is_secure);
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The header that has the client keep `value`; `None` when a header cannot hold it.
    pub(super) fn keep(self, value: &str, is_secure: bool) -> Option<HeaderValue> {
        let name = self.name(is_secure);
        let age = match self {
            Self::Session => String::new(),
            Self::Language | Self::Theme => format!("; Max-Age={CHOICE_AGE_S}"),
        };
        let secure = if is_secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{age}{secure}");
        HeaderValue::from_str(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = held(&["a=1; saldo_theme=dark;b=2", "saldo_language=pt"]);
        assert_eq!(Cookie::Theme.of(&headers, false), Some("dark"));
        assert_eq!(Cookie::Language.of(&headers, false), Some("pt"));
        assert_eq!(Cookie::Session.of(&headers, false), None);
    }

    #[test]
    fn over_tls_only_the_name_that_no_other_host_can_set_is_believed() {
        let headers = held(&["saldo_session=planted; __Host-saldo_session=own"]);
        assert_eq!(Cookie::Session.of(&headers, true), Some("own"));
        let kept = Cookie::Session.keep("v", true).unwrap();
        let expected = "__Host-saldo_session=v; Path=/; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_cookie_that_is_there_twice_is_not_believed() {
        let headers = held(&["saldo_session=planted; saldo_session=own"]);
        assert_eq!(Cookie::Session.of(&headers, false), None);
    }

    #[test]
    fn a_value_that_would_add_attributes_or_lines_is_not_kept() {
        assert_eq!(Cookie::Theme.keep("a\r\nb", false), None);
    }
}
