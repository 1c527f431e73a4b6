//! Who asks: a token in the head of each request, and what each role is answered.

use ::server::access::{Access, Actor, Grant, Issued, Role, Store};
use tempfile::TempDir;
use web::{Facts, Options};

use crate::door::{Answer, Door};

const ME: Actor<'static> = Actor { who: "test", from: "test" };

struct Guarded {
    door: Door,
    store: Store,
    _folder: TempDir,
}

impl Guarded {
    fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("access.json");
        let store = Store::at(&path);
        store.new_token(&Grant::of(Role::Admin), &ME).unwrap();
        let access = Access::open(&path).unwrap();
        let door = Door::guarded(Options::default(), Facts::default(), access);
        Self { door, store, _folder: folder }
    }

    /// Tokens of a teller, an auditor, and the customer alice, as the door knows them.
    fn tokens() -> (Self, [Issued; 3]) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("access.json");
        let store = Store::at(&path);
        let alice = Grant { accounts: vec!["alice".to_owned()], ..Grant::of(Role::Customer) };
        let grants = [Grant::of(Role::Teller), Grant::of(Role::Auditor), alice];
        let issued = grants.map(|grant| store.new_token(&grant, &ME).unwrap());
        let access = Access::open(&path).unwrap();
        let door = Door::guarded(Options::default(), Facts::default(), access);
        (Self { door, store, _folder: folder }, issued)
    }

    async fn get(&self, token: &Issued, path: &str) -> Answer {
        self.door.ask("GET", path, &[("authorization", &bearer(token))], "").await
    }

    async fn post(&self, token: &Issued, path: &str, body: &str) -> Answer {
        let bearer = bearer(token);
        let headers = [("authorization", &*bearer), ("content-type", "application/json")];
        self.door.ask("POST", path, &headers, body).await
    }
}

fn bearer(token: &Issued) -> String {
    format!("Bearer {}", token.secret.reveal())
}

const DEPOSIT: &str = r#"{"user":"alice","amount":100}"#;

#[tokio::test]
async fn without_a_token_nothing_is_told_and_nothing_is_done() {
    let guarded = Guarded::open();
    let door = &guarded.door;
    for path in ["/api/v1/totals", "/api/v1/accounts", "/api/v1/events", "/metrics", "/"] {
        door.get(path).await.is_problem(401, "unauthenticated");
    }
    door.post("/api/v1/deposits", DEPOSIT).await.is_problem(401, "unauthenticated");
    for value in ["Bearer", "Bearer x", "Basic YTpi", "saldo_x_y"] {
        let asked = door.ask("GET", "/api/v1/totals", &[("authorization", value)], "").await;
        asked.is_problem(401, "unauthenticated");
    }
    assert_eq!(door.get("/healthz").await.status, 200, "whether it lives is no secret");
}

#[tokio::test]
async fn each_role_is_answered_what_the_table_says_and_a_customer_sees_its_own_alone() {
    let (guarded, [teller, auditor, alice]) = Guarded::tokens();
    for body in [DEPOSIT, r#"{"user":"bob","amount":70}"#] {
        assert_eq!(guarded.post(&teller, "/api/v1/deposits", body).await.status, 200);
    }
    guarded.get(&teller, "/metrics").await.is_problem(403, "forbidden");
    assert_eq!(guarded.get(&auditor, "/metrics").await.status, 200);
    guarded.post(&auditor, "/api/v1/deposits", DEPOSIT).await.is_problem(403, "forbidden");

    let own = guarded.get(&alice, "/api/v1/accounts/alice").await;
    assert_eq!((own.status, &own.json()["balance"]), (200, &100.into()));
    let foreign = guarded.get(&alice, "/api/v1/accounts/bob").await;
    let missing = guarded.get(&alice, "/api/v1/accounts/zed").await;
    assert_eq!((foreign.status, missing.status), (403, 403), "{foreign:?} {missing:?}");
    let detail = |answer: &Answer| answer.json()["detail"].to_string();
    assert_eq!(detail(&foreign), detail(&missing), "not hers and not there look alike");
    let list = guarded.get(&alice, "/api/v1/accounts").await;
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 1, "{list:?}");
    let body = r#"{"from":"alice","to":"bob","amount":1}"#;
    guarded.post(&alice, "/api/v1/transfers", body).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_any_more() {
    let (guarded, [teller, ..]) = Guarded::tokens();
    assert_eq!(guarded.get(&teller, "/api/v1/totals").await.status, 200);
    guarded.store.revoke(&teller.id, &ME).unwrap();
    guarded.door.access().refresh().unwrap();
    guarded.get(&teller, "/api/v1/totals").await.is_problem(401, "unauthenticated");
}
