//! What the engine says, as the client reads it.

use engine::Unavailable;
use serde_json::{Value, json};

use crate::door::{Door, deposit};

#[tokio::test]
async fn a_write_without_a_tx_id_gets_one_of_its_own() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.send(deposit("alice", 1).repeat(3)).await;
    let mut tx_ids = Vec::new();
    for _ in 0..3 {
        let reply = client.reply().await;
        let tx_id = reply["tx_id"].as_str().unwrap().to_owned();
        assert_eq!((tx_id.len(), tx_id.chars().nth(14)), (36, Some('7')), "a UUID of version 7");
        tx_ids.push(tx_id);
    }
    tx_ids.sort();
    tx_ids.dedup();
    assert_eq!(tx_ids.len(), 3);
    let again = format!(r#"{{"cmd":"deposit","user":"alice","amount":1,"tx_id":"{}"}}"#, tx_ids[0]);
    assert_eq!(client.ask(&again).await["duplicate"], json!(true));
}

#[tokio::test]
async fn the_same_tx_id_gets_the_same_answer_and_other_content_is_refused() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let line = |amount: u64| {
        format!(r#"{{"cmd":"withdraw","user":"alice","amount":{amount},"tx_id":"w-1"}}"#)
    };
    let first = client.ask(&line(5)).await;
    let mut expected = json!({
        "ok": false, "error": "insufficient funds", "code": "insufficient_funds", "balance": 0,
        "as_of": 1, "seq": 1, "tx_id": "w-1",
    });
    assert_eq!(first, expected);
    client.ask(deposit("alice", 100).trim_end()).await;
    expected["duplicate"] = json!(true);
    assert_eq!(client.ask(&line(5)).await, expected);
    let reused = client.ask(&line(6)).await;
    assert_eq!((&reused["code"], &reused["tx_id"]), (&json!("tx_id_reused"), &json!("w-1")));
}

#[tokio::test]
async fn a_lost_outcome_names_the_tx_id_to_ask_with() {
    let door = Door::open().await;
    door.bank.lose_outcomes();
    let mut client = door.client().await;
    let line = r#"{"cmd":"deposit","user":"alice","amount":1,"tx_id":"t-1"}"#;
    let reply = client.ask(line).await;
    assert_eq!((&reply["code"], &reply["tx_id"]), (&json!("outcome_unknown"), &json!("t-1")));
    assert!(reply["as_of"].is_u64());
    let reply = client.ask(r#"{"cmd":"balance","user":"alice"}"#).await;
    assert_eq!((&reply["code"], &reply["tx_id"]), (&json!("outcome_unknown"), &Value::Null));
}

#[tokio::test]
async fn an_engine_that_does_nothing_is_told_by_its_reason() {
    let door = Door::open().await;
    let mut client = door.client().await;
    for (why, code) in [
        (Unavailable::ShuttingDown, "shutting_down"),
        (Unavailable::JournalStopped, "internal"),
        (Unavailable::TooLarge, "too_large"),
    ] {
        door.bank.refuse_service(why);
        let reply = client.ask(deposit("alice", 1).trim_end()).await;
        assert_eq!(reply["code"], json!(code));
        assert_eq!(reply["error"], json!(why.to_string()));
    }
}
