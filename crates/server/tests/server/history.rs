//! Questions about history: each sees what the lines before it did and nothing of those behind it.

use engine::Unavailable;
use serde_json::{Value, json};

use crate::books::AT_US;
use crate::door::{Client, Door, deposit};

/// Sends `lines` in one write and returns their replies.
async fn ask_all(client: &mut Client, lines: &[&str]) -> Vec<Value> {
    client
        .send(lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect::<String>())
        .await;
    let mut replies = Vec::new();
    for _ in lines {
        replies.push(client.reply().await);
    }
    replies
}

const STATEMENT: &str = r#"{"cmd":"statement","user":"alice"}"#;

#[tokio::test]
async fn a_pipelined_question_sees_the_lines_before_it_and_none_behind_it() {
    let door = Door::open().await;
    door.bank.hear_late();
    let mut client = door.client().await;
    let (first, last) = (deposit("alice", 5), deposit("alice", 7));
    let lines = [first.as_str(), STATEMENT, &last, STATEMENT, STATEMENT, "hello", &first];
    let replies = ask_all(&mut client, &lines).await;
    let seen: Vec<_> =
        replies.iter().map(|reply| reply["items"].as_array().map(Vec::len)).collect();
    assert_eq!(seen, [None, Some(1), None, Some(2), Some(2), None, None]);
    assert_eq!((&replies[1]["balance_after"], &replies[1]["as_of"]), (&json!(5), &json!(1)));
    assert_eq!(replies[2]["after"], json!(12));
    assert_eq!((&replies[4]["balance_after"], &replies[4]["as_of"]), (&json!(12), &json!(2)));
    assert_eq!((&replies[5]["code"], &replies[5]["as_of"]), (&json!("bad_json"), &json!(2)));
    assert_eq!(replies[6]["after"], json!(17));
}

#[tokio::test]
async fn a_thousand_questions_and_writes_in_one_write_keep_their_order() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let lines = (deposit("alice", 1) + STATEMENT + "\n").repeat(500);
    client.send(lines).await;
    for count in 1..=500 {
        assert_eq!(client.reply().await["after"], json!(count));
        let statement = client.reply().await;
        assert_eq!(statement["balance_after"], json!(count));
        assert_eq!(statement["as_of"], json!(count));
    }
    client.finish().await;
    client.is_closed().await;
}

#[tokio::test]
async fn a_statement_comes_in_pages_that_do_not_shift() {
    let door = Door::open().await;
    let mut client = door.client().await;
    for amount in 1..=5 {
        client.ask(deposit("alice", amount).trim_end()).await;
    }
    let page = |order: &str, cursor: &Value| {
        json!({"cmd": "statement", "user": "alice", "order": order, "limit": 2, "cursor": cursor})
            .to_string()
    };
    // What came in while the first list was read is in the second one, and only there.
    let (newest, oldest) = (vec![5, 4, 3, 2, 1], vec![1, 2, 3, 4, 5, 100, 100, 100]);
    for (order, expected) in [("newest", newest), ("oldest", oldest)] {
        let (mut cursor, mut amounts) = (Value::Null, Vec::new());
        let mut positions = Vec::new();
        for _ in 0..9 {
            let reply = client.ask(&page(order, &cursor)).await;
            let items = reply["items"].as_array().unwrap();
            let sum: i64 = items.iter().map(|item| item["amount"].as_i64().unwrap()).sum();
            let balance = |key: &str| reply[key].as_i64().unwrap();
            assert_eq!(balance("balance_before") + sum, balance("balance_after"));
            amounts.extend(items.iter().map(|item| item["amount"].as_i64().unwrap()));
            positions.push(reply["as_of"].clone());
            cursor = reply["next_cursor"].clone();
            client.ask(deposit("alice", 100).trim_end()).await;
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(amounts, expected, "{order}");
        positions.dedup();
        assert_eq!(positions.len(), 1, "each page states the position of the first");
    }
}

#[tokio::test]
async fn the_log_and_the_accounts_come_in_pages() {
    let door = Door::open().await;
    let mut client = door.client().await;
    for name in ["carol", "alice", "bob", "al"] {
        client.ask(deposit(name, 1).trim_end()).await;
    }
    let (mut cursor, mut seqs) = (Value::Null, Vec::new());
    let mut positions = Vec::new();
    for _ in 0..5 {
        let page = json!({"cmd": "transactions", "from_seq": 2, "limit": 1, "cursor": cursor});
        let reply = client.ask(&page.to_string()).await;
        seqs.extend(reply["items"].as_array().unwrap().iter().map(|item| item["seq"].clone()));
        positions.push(reply["as_of"].clone());
        cursor = reply["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
        client.ask(deposit("dave", 1).trim_end()).await;
    }
    assert_eq!(positions, [json!(4), json!(4), json!(4)], "the position of the first page");
    // A page of the past is not what this client was told last.
    assert_eq!(client.ask("hello").await["as_of"], json!(6));
    assert_eq!(seqs, [json!(2), json!(3), json!(4)], "no later than the first page");

    let first = client.ask(r#"{"cmd":"accounts","prefix":"al","limit":1,"count":true}"#).await;
    assert_eq!(first["items"], json!([{"user": "al", "balance": 1, "seq": 4}]));
    assert_eq!(first["count"], json!(2));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = format!(r#"{{"cmd":"accounts","prefix":"al","cursor":"{cursor}"}}"#);
    let second = client.ask(&second).await;
    assert_eq!(second["items"], json!([{"user": "alice", "balance": 1, "seq": 2}]));
    assert_eq!((&second["next_cursor"], second.get("count")), (&Value::Null, None));
}

#[tokio::test]
async fn one_transaction_is_found_by_its_tx_id_and_by_its_seq() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.ask(r#"{"cmd":"deposit","user":"alice","amount":5,"tx_id":"d-1"}"#).await;
    let expected = json!({
        "ok": true,
        "transaction": {
            "seq": 1, "tx": "deposit", "tx_id": "d-1", "user": "alice", "amount": 5,
            "before": 0, "after": 5, "at": AT_US + 1,
        },
        "as_of": 1,
    });
    assert_eq!(client.ask(r#"{"cmd":"transaction","tx_id":"d-1"}"#).await, expected);
    assert_eq!(client.ask(r#"{"cmd":"transaction","seq":1}"#).await, expected);
    let none = client.ask(r#"{"cmd":"transaction","seq":2}"#).await;
    assert_eq!((&none["code"], &none["as_of"]), (&json!("unknown_transaction"), &json!(1)));
}

#[tokio::test]
async fn a_balance_of_the_past_is_told_with_its_position_and_one_ahead_is_not_yet() {
    let door = Door::open().await;
    let mut client = door.client().await;
    for _ in 0..3 {
        client.ask(deposit("alice", 5).trim_end()).await;
    }
    let expected = json!({"ok": true, "user": "alice", "balance": 10, "as_of": 2});
    let at_seq = client.ask(r#"{"cmd":"balance","user":"alice","at_seq":2}"#).await;
    assert_eq!(at_seq, expected);
    let at_time = format!(r#"{{"cmd":"balance","user":"alice","at_time":{}}}"#, AT_US + 2);
    assert_eq!(client.ask(&at_time).await, expected);
    let ahead = client.ask(r#"{"cmd":"balance","user":"alice","at_seq":4}"#).await;
    assert_eq!((&ahead["code"], &ahead["as_of"]), (&json!("not_yet"), &json!(3)));
    // A position of the past is not what this client was told last.
    let bad = client.ask("hello").await;
    assert_eq!(bad["as_of"], json!(3));
}

#[tokio::test]
async fn a_reading_moves_what_the_client_was_told() {
    let door = Door::open().await;
    door.bank.hear_late();
    let mut other = door.client().await;
    other.ask(deposit("alice", 5).trim_end()).await;
    let mut client = door.client().await;
    assert_eq!(client.ask("hello").await["as_of"], json!(0));
    let totals = client.ask(r#"{"cmd":"totals"}"#).await;
    let expected = json!({
        "ok": true, "accounts": 1, "sum": 5, "money_in": 5, "money_out": 0, "seq": 1,
        "at": AT_US + 1, "as_of": 1,
    });
    assert_eq!(totals, expected);
    assert_eq!(client.ask("hello").await["as_of"], json!(1));
}

#[tokio::test]
async fn a_resolved_tx_id_stays_what_it_is() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let resolve = r#"{"cmd":"resolve","tx_id":"t-1"}"#;
    let write = r#"{"cmd":"deposit","user":"alice","amount":5,"tx_id":"t-1"}"#;
    let replies = ask_all(&mut client, &[resolve, write, resolve, STATEMENT]).await;
    assert_eq!(replies[0]["outcome"], json!("voided"));
    assert_eq!(replies[0].get("duplicate"), None);
    assert_eq!(replies[1]["code"], json!("voided"));
    assert_eq!(
        (&replies[2]["outcome"], &replies[2]["duplicate"]),
        (&json!("voided"), &json!(true))
    );
    assert_eq!(replies[2]["transaction"], replies[0]["transaction"]);
    assert_eq!(replies[3]["exists"], json!(false));

    let write = write.replace("t-1", "t-2");
    client.ask(&write).await;
    let done = client.ask(&resolve.replace("t-1", "t-2")).await;
    assert_eq!((&done["outcome"], &done["duplicate"]), (&json!("done"), &json!(true)));
    assert_eq!(done["transaction"]["after"], json!(5));
    assert_eq!(client.ask(&write).await["duplicate"], json!(true));
}

#[tokio::test]
async fn a_deadline_reaches_the_bank() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let write = |not_after: u64| {
        format!(r#"{{"cmd":"deposit","user":"alice","amount":5,"not_after":{not_after}}}"#)
    };
    let late = client.ask(&write(AT_US - 1)).await;
    assert_eq!(late["code"], json!("deadline_passed"));
    let text = format!("the deadline {} (not_after) has passed", AT_US - 1);
    assert_eq!(late["error"], json!(text));
    assert_eq!(client.ask(&write(AT_US)).await["after"], json!(5));
}

#[tokio::test]
async fn a_question_that_history_cannot_answer_is_told_by_its_reason() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.ask(deposit("alice", 5).trim_end()).await;
    for (why, code) in [
        (Unavailable::IndexDamaged, "index_unavailable"),
        (Unavailable::IndexUnreadable, "index_unavailable"),
        (Unavailable::JournalUnreadable, "journal_unavailable"),
    ] {
        door.bank.refuse_service(why);
        let reply = client.ask(STATEMENT).await;
        assert_eq!(reply["code"], json!(code));
        assert_eq!(reply["error"], json!(why.to_string()));
        assert_eq!(reply["as_of"], json!(1));
    }
}

#[tokio::test]
async fn a_question_is_answered_when_its_reading_is_durable_and_the_server_stops() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.ask(deposit("alice", 5).trim_end()).await;
    door.bank.open_gate(false);
    client.send(STATEMENT.to_owned() + "\n" + &deposit("alice", 1)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let early = client.writer.as_ref().try_read(&mut [0; 64]);
    assert_eq!(early.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    door.stop.cancel();
    door.bank.open_gate(true);
    assert_eq!(client.reply().await["balance_after"], json!(5));
    assert_eq!(client.reply().await["after"], json!(6));
    client.is_closed().await;
}
