//! Errors: all in one form.

use engine::Unavailable;

use crate::door::Door;

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_with_its_code() {
    let door = Door::open();
    for (path, body, status, code) in [
        ("deposits", "", 400, "bad_json"),
        ("deposits", "[]", 400, "bad_json"),
        ("deposits", "{", 400, "bad_json"),
        ("deposits", r#"{"user":"a","amount":1,"amount":1}"#, 400, "bad_json"),
        ("deposits", r#"{"cmd":"shutdown","user":"a","amount":1}"#, 400, "bad_json"),
        ("deposits", "{}", 400, "missing_field"),
        ("deposits", r#"{"user":"","amount":1}"#, 400, "invalid_name"),
        ("deposits", r#"{"user":"a","amount":1.5}"#, 400, "invalid_amount"),
        ("deposits", r#"{"user":"a","amount":0}"#, 400, "invalid_amount"),
        ("deposits", r#"{"user":"a","amount":1,"not_after":0}"#, 400, "invalid_request"),
        ("deposits", r#"{"user":"a","amount":1,"not_after":1}"#, 422, "deadline_passed"),
        ("transfers", r#"{"from":"a","to":"a","amount":1}"#, 422, "same_account"),
        ("transfers", r#"{"from":"a","to":"b","amount":1}"#, 422, "insufficient_funds"),
        ("init", r#"{"accounts":{"a":-1}}"#, 400, "invalid_amount"),
        ("resolve", "{}", 400, "missing_field"),
        ("resolve", r#"{"tx_id":""}"#, 400, "invalid_tx_id"),
        ("shutdown", "[]", 400, "bad_json"),
    ] {
        let answer = door.post(&format!("/api/v1/{path}"), body).await;
        answer.is_problem(status, code);
    }
    let totals = door.get("/api/v1/totals").await.json();
    assert_eq!(totals["accounts"], 0, "nothing of that did anything: {totals}");
}

#[tokio::test]
async fn what_changes_something_insists_on_json() {
    let door = Door::open();
    let body = r#"{"user":"a","amount":1}"#;
    for path in [
        "deposits",
        "withdrawals",
        "transfers",
        "init",
        "resolve",
        "verify",
        "checkpoint",
        "shutdown",
    ] {
        let path = format!("/api/v1/{path}");
        for headers in [
            &[][..],
            &[("content-type", "text/plain")],
            &[("content-type", "application/x-www-form-urlencoded")],
            &[("content-type", "application/json"), ("content-type", "text/plain")],
        ] {
            let answer = door.ask("POST", &path, headers, body).await;
            answer.is_problem(415, "unsupported_media_type");
        }
    }
    assert!(!door.stop.is_cancelled());
    let good = [("content-type", "Application/JSON; charset=utf-8")];
    assert_eq!(door.ask("POST", "/api/v1/deposits", &good, body).await.status, 200);
}

#[tokio::test]
async fn no_page_of_another_site_changes_anything() {
    let door = Door::open();
    let own = format!("http://{}", door.address);
    let body = r#"{"user":"a","amount":1}"#;
    let deposit = async |name: &str, value: &str| {
        let headers = [("content-type", "application/json"), (name, value)];
        door.ask("POST", "/api/v1/deposits", &headers, body).await
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
        ("origin", "http://127.0.0.1:1"),
        ("origin", "null"),
    ] {
        deposit(name, value).await.is_problem(403, "cross_site");
    }
    assert_eq!(deposit("sec-fetch-site", "same-origin").await.status, 200);
    assert_eq!(deposit("origin", &own).await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let door = Door::open();
    for path in ["/nothing", "/api", "/api/v1", "/api/v2/accounts", "/problems/none", "/docs/x"] {
        let problem = door.get(path).await.is_problem(404, "unknown_route");
        assert_eq!(problem["instance"], path);
    }
    for (method, path, allowed) in [
        ("DELETE", "/api/v1/accounts", "GET,HEAD"),
        ("GET", "/api/v1/deposits", "POST"),
        ("OPTIONS", "/api/v1/deposits", "POST"),
        ("PUT", "/api/v1/verify", "POST,GET,HEAD"),
        ("POST", "/healthz", "GET,HEAD"),
    ] {
        let answer = door.ask(method, path, &[("content-type", "application/json")], "{}").await;
        answer.is_problem(405, "method_not_allowed");
        let mut allow: Vec<&str> =
            answer.header("allow").unwrap().split(',').map(str::trim).collect();
        let mut wanted: Vec<&str> = allowed.split(',').collect();
        allow.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(allow, wanted, "{method} {path}");
    }
}

#[tokio::test]
async fn another_host_is_answered_nothing() {
    let door = Door::open();
    for host in ["evil.example", "evil.example:80", "10.0.0.1", ""] {
        let answer = door.ask("GET", "/api/v1/totals", &[("host", host)], "").await;
        answer.is_problem(421, "unknown_host");
    }
    for host in ["localhost", "LOCALHOST:9", "127.0.0.1", "[::1]:5080"] {
        assert_eq!(door.ask("GET", "/api/v1/totals", &[("host", host)], "").await.status, 200);
    }
}

#[tokio::test]
async fn an_engine_that_does_nothing_is_told_with_its_status_and_when_to_come_back() {
    for (why, status, code) in [
        (Unavailable::ShuttingDown, 503, "shutting_down"),
        (Unavailable::JournalStopped, 500, "internal"),
        (Unavailable::TooLarge, 413, "too_large"),
        (Unavailable::IndexDamaged, 503, "index_unavailable"),
        (Unavailable::JournalUnreadable, 503, "journal_unavailable"),
        (Unavailable::DatabaseUnreachable, 503, "database_unreachable"),
    ] {
        let door = Door::open();
        door.bank.refuse_service(why);
        let write = door.post("/api/v1/deposits", r#"{"user":"a","amount":1}"#).await;
        write.is_problem(status, code);
        assert_eq!(write.header("retry-after").is_some(), status == 503);
        door.get("/api/v1/totals").await.is_problem(status, code);
        door.get("/readyz").await.is_problem(503, "not_ready");
        assert_eq!(door.get("/api/v1/status").await.json()["ready"], false);
        assert_eq!(door.get("/healthz").await.text, "ok\n");
    }
}

#[tokio::test]
async fn a_lost_outcome_names_the_tx_id_to_ask_with() {
    let door = Door::open();
    door.bank.lose_outcomes();
    let lost = door.post("/api/v1/deposits", r#"{"user":"a","amount":1,"tx_id":"k"}"#).await;
    assert_eq!(lost.is_problem(504, "outcome_unknown")["tx_id"], "k");
    let made = door.post("/api/v1/deposits", r#"{"user":"a","amount":1}"#).await;
    assert_eq!(made.is_problem(504, "outcome_unknown")["tx_id"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn a_request_keeps_its_name_and_a_bad_one_is_replaced() {
    let door = Door::open();
    let named = async |name: &str| door.ask("GET", "/x", &[("x-request-id", name)], "").await;
    let good = named("trace-7").await;
    assert_eq!(good.is_problem(404, "unknown_route")["request_id"], "trace-7");
    for bad in ["a b", &"x".repeat(65), "\"", ""] {
        let made = named(bad).await;
        assert_eq!(made.is_problem(404, "unknown_route")["request_id"].as_str().unwrap().len(), 36);
    }
    assert!(door.get("/healthz").await.header("x-request-id").is_some());
}

#[tokio::test]
async fn every_answer_leaves_with_the_headers_of_safety() {
    let door = Door::open();
    for path in ["/healthz", "/nothing", "/docs", "/api/v1/totals"] {
        let answer = door.get(path).await;
        assert!(answer.header("content-security-policy").unwrap().contains("script-src 'self'"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
