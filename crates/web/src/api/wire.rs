//! What HTTP asks, as a line of the wire, and the replies of the wire as answers of HTTP: one meaning for
//! each field, judged by the same code on every door.

use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use engine::Outcome;
use ledger::Seq;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use protocol::query::Query;
use protocol::{Code, Incoming, parse_line};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::State;

/// What stands in a query as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// The line of the command `cmd` with the fields of a JSON object. Anything else than an object stays
/// as it is, for the wire to refuse.
pub(crate) fn line_of_body(cmd: &str, body: &[u8]) -> Vec<u8> {
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace());
    let Some((b'{', fields)) = start.and_then(|start| body.get(start..)?.split_first()) else {
        return body.to_vec();
    };
    let is_empty = fields.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}');
    let mut line = format!("{{\"cmd\":\"{cmd}\"").into_bytes();
    if !is_empty {
        line.push(b',');
    }
    line.extend_from_slice(fields);
    line
}

/// The parameters of a query, each known and given once.
pub(crate) struct Params(Vec<(&'static str, String)>);

impl Params {
    /// Reads `query`, of which only the names in `known` may be there.
    pub(crate) fn read(query: Option<&str>, known: &[&'static str]) -> Result<Self, Problem> {
        let mut given: Vec<(&'static str, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name)?;
            let Some(name) = known.iter().find(|known| **known == name) else {
                let detail = match known {
                    [] => format!("there is no parameter '{}' here", shown(&name)),
                    known => format!(
                        "there is no parameter '{}' here; there are: {}",
                        shown(&name),
                        known.join(", ")
                    ),
                };
                return Err(Problem::invalid(detail));
            };
            if given.iter().any(|(other, _)| other == name) {
                return Err(Problem::invalid(format!("the parameter '{name}' stands there twice")));
            }
            given.push((name, decoded(value)?));
        }
        Ok(Self(given))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The line of the command `cmd` about `named`, with the parameters as its fields.
    pub(crate) fn line(&self, cmd: &str, named: &[(&str, &str)]) -> Vec<u8> {
        let mut fields = Map::new();
        fields.insert("cmd".to_owned(), cmd.into());
        for (name, value) in named {
            fields.insert((*name).to_owned(), (*value).into());
        }
        for (name, value) in &self.0 {
            let value = match value.as_str() {
                // The one field of the wire that is no text and no number.
                "true" if *name == "count" => Value::Bool(true),
                "false" if *name == "count" => Value::Bool(false),
                text => text.into(),
            };
            fields.insert((*name).to_owned(), value);
        }
        Value::Object(fields).to_string().into_bytes()
    }

    /// The address of the next page of `path`.
    fn next(&self, path: &str, cursor: &str) -> String {
        let kept = self.0.iter().filter(|(name, _)| *name != "cursor");
        let mut next = format!("{path}?");
        for (name, value) in
            kept.map(|(name, value)| (*name, value.as_str())).chain([("cursor", cursor)])
        {
            if !next.ends_with('?') {
                next.push('&');
            }
            next.push_str(name);
            next.push('=');
            next.extend(utf8_percent_encode(value, PLAIN));
        }
        next
    }
}

/// The start of a text that an error repeats.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_default).collect()
}

fn decoded(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(Problem::invalid("the query is not UTF-8")),
    }
}

/// The reply to a request of the bank.
pub(crate) fn answer(state: &State, outcome: &Outcome<'_>) -> Result<Reply, Problem> {
    let mut line = Vec::new();
    let position = state.engine().seq_durable().max(outcome.rests_on());
    server::write_outcome(&mut line, outcome, position);
    Reply::of(line)
}

/// Asks the question of history that a line of the wire holds, which the caller may have made up.
pub(crate) async fn ask_history(
    state: &State,
    caller: &Caller,
    line: &[u8],
) -> Result<Reply, Problem> {
    match parse_line(line).map_err(|refusal| Problem::refused(&refusal))? {
        Incoming::Query(query) => read(state, caller, &query).await,
        Incoming::Write { .. }
        | Incoming::Resolve(_)
        | Incoming::Balance(_)
        | Incoming::Balances(_)
        | Incoming::Shutdown => {
            Err(Problem::coded(Code::Internal, "that is no question of history"))
        }
    }
}

/// Asks a question of history.
pub(crate) async fn read(
    state: &State,
    caller: &Caller,
    query: &Query<'_>,
) -> Result<Reply, Problem> {
    let reading = state.read(caller, server::for_engine(query)).await?;
    let mut line = Vec::new();
    let mut seen = Seq::ZERO;
    server::write_reading(&mut line, query, &Ok(reading), &mut seen, state.engine().seq_durable());
    Reply::of(line)
}

/// A reply of the wire that says yes.
pub(crate) struct Reply(Vec<u8>);

/// What a page says about the next one.
#[derive(Deserialize)]
struct PageEnd {
    next_cursor: Option<String>,
}

impl Reply {
    fn of(line: Vec<u8>) -> Result<Self, Problem> {
        if line.starts_with(b"{\"ok\":true") {
            Ok(Self(line))
        } else {
            Err(Problem::of_reply(&line))
        }
    }

    /// As an answer.
    pub(crate) fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], self.0).into_response()
    }

    /// As a page of the list at `path`, which links to the next one.
    pub(crate) fn into_page(self, path: &str, params: &Params) -> Response {
        let next =
            serde_json::from_slice::<PageEnd>(&self.0).ok().and_then(|page| page.next_cursor);
        let mut response = self.into_response();
        if let Some(cursor) = next {
            let link = format!("<{}>; rel=\"next\"", params.next(path, &cursor));
            set(&mut response, header::LINK, &link);
        }
        response
    }
}

/// Sets a header whose value is made of plain characters.
pub(crate) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_becomes_a_line_with_its_command_and_what_is_no_object_stays() {
        let line =
            |body: &str| String::from_utf8(line_of_body("deposit", body.as_bytes())).unwrap();
        assert_eq!(line(r#" {"user":"a"}"#), r#"{"cmd":"deposit","user":"a"}"#);
        assert_eq!(line("{ }"), r#"{"cmd":"deposit" }"#);
        for other in ["", " ", "[]", "7", "\"{\""] {
            assert_eq!(line(other), other);
        }
    }

    #[test]
    fn a_body_cannot_choose_its_command() {
        let line = line_of_body("deposit", br#"{"cmd":"shutdown","user":"a","amount":1}"#);
        let refusal = parse_line(&line).unwrap_err();
        assert_eq!(refusal.to_string(), "bad json: repeated key 'cmd'");
    }

    #[test]
    fn parameters_are_known_and_stand_there_once() {
        let read = |query| Params::read(Some(query), &["limit", "prefix"]);
        let params = read("limit=5&&prefix=a%20b%2B+c").unwrap();
        assert_eq!((params.get("limit"), params.get("prefix")), (Some("5"), Some("a b+ c")));
        for bad in ["x=1", "limit=1&limit=1", "prefix=%ff", "%ff=1", "Limit=1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_next_page_repeats_the_parameters_with_another_cursor() {
        let params =
            Params::read(Some("prefix=a%26b&cursor=old&limit=2"), &["limit", "prefix", "cursor"]);
        let next = params.unwrap().next("/api/v1/accounts", "a1.61.0f");
        assert_eq!(next, "/api/v1/accounts?prefix=a%26b&limit=2&cursor=a1.61.0f");
    }
}
