//! Pages.

use crate::door::Door;

/// Walks a list by its links, and returns the items of each page.
async fn walk(door: &Door, path: &str) -> Vec<usize> {
    let mut next = Some(path.to_owned());
    let mut counts = Vec::new();
    while let Some(path) = next {
        let page = door.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let reply = page.json();
        assert!(reply["as_of"].is_u64());
        counts.push(reply["items"].as_array().unwrap().len());
        next = page.header("link").map(|link| {
            let (address, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
            assert_eq!(rest, "; rel=\"next\"");
            assert!(address.contains(reply["next_cursor"].as_str().unwrap()), "{address}");
            address.to_owned()
        });
        assert_eq!(next.is_none(), reply["next_cursor"].is_null());
    }
    counts
}

#[tokio::test]
async fn every_list_is_walked_by_its_links() {
    let door = Door::open();
    let names: Vec<String> = (0..250).map(|number| format!("\"a&{number:03}\":{number}")).collect();
    let body = format!("{{\"accounts\":{{{}}}}}", names.join(","));
    assert_eq!(door.post("/api/v1/init", &body).await.status, 200);
    assert_eq!(walk(&door, "/api/v1/accounts").await, [100, 100, 50]);
    assert_eq!(walk(&door, "/api/v1/accounts?prefix=a%261&limit=60&count=true").await, [60, 40]);
    for _ in 0..4 {
        door.post("/api/v1/deposits", r#"{"user":"a&001","amount":1}"#).await;
    }
    assert_eq!(walk(&door, "/api/v1/transactions?limit=2").await, [2, 2, 1]);
    let statement = "/api/v1/accounts/a%26001/statement?order=oldest&limit=3";
    assert_eq!(walk(&door, statement).await, [3, 2]);
    let counted = door.get("/api/v1/accounts?count=true&limit=1").await;
    assert_eq!(counted.json()["count"], 250);
}

#[tokio::test]
async fn later_pages_of_the_log_end_where_the_first_one_did() {
    let door = Door::open();
    let deposit = async || door.post("/api/v1/deposits", r#"{"user":"a","amount":1}"#).await;
    for _ in 0..3 {
        deposit().await;
    }
    let first = door.get("/api/v1/transactions?limit=2").await;
    deposit().await;
    let link = first.header("link").unwrap();
    let second = door.get(link[1..].split_once('>').unwrap().0).await.json();
    assert_eq!((&second["as_of"], second["items"].as_array().unwrap().len()), (&3.into(), 1));
}

#[tokio::test]
async fn a_parameter_that_is_unknown_repeated_or_out_of_range_is_refused() {
    let door = Door::open();
    for path in [
        "/api/v1/accounts?limit=0",
        "/api/v1/accounts?limit=1001",
        "/api/v1/accounts?limit=ten",
        "/api/v1/accounts?limit=",
        "/api/v1/accounts?limit=1&limit=1",
        "/api/v1/accounts?user=alice",
        "/api/v1/accounts?count=yes",
        "/api/v1/accounts?cursor=a1.00.00000000",
        "/api/v1/accounts?prefix=%ff",
        "/api/v1/transactions?from_seq=-1",
        "/api/v1/accounts/a/statement?order=both",
        "/api/v1/accounts/a/statement?from_seq=1&from_time=1",
        "/api/v1/accounts/%ff",
        "/api/v1/totals?x",
        "/api/v1/status?x=1",
        "/api/v1/events?from=x",
        "/api/v1/events?from=9223372036854775808",
        "/api/v1/openapi.json?x=1",
    ] {
        let problem = door.get(path).await.is_problem(400, "invalid_request");
        let instance = path.split_once('?').map_or(path, |(path, _)| path);
        assert_eq!(problem["instance"], instance);
    }
    door.get("/api/v1/accounts/%40world").await.is_problem(400, "invalid_name");
}
