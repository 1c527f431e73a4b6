//! The log as it grows.

use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use web::{Facts, Options};

use crate::door::{Answer, Door, within};

/// A stream of events as a client sees it.
struct Events {
    stream: TcpStream,
    text: String,
    /// What was read and is no whole event yet.
    raw: Vec<u8>,
}

#[derive(Debug)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

impl Events {
    async fn follow(door: &Door, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = door.send("GET", path, headers, "").await;
        let mut raw = Vec::new();
        let end = loop {
            assert!(within(stream.read_buf(&mut raw)).await.unwrap() > 0, "closed before its head");
            if let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = Answer::parse(&raw[..end]);
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
        Self { stream, text: String::new(), raw: raw.split_off(end) }
    }

    /// The next block of lines, comments included; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            if !self.chunk() && within(self.stream.read_buf(&mut self.raw)).await.unwrap() == 0 {
                return None;
            }
        }
    }

    /// Takes one chunk out of what was read.
    fn chunk(&mut self) -> bool {
        let Some(line) = self.raw.windows(2).position(|window| window == b"\r\n") else {
            return false;
        };
        let digits = std::str::from_utf8(&self.raw[..line]).unwrap();
        let length = usize::from_str_radix(digits, 16).unwrap();
        let Some(chunk) = self.raw.get(line + 2..line + 2 + length) else { return false };
        if self.raw.len() < line + 4 + length {
            return false;
        }
        self.text.push_str(std::str::from_utf8(chunk).unwrap());
        self.raw.drain(..line + 4 + length);
        true
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            if block.starts_with(':') {
                continue;
            }
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or_default()
                    .to_owned()
            };
            let data = serde_json::from_str(&field("data: ")).unwrap();
            return Some(Event { id: field("id: "), name: field("event: "), data });
        }
    }
}

async fn deposit(door: &Door, amount: u64) {
    let body = format!("{{\"user\":\"alice\",\"amount\":{amount},\"tx_id\":\"d-{amount}\"}}");
    assert_eq!(door.post("/api/v1/deposits", &body).await.status, 200);
}

#[tokio::test]
async fn each_event_comes_once_in_order_with_its_seq_and_its_kind() {
    let door = Door::open();
    deposit(&door, 1).await;
    let mut live = Events::follow(&door, "/api/v1/events", &[]).await;
    let mut from_the_start = Events::follow(&door, "/api/v1/events?from=0", &[]).await;
    deposit(&door, 2).await;
    door.post("/api/v1/withdrawals", r#"{"user":"bob","amount":1,"tx_id":"w"}"#).await;
    door.post("/api/v1/resolve", r#"{"tx_id":"v"}"#).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let event = from_the_start.next().await.unwrap();
        assert_eq!(event.data["seq"].to_string(), event.id);
        assert_eq!(event.data["tx"], event.name.as_str());
        seen.push((event.id, event.name));
    }
    let wanted = [("1", "deposit"), ("2", "deposit"), ("3", "refused"), ("4", "void")];
    assert_eq!(seen, wanted.map(|(id, name)| (id.to_owned(), name.to_owned())));
    assert_eq!(live.next().await.unwrap().id, "2");
    let listed = door.get("/api/v1/transactions?from_seq=2&to_seq=2").await.json();
    let mut again = Events::follow(&door, "/api/v1/events?from=2", &[]).await;
    assert_eq!(again.next().await.unwrap().data, listed["items"][0]);
}

#[tokio::test]
async fn whoever_comes_back_goes_on_behind_the_last_event_it_got() {
    let door = Door::open();
    for amount in 1..=5 {
        deposit(&door, amount).await;
    }
    let last = [("last-event-id", "3")];
    // The browser sends the address of the first time again: what it got last counts.
    let mut events = Events::follow(&door, "/api/v1/events?from=1", &last).await;
    assert_eq!(events.next().await.unwrap().id, "4");
    assert_eq!(events.next().await.unwrap().id, "5");
    let ahead = [("last-event-id", "6")];
    let mut ahead = Events::follow(&door, "/api/v1/events", &ahead).await;
    deposit(&door, 6).await;
    deposit(&door, 7).await;
    assert_eq!(ahead.next().await.unwrap().id, "7");
    let bad = [("last-event-id", "x")];
    door.ask("GET", "/api/v1/events", &bad, "").await.is_problem(400, "invalid_request");
}

#[tokio::test]
async fn more_events_than_one_page_come_without_a_gap() {
    let door = Door::open();
    let mut events = Events::follow(&door, "/api/v1/events?from=1", &[]).await;
    for amount in 1..=700 {
        deposit(&door, amount).await;
    }
    for seq in 1..=700 {
        assert_eq!(events.next().await.unwrap().id, seq.to_string());
    }
}

#[tokio::test]
async fn whoever_falls_too_far_behind_is_told_where_the_rest_is_and_closed() {
    let options = Options { behind_events_max: 0, ..Options::default() };
    let door = Door::with(options, Facts::default());
    let mut events = Events::follow(&door, "/api/v1/events", &[]).await;
    // Two events at one stroke: behind the gate nothing is told of either.
    door.bank.open_gate(false);
    let one = door.post("/api/v1/deposits", r#"{"user":"a","amount":1}"#);
    let other = door.post("/api/v1/deposits", r#"{"user":"a","amount":1}"#);
    let opened = async {
        door.bank.executed(2).await;
        door.bank.open_gate(true);
    };
    tokio::join!(one, other, opened);
    deposit(&door, 3).await;
    deposit(&door, 4).await;
    let behind = loop {
        let event = events.next().await.expect("it is closed without a word");
        if event.name == "behind" {
            break event;
        }
    };
    let list = behind.data["list"].as_str().unwrap();
    assert_eq!(door.get(list).await.json()["items"][0]["seq"], behind.data["next"]);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn one_stream_too_many_is_refused_and_one_that_ends_makes_room() {
    let options = Options { streams_max: 1, ..Options::default() };
    let door = Door::with(options, Facts::default());
    let first = Events::follow(&door, "/api/v1/events", &[]).await;
    let refused = door.get("/api/v1/events").await;
    refused.is_problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(first);
    crate::door::until("there is room again", async || {
        // What a closed stream holds is given back when something is written to it.
        deposit_any(&door).await;
        let streams = door.get("/api/v1/status").await.json();
        streams["connections"]["streams"] == 0
    })
    .await;
    Events::follow(&door, "/api/v1/events", &[]).await;
}

async fn deposit_any(door: &Door) {
    door.post("/api/v1/deposits", r#"{"user":"alice","amount":1}"#).await;
}

#[tokio::test]
async fn a_silent_stream_says_that_it_lives() {
    let options = Options { stream_pause: Duration::from_millis(1), ..Options::default() };
    let door = Door::with(options, Facts::default());
    let mut events = Events::follow(&door, "/api/v1/events", &[]).await;
    assert!(events.block().await.unwrap().starts_with(':'));
}

#[tokio::test]
async fn streams_end_at_once_when_the_server_stops() {
    // Not at the end of the time to drain, which is longer than this test may take.
    let options = Options { drain: Duration::from_secs(3_600), ..Options::default() };
    let door = Door::with(options, Facts::default());
    let mut events = Events::follow(&door, "/api/v1/events", &[]).await;
    let report = door.close().await;
    assert_eq!(report.connections_cut_count, 0);
    assert!(events.next().await.is_none());
}
