//! What the server says of itself, and what keeps a bank well.

use std::sync::{Arc, Mutex, mpsc};

use serde_json::json;
use web::{Care, Facts, Keeper, Options, Proven};

use crate::door::{Door, until};

/// A bank that is proven when the test says so.
fn with_care() -> (Door, mpsc::Sender<Result<Proven, String>>) {
    let (sender, receiver) = mpsc::channel();
    let receiver = Mutex::new(receiver);
    let verify = move |tell: &dyn Fn(u64)| {
        tell(41);
        receiver.lock().unwrap().recv().unwrap()
    };
    let care =
        Care { verify: Arc::new(verify), checkpoint: Arc::new(|| Err("no room".to_owned())) };
    let facts = Facts {
        version: "1.2.3",
        ledger: Some("7f3a".to_owned()),
        currency: Some("BRL".to_owned()),
        care: Some(care),
        ..Facts::default()
    };
    (Door::with(Options::default(), facts), sender)
}

#[tokio::test]
async fn the_status_says_what_the_server_is() {
    let (door, _sender) = with_care();
    door.post("/api/v1/deposits", r#"{"user":"a","amount":1}"#).await;
    let status = door.get("/api/v1/status").await.json();
    for (key, value) in [
        ("version", json!("1.2.3")),
        ("engine", json!("folder")),
        ("ledger", json!("7f3a")),
        ("currency", json!("BRL")),
        ("seq", json!(1)),
        ("ready", json!(true)),
    ] {
        assert_eq!(status[key], value, "{key}");
    }
    assert_eq!(status["addresses"]["http"], door.address.to_string());
    assert!(status["started_at"].as_u64().unwrap() > 1_700_000_000_000_000);
    assert!(status["connections"]["http"].as_u64().unwrap() >= 1);
}

#[tokio::test]
async fn one_verification_runs_at_a_time_and_its_end_is_told() {
    let (door, sender) = with_care();
    assert_eq!(door.get("/api/v1/verify").await.json()["state"], "never");
    let begun = door.post("/api/v1/verify", "").await;
    assert_eq!((begun.status, begun.header("location")), (202, Some("/api/v1/verify")));
    until("it tells how far it is", async || door.get("/api/v1/verify").await.json()["seq"] == 41)
        .await;
    door.post("/api/v1/verify", "{}").await.is_problem(409, "verify_running");
    let proven = Proven { seq: 43, accounts_count: 2, sum: 7, seal: "9c41".to_owned() };
    sender.send(Ok(proven)).unwrap();
    let ended = async || door.get("/api/v1/verify").await.json();
    until("it ends", async || ended().await["state"] == "proven").await;
    let told = ended().await;
    assert_eq!(
        (&told["seq"], &told["sum"], &told["last_seal"]),
        (&json!(43), &json!(7), &json!("9c41"))
    );
    assert_eq!(door.post("/api/v1/verify", "").await.status, 202);
    sender.send(Err("a byte is wrong".to_owned())).unwrap();
    until("it fails", async || ended().await["error"] == "a byte is wrong").await;
}

#[tokio::test]
async fn over_a_database_there_is_nothing_to_verify_or_to_checkpoint() {
    let facts = Facts { keeper: Keeper::Database, ..Facts::default() };
    let door = Door::with(Options::default(), facts);
    door.post("/api/v1/verify", "").await.is_problem(409, "not_with_a_database");
    door.get("/api/v1/verify").await.is_problem(409, "not_with_a_database");
    door.post("/api/v1/checkpoint", "").await.is_problem(409, "not_with_a_database");
    assert_eq!(door.get("/api/v1/status").await.json()["engine"], "database");
}

#[tokio::test]
async fn a_checkpoint_that_fails_says_why() {
    let (door, _sender) = with_care();
    let problem = door.post("/api/v1/checkpoint", "{}").await.is_problem(500, "checkpoint_failed");
    assert_eq!(problem["detail"], "no room");
}

#[tokio::test]
async fn shutdown_answers_and_then_stops_everything() {
    let door = Door::open();
    let answer = door.post("/api/v1/shutdown", "").await;
    assert_eq!(answer.json(), json!({"ok": true, "msg": "shutting down"}));
    assert!(door.stop.is_cancelled());
    door.close().await;
}
