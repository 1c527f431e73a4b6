//! The server stops: what it received is answered, nothing more is waited for.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::door::{Client, Door, deposit};

#[tokio::test]
async fn shutdown_is_answered_with_all_that_was_sent_and_then_the_server_is_done() {
    let door = Door::open().await;
    let mut idle = door.client().await;
    idle.ask(deposit("alice", 1).trim_end()).await;
    let mut client = door.client().await;
    let lines = deposit("alice", 1) + "{\"cmd\":\"shutdown\"}\n" + &deposit("alice", 1);
    client.send(lines).await;
    assert_eq!(client.reply().await["after"], json!(2));
    assert_eq!(client.reply().await, json!({"ok": true, "msg": "shutting down"}));
    assert_eq!(client.reply().await["after"], json!(3));
    client.is_closed().await;
    idle.is_closed().await;
    let address = door.address;
    assert_eq!(door.closed().await.connections_cut_count, 0);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_was_received_is_answered_though_nobody_had_read_it_when_the_server_stopped() {
    let door = Door::open().await;
    let mut first = door.client().await;
    first.ask(deposit("alice", 1).trim_end()).await;
    let mut second = door.client().await;
    assert_eq!(second.ask(deposit("alice", 1).trim_end()).await["seq"], json!(2));
    // This thread runs the server as well, and it does not wait between these two.
    let lines = deposit("bob", 1).repeat(5_000);
    assert_eq!(second.writer.try_write(lines.as_bytes()).unwrap(), lines.len());
    door.stop.cancel();
    for after in 1..=5_000 {
        assert_eq!(second.reply().await["after"], json!(after));
    }
    second.is_closed().await;
    first.is_closed().await;
    assert_eq!(door.closed().await.connections_cut_count, 0);
}

#[tokio::test]
async fn what_is_being_executed_when_the_server_stops_is_answered() {
    let door = Door::open().await;
    door.bank.open_gate(false);
    let mut client = door.client().await;
    client.send(deposit("alice", 7)).await;
    door.bank.executed(1).await;
    door.stop.cancel();
    client.send(deposit("alice", 1)).await;
    door.bank.open_gate(true);
    assert_eq!(client.reply().await["after"], json!(7));
    assert_eq!(client.reply().await["after"], json!(8));
    client.is_closed().await;
    assert_eq!(door.closed().await.connections_cut_count, 0);
}

#[tokio::test]
async fn a_client_that_never_stops_sending_is_answered_and_does_not_keep_the_server_from_stopping()
{
    let door = Door::open().await;
    let mut client = door.client().await;
    let Client { writer, replies } = &mut client;
    let write = async {
        let lines = deposit("alice", 1).repeat(1_000);
        while writer.write_all(lines.as_bytes()).await.is_ok() {}
    };
    let read = async {
        door.bank.stalls().await;
        door.stop.cancel();
        let mut replies_count = 0;
        while let Some(reply) = replies.next_if_any().await {
            replies_count += 1;
            assert_eq!(reply["seq"], json!(replies_count));
        }
        replies_count
    };
    let ((), replies_count) = tokio::join!(write, read);
    assert_eq!(replies_count, door.bank.requests_count());
    assert_eq!(door.closed().await.connections_cut_count, 0);
}

#[tokio::test]
async fn replies_that_a_slow_client_has_not_taken_yet_reach_it_though_it_goes_on_sending() {
    let door = Door::open().await;
    let mut client = door.client_of_few_bytes().await;
    door.bank.open_gate(false);
    client.send(deposit("alice", 1).repeat(5_000)).await;
    door.bank.executed(1).await;
    door.stop.cancel();
    door.bank.open_gate(true);
    door.bank.stalls().await;
    client.send(deposit("alice", 1)).await;
    let mut replies_count = 0;
    while client.replies.next_if_any().await.is_some() {
        replies_count += 1;
    }
    assert_eq!(replies_count, door.bank.requests_count());
    assert!(replies_count >= 5_000);
}

#[tokio::test]
async fn a_last_line_without_its_line_feed_is_answered_also_when_the_server_stops() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.ask(deposit("alice", 1).trim_end()).await;
    let line = deposit("alice", 1);
    client.writer.try_write(line.trim_end().as_bytes()).unwrap();
    client.finish().await;
    door.stop.cancel();
    assert_eq!(client.reply().await["after"], json!(2));
    client.is_closed().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_done_when_the_time_to_drain_is_over_is_cut() {
    let door = Door::open().await;
    door.bank.open_gate(false);
    let mut client = door.client().await;
    client.send(deposit("alice", 1)).await;
    door.bank.executed(1).await;
    let asked = Instant::now();
    door.stop.cancel();
    assert_eq!(door.closed().await.connections_cut_count, 1);
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(10) && waited < Duration::from_secs(11), "{waited:?}");
    client.is_closed().await;
}

#[tokio::test]
async fn half_a_line_is_not_a_request_when_the_server_stops() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.send(deposit("alice", 1) + deposit("alice", 2).trim_end()).await;
    assert_eq!(client.reply().await["after"], json!(1));
    door.stop.cancel();
    client.is_closed().await;
    assert_eq!(door.bank.requests_count(), 1);
}
