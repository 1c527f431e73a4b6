//! Clients that are too slow, too many or too large.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use web::{Facts, Options};

use crate::door::{Answer, Door, until, within};

/// Short, for clients that will never be done.
const SHORT: Duration = Duration::from_millis(50);

async fn rest_of(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    drop(within(stream.read_to_end(&mut bytes)).await);
    bytes
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_declared_or_not() {
    let door = Door::open();
    let json = ("content-type", "application/json");
    let large = format!("{{\"user\":\"{}\"}}", "a".repeat(1 << 20));
    door.post("/api/v1/deposits", &large).await.is_problem(413, "line_too_long");
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /api/v1/deposits HTTP/1.1\r\nhost: {}\r\n{}: {}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        door.address, json.0, json.1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(1 << 16));
    for _ in 0..17 {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    Answer::parse(&rest_of(stream).await).is_problem(413, "line_too_long");
}

#[tokio::test]
async fn a_head_that_never_ends_and_a_connection_that_says_nothing_are_closed() {
    let options = Options { head_timeout: SHORT, ..Options::default() };
    let door = Door::with(options, Facts::default());
    for sent in ["", "GET / HT", "GET /healthz HTTP/1.1\r\nhost: localhost\r\n"] {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let answer = String::from_utf8(rest_of(stream).await).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    // One that is kept after its first answer as well.
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let whole = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(whole.as_bytes()).await.unwrap();
    let answer = String::from_utf8(rest_of(stream).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("ok\n"), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let door = Door::open();
    let large = "x".repeat(80 << 10);
    let answer = door.ask("GET", "/healthz", &[("x-large", &large)], "").await;
    assert_eq!(answer.status, 431);
    let many: Vec<String> = (0..70).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(door.ask("GET", "/healthz", &many, "").await.status, 431);
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let options = Options { body_timeout: SHORT, ..Options::default() };
    let door = Door::with(options, Facts::default());
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /api/v1/deposits HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        door.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    Answer::parse(&rest_of(stream).await).is_problem(408, "request_timeout");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_one_that_ends_makes_room() {
    let options = Options { connections_max: 2, ..Options::default() };
    let door = Door::with(options, Facts::default());
    let held = [
        TcpStream::connect(door.address).await.unwrap(),
        TcpStream::connect(door.address).await.unwrap(),
    ];
    until("both are counted", async || {
        let answer = Answer::parse(&rest_of(door.send("GET", "/healthz", &[], "").await).await);
        answer.status == 503
    })
    .await;
    let refused = door.get("/api/v1/totals").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.json()["code"], "overloaded");
    drop(held);
    until("there is room", async || {
        let answer = rest_of(door.send("GET", "/healthz", &[], "").await).await;
        answer.starts_with(b"HTTP/1.1 200")
    })
    .await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let options = Options { write_timeout: SHORT, ..Options::default() };
    let door = Door::with(options, Facts::default());
    let names: Vec<String> = (0..1_000).map(|number| format!("\"{number:064}\":1")).collect();
    let body = format!("{{\"accounts\":{{{}}}}}", names.join(","));
    assert_eq!(door.post("/api/v1/init", &body).await.status, 200);
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let ask = "GET /api/v1/accounts?limit=1000 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    // Pipelined until its answers fill every buffer on the way; nothing of them is read.
    let cut = async {
        loop {
            if stream.write_all(ask.as_bytes()).await.is_err() {
                break;
            }
        }
    };
    within(cut).await;
}

#[tokio::test]
async fn what_was_received_is_answered_when_the_server_stops() {
    let door = Door::open();
    door.bank.open_gate(false);
    let body = r#"{"user":"a","amount":1}"#;
    let json = [("content-type", "application/json")];
    let stream = door.send("POST", "/api/v1/deposits", &json, body).await;
    door.bank.executed(1).await;
    door.stop.cancel();
    door.bank.open_gate(true);
    let answer = Answer::parse(&rest_of(stream).await);
    assert_eq!((answer.status, &answer.json()["after"]), (200, &1.into()));
    assert_eq!(door.close().await.connections_cut_count, 0);
}
