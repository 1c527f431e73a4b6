//! A connection that follows.

use std::time::Duration;

use serde_json::{Value, json};
use server::access::{Grant, Role};
use tokio::time::timeout;

use crate::access::{Principals, known};
use crate::door::{Client, Door, deposit};

async fn next(client: &mut Client) -> Value {
    timeout(Duration::from_secs(20), client.reply()).await.expect("a line")
}

#[tokio::test]
async fn a_follower_gets_each_transaction_as_a_line_from_where_it_asked() {
    let door = Door::open().await;
    let mut writer = door.client().await;
    for amount in 1..=3 {
        writer.ask(deposit("alice", amount).trim_end()).await;
    }
    let mut follower = door.client().await;
    // What stands before it in the same write is done first.
    follower.send(deposit("bob", 9) + "{\"cmd\":\"follow\",\"from_seq\":2}\n").await;
    assert_eq!(next(&mut follower).await["seq"], json!(4));
    assert_eq!(next(&mut follower).await, json!({"ok":true,"from_seq":2,"as_of":4}));
    for seq in 2..=4 {
        assert_eq!(next(&mut follower).await["seq"], json!(seq));
    }
    writer.ask(deposit("alice", 5).trim_end()).await;
    let line = next(&mut follower).await;
    assert_eq!(
        (&line["seq"], &line["tx"], &line["amount"]),
        (&json!(5), &json!("deposit"), &json!(5))
    );
    assert_eq!(line.get("ok"), None);
    follower.finish().await;
    follower.is_closed().await;
}

#[tokio::test]
async fn a_follower_that_sends_a_request_is_told_and_closed() {
    let door = Door::open().await;
    for lines in ["{\"cmd\":\"follow\"}\n{\"cmd\":\"totals\"}\n", "{\"cmd\":\"follow\"}\n"] {
        let mut follower = door.client().await;
        follower.send(lines).await;
        assert_eq!(next(&mut follower).await["ok"], json!(true));
        if lines.lines().count() == 1 {
            follower.send("{\"cmd\":\"totals\"}\n").await;
        }
        assert_eq!(next(&mut follower).await["code"], json!("invalid_request"));
        follower.is_closed().await;
    }
}

#[tokio::test]
async fn a_server_that_stops_tells_its_followers() {
    let door = Door::open().await;
    let mut follower = door.client().await;
    follower.ask("{\"cmd\":\"follow\"}").await;
    door.stop.cancel();
    assert_eq!(next(&mut follower).await["code"], json!("shutting_down"));
    follower.is_closed().await;
}

#[tokio::test]
async fn a_customer_follows_what_touches_its_own_accounts() {
    let principals = Principals::new();
    let teller = principals.add(&Grant::of(Role::Teller));
    let accounts = vec!["alice".to_owned()];
    let alice = principals.add(&Grant { accounts, ..Grant::of(Role::Customer) });
    let door = principals.door().await;
    let mut follower = known(&door, &alice).await;
    follower.ask("{\"cmd\":\"follow\",\"from_seq\":1}").await;
    let mut writer = known(&door, &teller).await;
    for user in ["alice", "bob", "zoe"] {
        writer.ask(deposit(user, 100).trim_end()).await;
    }
    writer.ask(r#"{"cmd":"transfer","from":"bob","to":"alice","amount":5}"#).await;
    assert_eq!(next(&mut follower).await["seq"], json!(1));
    let line = next(&mut follower).await;
    assert_eq!((&line["seq"], &line["from"]), (&json!(4), &json!({"user":"bob"})));
    assert_eq!(line["to"]["after"], json!(105));
}
