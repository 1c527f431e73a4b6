//! The description of the API, and its pages.

use serde_json::Value;

use crate::door::Door;

const COMMITTED: &str = include_str!("../../../../docs/openapi.json");

#[test]
fn the_committed_document_is_what_the_handlers_say() {
    let generated = web::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("SALDO_WRITE_OPENAPI").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        std::fs::write(path, &generated).unwrap();
    }
    assert!(
        generated == COMMITTED,
        "docs/openapi.json is not what the code says; SALDO_WRITE_OPENAPI=1 writes it anew"
    );
}

#[tokio::test]
async fn the_document_is_served_with_a_tag() {
    let door = Door::open();
    let served = door.get("/api/v1/openapi.json").await;
    assert!(served.text == COMMITTED);
    let tag = [("if-none-match", served.header("etag").unwrap())];
    assert_eq!(door.ask("GET", "/api/v1/openapi.json", &tag, "").await.status, 304);
}

#[tokio::test]
async fn the_reference_shows_every_operation_and_runs_no_script() {
    let door = Door::open();
    let page = door.get("/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let document: Value = serde_json::from_str(COMMITTED).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(page.text.contains(path.as_str()), "{path}");
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(page.text.contains(&format!("<section id=\"{id}\">")), "{id}");
        }
    }
    assert!(!page.text.contains("<script") && !page.text.contains("style="));
    assert_eq!(door.get("/docs/style.css").await.status, 200);
}

#[tokio::test]
async fn every_problem_has_its_page() {
    let door = Door::open();
    for code in protocol::Code::ALL {
        let page = door.get(&format!("/problems/{}", code.as_str())).await;
        assert_eq!(page.status, 200, "{}", code.as_str());
        assert!(page.text.contains(&format!("<code>{}</code>", code.as_str())));
    }
    assert!(door.get("/problems").await.text.contains("insufficient_funds"));
}
