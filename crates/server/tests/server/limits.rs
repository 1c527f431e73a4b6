//! What one client may take of the server, and what it is told beyond that.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::json;
use server::Options;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::door::{Client, Door, deposit};

/// A balance question with a note that makes the line `bytes` bytes long.
fn question_of(bytes: usize) -> String {
    let line = |note: usize| {
        format!(r#"{{"cmd":"balance","user":"alice","note":"{}"}}"#, "x".repeat(note))
    };
    line(bytes - line(0).len())
}

#[tokio::test]
async fn a_line_of_exactly_the_limit_is_answered() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let line = question_of(1 << 20);
    for _ in 0..3 {
        assert_eq!(client.ask(&line).await["balance"], json!(0));
    }
}

#[tokio::test]
async fn a_line_over_the_limit_gets_one_error_after_the_replies_before_it_and_is_closed() {
    for (line_bytes_max, excess) in [(1 << 20, 1), (1 << 20, 6 << 20), (100, 1), (100, 70_000)] {
        let door = Door::with(Options { line_bytes_max, ..Options::default() }).await;
        let mut client = door.client().await;
        let line = question_of(line_bytes_max + excess);
        let lines = deposit("alice", 1) + &line + "\n" + &deposit("alice", 2);
        let Client { writer, replies } = &mut client;
        let write = async { writer.write_all(lines.as_bytes()).await.unwrap() };
        let read = async {
            assert_eq!(replies.next().await["after"], json!(1));
            let reply = replies.next().await;
            assert_eq!(reply["code"], json!("line_too_long"));
            assert_eq!(reply["error"], json!(format!("a line has at most {line_bytes_max} bytes")));
            assert_eq!(reply["as_of"], json!(1));
        };
        tokio::join!(write, read);
        client.finish().await;
        client.is_closed().await;
        assert_eq!(door.bank.requests_count(), 1, "what came behind it was not done");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_its_line_is_stopped_and_closed() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let mut sent = 0;
    let error = loop {
        match client.writer.write(&[b'x'; 64 << 10]).await {
            Ok(bytes) => sent += bytes,
            Err(error) => break error,
        }
    };
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    assert!(sent > 1 << 20, "only {sent} bytes were taken");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_stopped_and_then_closed() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let lines = deposit("alice", 1).repeat(1_000);
    let (mut sent, started) = (0, Instant::now());
    let error = loop {
        match client.writer.write(lines.as_bytes()).await {
            Ok(bytes) => sent += bytes,
            Err(error) => break error,
        }
        assert!(sent < 256 << 20, "it could send without end");
    };
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    assert!(started.elapsed() >= Duration::from_secs(30), "it had 30 s to read its replies");
    // Only what the kernel holds for the two ends was ever executed.
    assert!(door.bank.requests_count() < 1_000_000);
    let mut other = door.client().await;
    assert_eq!(other.ask(deposit("bob", 1).trim_end()).await["after"], json!(1));
}

/// Asks what stands under the tx_id of one large transaction, a thousand times in one batch.
async fn ask_a_thousand_times_for_much(client: &mut Client) {
    let accounts: Vec<String> = (0..10_000).map(|n| format!("\"account-{n}\":{n}")).collect();
    let accounts = accounts.join(",");
    let line = format!(r#"{{"cmd":"init_accounts","tx_id":"large","accounts":{{{accounts}}}}}"#);
    assert_eq!(client.ask(&line).await["seq"], json!(1));
    client.send("{\"cmd\":\"resolve\",\"tx_id\":\"large\"}\n".repeat(1_000)).await;
}

#[tokio::test]
async fn while_a_client_does_not_take_large_replies_the_rest_of_its_batch_is_not_run() {
    let door = Door::open().await;
    let mut client = door.client_of_few_bytes().await;
    door.bank.run_at_most(2);
    ask_a_thousand_times_for_much(&mut client).await;
    door.bank.stalls().await;
    let executed = door.bank.requests_count();
    assert!(executed < 100, "{executed} requests were run for a client that reads nothing");
    for _ in 0..1_000 {
        assert_eq!(client.reply().await["transaction"]["tx_id"], json!("large"));
    }
    assert_eq!(client.ask(deposit("alice", 1).trim_end()).await["seq"], json!(2));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_large_replies_is_closed_and_the_rest_is_not_run() {
    let door = Door::open().await;
    let mut client = door.client_of_few_bytes().await;
    door.bank.run_at_most(2);
    ask_a_thousand_times_for_much(&mut client).await;
    let mut replies_count = 0;
    tokio::time::sleep(Duration::from_secs(60)).await;
    while client.replies.next_if_any().await.is_some() {
        replies_count += 1;
    }
    assert!(replies_count < 1_000);
    assert!(door.bank.requests_count() < 1_000);
}

#[tokio::test]
async fn a_client_that_reads_late_gets_every_reply() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let lines = deposit("alice", 1).repeat(100_000);
    let Client { writer, replies } = &mut client;
    let write = async { writer.write_all(lines.as_bytes()).await.unwrap() };
    let read = async {
        door.bank.stalls().await;
        assert!(door.bank.requests_count() < 100_000, "it was never stopped");
        for seq in 1..=100_000 {
            assert_eq!(replies.next().await["seq"], json!(seq));
        }
    };
    tokio::join!(write, read);
}

#[tokio::test]
async fn a_client_that_speaks_http_gets_one_line_and_is_closed() {
    let door = Door::open().await;
    for request in [
        "GET / HTTP/1.1\r\nHost: localhost:5000\r\n\r\n",
        concat!(
            "POST / HTTP/1.1\r\nContent-Length: 60\r\n\r\n",
            "{\"cmd\":\"deposit\",\"user\":\"mallory\",\"amount\":1}\n",
        ),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = door.client().await;
        client.send(request).await;
        assert_eq!(client.reply().await["code"], json!("http_not_spoken"));
        client.finish().await;
        client.is_closed().await;
    }
    assert_eq!(door.bank.requests_count(), 0);
}

#[tokio::test]
async fn http_is_known_also_when_it_comes_byte_by_byte_and_only_at_the_beginning() {
    let door = Door::open().await;
    let mut client = door.client().await;
    for byte in "OPTIONS ".bytes() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.reply().await["code"], json!("http_not_spoken"));
    let mut client = door.client().await;
    assert_eq!(client.ask("{}").await["code"], json!("missing_field"));
    assert_eq!(client.ask("GET / HTTP/1.1").await["code"], json!("bad_json"));
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_closed_until_another_ends() {
    let door = Door::with(Options { connections_max: 2, ..Options::default() }).await;
    let mut clients = [door.client().await, door.client().await];
    for client in &mut clients {
        client.ask(deposit("alice", 1).trim_end()).await;
    }
    let mut refused = door.client().await;
    let reply = refused.reply().await;
    assert_eq!(reply["code"], json!("overloaded"));
    assert_eq!(reply["error"], json!("too many connections, the limit is 2"));
    refused.is_closed().await;

    let [mut leaving, mut staying] = clients;
    leaving.finish().await;
    leaving.is_closed().await;
    let mut next = door.client().await;
    assert_eq!(next.ask(deposit("alice", 1).trim_end()).await["seq"], json!(3));
    assert_eq!(staying.ask(deposit("alice", 1).trim_end()).await["seq"], json!(4));
    door.stop.cancel();
    let report = door.closed().await;
    assert_eq!((report.connections_served_count, report.connections_refused_count), (3, 1));
}

#[tokio::test]
async fn a_client_that_says_nothing_for_too_long_is_closed() {
    let idle_timeout = Some(Duration::from_secs(60));
    let door = Door::with(Options { idle_timeout, ..Options::default() }).await;
    let mut client = door.client().await;
    let before = Instant::now();
    client.ask(deposit("alice", 1).trim_end()).await;
    // From here on time passes when there is nothing else to do.
    tokio::time::pause();
    client.is_closed().await;
    assert!(before.elapsed() >= Duration::from_secs(60));
}

#[tokio::test]
async fn a_client_may_say_nothing_for_days_by_default() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.ask(deposit("alice", 1).trim_end()).await;
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(1_000_000)).await;
    tokio::time::resume();
    assert_eq!(client.ask(deposit("alice", 1).trim_end()).await["seq"], json!(2));
}
