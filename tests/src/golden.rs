//! The original's clients keep working: every request of a recorded transcript gets a reply in which
//! every key and value of the original's reply stands.

use serde_json::Value;

use crate::harness::{Folder, Server, Wire};

const TRANSCRIPT: &str = include_str!("../golden/transcript.jsonl");

struct Case {
    name: String,
    send: String,
    expect: Value,
    error_starts_with: Option<String>,
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = TRANSCRIPT
        .lines()
        .map(|line| {
            let case: Value = serde_json::from_str(line).unwrap();
            Case {
                name: case["case"].as_str().unwrap().to_owned(),
                send: case["send"].as_str().unwrap().to_owned(),
                expect: case["expect"].clone(),
                error_starts_with: case["error_starts_with"].as_str().map(str::to_owned),
            }
        })
        .collect();
    assert_eq!(cases.len(), 34, "the whole transcript");
    assert_eq!(cases.last().unwrap().name, "shutdown");
    cases
}

impl Case {
    fn check(&self, reply: &Value) {
        assert!(holds(reply, &self.expect), "{}: {reply} lacks {}", self.name, self.expect);
        if let Some(start) = &self.error_starts_with {
            let error = reply["error"].as_str().unwrap();
            assert!(error.starts_with(start), "{}: {error:?}", self.name);
        }
    }
}

/// Whether everything in `expected` stands in `found`, in objects inside of objects as well.
pub fn holds(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => expected
            .iter()
            .all(|(key, expected)| found.get(key).is_some_and(|found| holds(found, expected))),
        _ => found == expected,
    }
}

/// Sends everything at once, each line with this end, and checks the replies and the stop.
fn transcript_at_once(line_end: &str) {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut wire: Wire = server.connect();
    let cases = cases();
    let requests: String = cases.iter().map(|case| format!("{}{line_end}", case.send)).collect();
    wire.send(requests.as_bytes());
    for case in &cases {
        case.check(&wire.reply());
    }
    wire.ends();
    server.wait().with_code(0);
}

/// Sends the requests one by one and checks the replies, up to the stop of the server.
pub fn play_the_transcript(server: Server) {
    let mut wire = server.connect();
    for case in cases() {
        case.check(&wire.ask(&case.send));
    }
    wire.ends();
    server.wait().with_code(0);
}

#[test]
fn the_transcript_of_the_original_gets_the_originals_replies() {
    let folder = Folder::new();
    play_the_transcript(Server::start(&folder));
}

#[test]
fn the_transcript_sent_in_one_write_gets_the_same_replies_in_order() {
    transcript_at_once("\n");
}

#[test]
fn the_transcript_with_carriage_returns_gets_the_same_replies() {
    transcript_at_once("\r\n");
}
