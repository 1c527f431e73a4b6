//! Accounts, their past, transactions, totals.

use serde_json::json;

use crate::door::Door;

async fn with_three_events() -> Door {
    let door = Door::open();
    door.post("/api/v1/init", r#"{"accounts":{"alice":100,"bob":50},"tx_id":"i"}"#).await;
    door.post("/api/v1/deposits", r#"{"user":"alice","amount":5,"tx_id":"42"}"#).await;
    door.post("/api/v1/transfers", r#"{"from":"alice","to":"bob","amount":7,"tx_id":"t é/?#"}"#)
        .await;
    door
}

#[tokio::test]
async fn an_account_is_told_with_a_tag_that_changes_with_it_and_with_nothing_else() {
    let door = with_three_events().await;
    let alice = door.get("/api/v1/accounts/alice").await;
    assert_eq!(alice.json(), json!({"ok": true, "user": "alice", "balance": 98, "as_of": 3}));
    let tag = alice.header("etag").unwrap().to_owned();
    let known = async |tag: &str| {
        door.ask("GET", "/api/v1/accounts/alice", &[("if-none-match", tag)], "").await
    };
    door.post("/api/v1/deposits", r#"{"user":"carol","amount":1}"#).await;
    let same = known(&tag).await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    assert_eq!(same.header("etag"), Some(tag.as_str()));
    door.post("/api/v1/deposits", r#"{"user":"alice","amount":1}"#).await;
    let other = known(&tag).await;
    assert_eq!((other.status, &other.json()["balance"]), (200, &json!(99)));
    assert_ne!(other.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn an_account_that_does_not_exist_holds_nothing_and_asking_opens_none() {
    let door = Door::open();
    let zed = door.get("/api/v1/accounts/z%C3%A9%2F%20d").await;
    assert_eq!(zed.status, 200);
    assert_eq!(
        zed.json(),
        json!({"ok": true, "user": "zé/ d", "balance": 0, "exists": false, "as_of": 0})
    );
    assert_eq!(door.get("/api/v1/totals").await.json()["accounts"], 0);
}

#[tokio::test]
async fn a_balance_of_the_past_is_told_and_one_of_the_future_refused() {
    let door = with_three_events().await;
    let then = door.get("/api/v1/accounts/alice?at_seq=2").await;
    assert_eq!(then.json(), json!({"ok": true, "user": "alice", "balance": 105, "as_of": 2}));
    assert_eq!(then.header("cache-control"), Some("no-store"));
    let time = door.get("/api/v1/accounts/alice?at_time=1764000000000001").await;
    assert_eq!(time.json()["balance"], 100);
    door.get("/api/v1/accounts/alice?at_seq=4").await.is_problem(404, "not_yet");
    door.get("/api/v1/accounts/alice?at_seq=1&at_time=1").await.is_problem(400, "invalid_request");
    door.get("/api/v1/accounts/alice?at_seq=x").await.is_problem(400, "invalid_request");
}

#[tokio::test]
async fn a_transaction_is_found_by_seq_and_by_tx_id_and_may_be_kept_for_ever() {
    let door = with_three_events().await;
    let by_seq = door.get("/api/v1/transactions/3").await;
    assert_eq!(by_seq.json()["transaction"]["tx_id"], "t é/?#");
    assert!(by_seq.header("cache-control").unwrap().contains("immutable"));
    let by_tx_id = door.get("/api/v1/transactions/t%20%C3%A9%2F%3F%23").await;
    assert_eq!(by_tx_id.json()["transaction"], by_seq.json()["transaction"]);
    let digits = door.get("/api/v1/transactions/42?by=tx_id").await;
    assert_eq!(digits.json()["transaction"]["seq"], 2);
    let missing = door.get("/api/v1/transactions/42").await;
    missing.is_problem(404, "unknown_transaction");
    assert_eq!(missing.header("cache-control"), Some("no-store"));
    door.get("/api/v1/transactions/0").await.is_problem(400, "invalid_request");
    door.get("/api/v1/transactions/x?by=y").await.is_problem(400, "invalid_request");
    let tag = by_seq.header("etag").unwrap();
    let known = door.ask("GET", "/api/v1/transactions/3", &[("if-none-match", tag)], "").await;
    assert_eq!(known.status, 304);
}

#[tokio::test]
async fn the_totals_are_those_of_the_wire() {
    let totals = with_three_events().await.get("/api/v1/totals").await;
    assert_eq!(
        totals.json(),
        json!({"ok": true, "accounts": 2, "sum": 155, "money_in": 155, "money_out": 0, "seq": 3,
            "at": 1_764_000_000_000_003_u64, "as_of": 3})
    );
    assert_eq!(totals.header("cache-control"), Some("no-store"));
}
