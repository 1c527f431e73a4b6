//! What moves money.

use serde_json::json;

use crate::door::Door;

#[tokio::test]
async fn replies_are_those_of_the_wire() {
    let door = Door::open();
    let opened =
        door.post("/api/v1/init", r#"{"accounts":{"alice":100000,"bob":50000},"tx_id":"i"}"#).await;
    assert_eq!(opened.status, 200);
    assert_eq!(
        opened.json(),
        json!({"ok": true, "accounts": {"alice": 100000, "bob": 50000}, "seq": 1, "tx_id": "i"})
    );
    let deposit = door.post("/api/v1/deposits", r#"{"user":"alice","amount":2500,"tx_id":"d"}"#);
    assert_eq!(
        deposit.await.json(),
        json!({"ok": true, "before": 100000, "after": 102500, "seq": 2, "tx_id": "d"})
    );
    let transfer = door
        .post("/api/v1/transfers", r#"{"from":"alice","to":"bob","amount":"0777","tx_id":"t"}"#)
        .await;
    assert_eq!(
        transfer.json(),
        json!({"ok": true, "from": {"user": "alice", "before": 102500, "after": 101723},
            "to": {"user": "bob", "before": 50000, "after": 50777}, "seq": 3, "tx_id": "t"})
    );
    let withdrawal = door.post("/api/v1/withdrawals", r#"{"user":"bob","amount":777,"tx_id":"w"}"#);
    assert_eq!(withdrawal.await.json()["after"], 50000);
    let resolved = door.post("/api/v1/resolve", r#"{"tx_id":"t"}"#).await;
    assert_eq!((resolved.status, &resolved.json()["outcome"]), (200, &json!("done")));
    assert_eq!(resolved.header("idempotency-replayed"), Some("true"));
    let voided = door.post("/api/v1/resolve", r#"{"tx_id":"never"}"#).await;
    assert_eq!(voided.json()["outcome"], "voided");
    let late = door.post("/api/v1/deposits", r#"{"user":"a","amount":1,"tx_id":"never"}"#).await;
    late.is_problem(422, "voided");
}

#[tokio::test]
async fn a_key_happens_once_whether_it_is_bare_quoted_or_in_the_body() {
    let door = Door::open();
    let body = r#"{"user":"alice","amount":2500}"#;
    let first = door.post_with("/api/v1/deposits", "dep-1", body).await;
    assert_eq!(first.header("idempotency-key"), Some("dep-1"));
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(first.json()["tx_id"], "dep-1");
    for again in [
        door.post_with("/api/v1/deposits", "dep-1", body).await,
        door.post_with("/api/v1/deposits", "\"dep-1\"", body).await,
        door.post("/api/v1/deposits", r#"{"user":"alice","amount":2500,"tx_id":"dep-1"}"#).await,
        door.post_with(
            "/api/v1/deposits",
            "dep-1",
            r#"{"amount":2500,"user":"alice","tx_id":"dep-1"}"#,
        )
        .await,
    ] {
        assert_eq!(again.status, first.status);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let mut reply = again.json();
        assert_eq!(reply["duplicate"], true);
        reply.as_object_mut().unwrap().remove("duplicate");
        assert_eq!(reply, first.json());
    }
    assert_eq!(door.get("/api/v1/accounts/alice").await.json()["balance"], 2500);
}

#[tokio::test]
async fn other_content_under_a_key_is_refused_and_moves_nothing() {
    let door = Door::open();
    door.post_with("/api/v1/deposits", "k", r#"{"user":"alice","amount":1}"#).await;
    let other = door.post_with("/api/v1/deposits", "k", r#"{"user":"alice","amount":2}"#).await;
    assert_eq!(other.is_problem(422, "tx_id_reused")["tx_id"], "k");
    let withdrawal = door.post_with("/api/v1/withdrawals", "k", r#"{"user":"alice","amount":1}"#);
    withdrawal.await.is_problem(422, "tx_id_reused");
    assert_eq!(door.get("/api/v1/accounts/alice").await.json()["balance"], 1);
}

#[tokio::test]
async fn a_write_without_a_key_gets_one_and_tells_it_twice() {
    let door = Door::open();
    let body = r#"{"user":"alice","amount":5,"tx_id":null}"#;
    let first = door.post("/api/v1/deposits", body).await;
    let tx_id = first.json()["tx_id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("idempotency-key"), Some(tx_id.as_str()));
    assert_eq!(tx_id.len(), 36);
    let second = door.post("/api/v1/deposits", body).await;
    assert_ne!(second.json()["tx_id"], tx_id.as_str());
    assert_eq!(second.json()["after"], 10);
}

#[tokio::test]
async fn a_key_and_another_tx_id_in_the_body_are_refused() {
    let door = Door::open();
    let body = r#"{"user":"alice","amount":5,"tx_id":"b"}"#;
    door.post_with("/api/v1/deposits", "a", body).await.is_problem(400, "invalid_request");
    door.post_with("/api/v1/deposits", "\"a", body).await.is_problem(400, "invalid_request");
    door.post_with("/api/v1/deposits", &"a".repeat(129), body)
        .await
        .is_problem(400, "invalid_tx_id");
    assert_eq!(door.get("/api/v1/totals").await.json()["accounts"], 0);
}

#[tokio::test]
async fn a_recorded_refusal_is_the_same_for_ever_and_one_without_a_key_is_not_recorded() {
    let door = Door::open();
    let body = r#"{"user":"alice","amount":5}"#;
    let loose = door.post("/api/v1/withdrawals", body).await.is_problem(422, "insufficient_funds");
    assert_eq!((&loose["balance"], loose.get("seq")), (&json!(0), None));
    let refused = door.post_with("/api/v1/withdrawals", "w", body).await;
    let problem = refused.is_problem(422, "insufficient_funds");
    assert_eq!((&problem["seq"], &problem["tx_id"]), (&json!(1), &json!("w")));
    door.post("/api/v1/deposits", r#"{"user":"alice","amount":5}"#).await;
    let again = door.post_with("/api/v1/withdrawals", "w", body).await;
    let problem = again.is_problem(422, "insufficient_funds");
    assert_eq!((&problem["duplicate"], &problem["balance"]), (&json!(true), &json!(0)));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn an_answer_waits_until_it_is_durable() {
    let door = Door::open();
    door.bank.open_gate(false);
    let asking = door.post_with("/api/v1/deposits", "k", r#"{"user":"alice","amount":1}"#);
    let answer = async {
        tokio::pin!(asking);
        tokio::select! {
            answer = &mut asking => panic!("answered before it was durable: {answer:?}"),
            () = door.bank.executed(1) => {}
        }
        door.bank.open_gate(true);
        asking.await
    };
    assert_eq!(answer.await.json()["after"], 1);
}
