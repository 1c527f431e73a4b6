//! HTTP from outside: the real binary, a socket, and what a crash leaves.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Folder, Server, repository};

/// A test that waits longer has failed.
const DEADLINE: Duration = Duration::from_secs(60);

fn connect(server: &Server) -> (TcpStream, SocketAddr) {
    let address = server.http.unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    (stream, address)
}

/// Sends a request with a body and returns status, head and JSON.
fn post(server: &Server, path: &str, key: &str, body: &str) -> (u16, String, Value) {
    let (mut stream, address) = connect(server);
    let request = format!(
        "POST /api/v1/{path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), serde_json::from_str(body).unwrap())
}

/// The ids of the next events behind `last`, up to `until`.
fn events(server: &Server, last: u64, until: u64) -> Vec<u64> {
    let (mut stream, address) = connect(server);
    let request =
        format!("GET /api/v1/events HTTP/1.1\r\nhost: {address}\r\nlast-event-id: {last}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut ids = Vec::new();
    for line in BufReader::new(stream).lines() {
        if let Some(id) = line.unwrap().strip_prefix("id: ") {
            ids.push(id.parse().unwrap());
            if ids.last() == Some(&until) {
                return ids;
            }
        }
    }
    panic!("the stream ended behind {ids:?}");
}

#[test]
fn a_key_gets_its_first_answer_again_after_a_crash() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let body = r#"{"user":"alice","amount":2500}"#;
    let (status, head, first) = post(&server, "deposits", "k-1", body);
    assert_eq!((status, first["after"].as_i64()), (200, Some(2500)), "{head}");
    let refused = post(&server, "withdrawals", "k-2", r#"{"user":"bob","amount":1}"#);
    assert_eq!((refused.0, refused.2["code"].as_str()), (422, Some("insufficient_funds")));
    server.crash();
    let server = Server::start(&folder);
    let (status, head, mut again) = post(&server, "deposits", "k-1", body);
    assert_eq!((status, again["duplicate"].as_bool()), (200, Some(true)));
    assert!(head.contains("idempotency-replayed: true"), "{head}");
    again.as_object_mut().unwrap().remove("duplicate");
    assert_eq!(again, first);
    assert_eq!(post(&server, "withdrawals", "k-2", r#"{"user":"bob","amount":1}"#).0, 422);
    let other = post(&server, "deposits", "k-1", r#"{"user":"alice","amount":1}"#);
    assert_eq!((other.0, other.2["code"].as_str()), (422, Some("tx_id_reused")));
}

#[test]
fn a_stream_that_is_taken_up_after_a_crash_has_every_event_once_and_in_order() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut wire = server.connect();
    let mut deposit = |number: u64| {
        let request =
            format!(r#"{{"cmd":"deposit","user":"alice","amount":1,"tx_id":"d-{number}"}}"#);
        assert_eq!(wire.ask(&request)["ok"], true);
    };
    (1..=300).for_each(&mut deposit);
    let mut seen = events(&server, 0, 200);
    server.crash();
    let server = Server::start(&folder);
    seen.extend(events(&server, 200, 300));
    assert_eq!(seen, (1..=300).collect::<Vec<u64>>());
}

#[test]
fn verify_and_checkpoint_work_on_the_running_folder_and_shutdown_ends_it() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    post(&server, "deposits", "k-1", r#"{"user":"alice","amount":2500}"#);
    assert_eq!(post(&server, "checkpoint", "x", "").0, 200);
    assert_eq!(post(&server, "verify", "x", "").0, 202);
    let proven = crate::harness::until("the proof ends", || {
        let (mut stream, address) = connect(&server);
        let ask =
            format!("GET /api/v1/verify HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let reply: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        (reply["state"] != "running").then_some(reply)
    });
    assert_eq!((&proven["state"], &proven["seq"]), (&"proven".into(), &1.into()), "{proven}");
    assert_eq!((&proven["accounts"], &proven["sum"]), (&1.into(), &2500.into()), "{proven}");
    assert_eq!(post(&server, "shutdown", "x", "").0, 200);
    server.wait().with_code(0);
}

#[test]
fn generated_requests_find_no_answer_that_the_document_does_not_name() {
    let Ok(cases) = std::env::var("SALDO_SCHEMATHESIS") else { return };
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut script = Command::new(repository().join("tests/http/schemathesis.sh"));
    script.arg(format!("http://{}", server.http.unwrap())).arg(cases);
    let ended = script.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
}
