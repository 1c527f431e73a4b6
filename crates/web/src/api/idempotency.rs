//! `Idempotency-Key` is the tx_id of a write: bare, or quoted as the header's draft has it.

use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use ledger::{TxId, TxIdFault};
use protocol::Refusal;
use uuid::Uuid;

use crate::problem::Problem;

pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The tx_id of a write, and whether the client gave it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) tx_id: TxId<'static>,
    pub(crate) given: bool,
}

impl Key {
    /// From the header and from what the body says; made here where neither has one.
    pub(crate) fn of(headers: &HeaderMap, in_body: Option<TxId<'_>>) -> Result<Self, Problem> {
        let tx_id = match (in_header(headers)?, in_body) {
            (Some(key), Some(tx_id)) if key.as_str() != tx_id.as_str() => {
                let detail = "Idempotency-Key and the 'tx_id' of the body differ: give one of them";
                return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail));
            }
            (Some(key), _) => key,
            (None, Some(tx_id)) => tx_id.into_owned(),
            (None, None) => {
                let made = TxId::new(Uuid::now_v7().to_string()).map_err(refused)?;
                return Ok(Self { tx_id: made, given: false });
            }
        };
        Ok(Self { tx_id, given: true })
    }

    /// The header that tells it; `None` where no header can hold it.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let text = self.tx_id.as_str();
        if text.starts_with(['"', ' ']) || text.ends_with(' ') {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            return HeaderValue::from_bytes(quoted.as_bytes()).ok();
        }
        HeaderValue::from_bytes(text.as_bytes()).ok()
    }
}

fn in_header(headers: &HeaderMap) -> Result<Option<TxId<'static>>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::invalid("Idempotency-Key stands there twice"));
    }
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| refused(TxIdFault::NotText))?;
    let text = match text.strip_prefix('"') {
        None => text.to_owned(),
        Some(rest) => unquoted(rest).ok_or_else(|| {
            Problem::invalid("Idempotency-Key begins with a quotation mark and is no quoted text")
        })?,
    };
    TxId::new(text).map(Some).map_err(refused)
}

/// What stands between quotation marks, behind the first of them.
fn unquoted(rest: &str) -> Option<String> {
    let mut text = String::with_capacity(rest.len());
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(text),
            '\\' => text.push(characters.next().filter(|next| matches!(next, '"' | '\\'))?),
            other => text.push(other),
        }
    }
}

fn refused(fault: TxIdFault) -> Problem {
    Problem::refused(&Refusal::from(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(header: &str) -> Result<Key, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(KEY, HeaderValue::from_bytes(header.as_bytes()).unwrap());
        Key::of(&headers, None)
    }

    #[test]
    fn a_key_is_read_bare_and_quoted_and_told_so_that_it_is_read_back() {
        for (header, tx_id) in [
            ("rent-2026-11", "rent-2026-11"),
            ("\"rent-2026-11\"", "rent-2026-11"),
            ("\" a \\\" \\\\ \"", " a \" \\ "),
            ("aluguel-é", "aluguel-é"),
            ("\"\\\"x\\\"\"", "\"x\""),
        ] {
            let read = key(header).unwrap();
            assert_eq!((read.tx_id.as_str(), read.given), (tx_id, true), "{header}");
            let told = read.header().unwrap();
            assert_eq!(key(std::str::from_utf8(told.as_bytes()).unwrap()).unwrap(), read);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for header in ["", "\"\"", "\"", "\"a", "\"a\"b", "\"\\a\"", &"x".repeat(129)] {
            assert!(key(header).is_err(), "{header:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(KEY, HeaderValue::from_static("a"));
        twice.append(KEY, HeaderValue::from_static("a"));
        assert!(Key::of(&twice, None).is_err());
    }

    #[test]
    fn header_and_body_may_agree_and_not_differ() {
        let mut headers = HeaderMap::new();
        headers.insert(KEY, HeaderValue::from_static("a"));
        assert_eq!(Key::of(&headers, TxId::new("a").ok()).unwrap().tx_id.as_str(), "a");
        assert!(Key::of(&headers, TxId::new("b").ok()).is_err());
        assert!(!Key::of(&HeaderMap::new(), None).unwrap().given);
    }
}
