//! Who may come in, what each role may ask, and what a customer is shown.

use std::path::PathBuf;
use std::time::Duration;

use engine::Request;
use ledger::{AccountId, Amount, Command, TxId};
use serde_json::{Value, json};
use server::access::{Access, Actor, Grant, Issued, Limits, Role, Store};
use server::counters::AuthFailure;
use server::{Desk, No, Options, Tls};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::door::{Client, Door, deposit};

/// Whoever changes the file in these tests.
pub const ME: Actor<'static> = Actor { who: "test", from: "test" };

/// A file of principals in a folder of its own.
pub struct Principals {
    _folder: TempDir,
    path: PathBuf,
}

impl Principals {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("access.json");
        let principals = Self { _folder: folder, path };
        // The file must be there before it can be opened.
        principals.add(&Grant::of(Role::Admin));
        principals
    }

    pub fn store(&self) -> Store {
        Store::at(&self.path)
    }

    pub fn add(&self, grant: &Grant) -> Issued {
        self.store().new_token(grant, &ME).unwrap()
    }

    pub fn audit(&self) -> String {
        std::fs::read_to_string(self.path.with_file_name("audit.log")).unwrap()
    }

    pub async fn door_behind(&self, tls: Tls) -> Door {
        Door::new(Options::default(), Access::open(&self.path).unwrap(), Some(tls)).await
    }

    pub async fn door(&self) -> Door {
        Door::guarded(Options::default(), Access::open(&self.path).unwrap()).await
    }
}

fn customer(accounts: &[&str]) -> Grant {
    let accounts = accounts.iter().map(|name| (*name).to_owned()).collect();
    Grant { accounts, ..Grant::of(Role::Customer) }
}

pub fn auth(token: &Issued) -> String {
    format!("{{\"cmd\":\"auth\",\"token\":\"{}\"}}", token.secret.reveal())
}

/// A client that has said who it is.
pub async fn known(door: &Door, token: &Issued) -> Client {
    let mut client = door.client().await;
    let reply = client.ask(&auth(token)).await;
    assert_eq!((&reply["ok"], &reply["principal"]), (&json!(true), &json!(token.by)), "{reply}");
    client
}

fn code(reply: &Value) -> &str {
    reply["code"].as_str().unwrap_or("done")
}

/// Opens alice with 100, bob with 50 and zoe with 7: seqs 1 to 3, and then moves 10 from alice to bob.
async fn fill(door: &Door, teller: &Issued) {
    let mut client = known(door, teller).await;
    for (user, amount) in [("alice", 100), ("bob", 50), ("zoe", 7)] {
        assert_eq!(code(&client.ask(deposit(user, amount).trim_end()).await), "done");
    }
    let moved = r#"{"cmd":"transfer","from":"alice","to":"bob","amount":10,"tx_id":"rent"}"#;
    assert_eq!(code(&client.ask(moved).await), "done");
}

#[tokio::test]
async fn before_auth_nothing_is_done_and_the_third_try_closes() {
    let principals = Principals::new();
    let door = principals.door().await;
    let mut client = door.client().await;
    let reply = client.ask(r#"{"cmd":"totals"}"#).await;
    assert_eq!((code(&reply), &reply["as_of"]), ("unauthenticated", &json!(0)));
    let secret = format!("saldo_abcdefgh_{}", "0".repeat(64));
    let reply = client.ask(&format!(r#"{{"cmd":"auth","token":"{secret}"}}"#)).await;
    assert_eq!(code(&reply), "unauthenticated");
    assert!(!reply.to_string().contains(&secret));
    assert_eq!(code(&client.ask(deposit("alice", 5).trim_end()).await), "unauthenticated");
    client.is_closed().await;
    assert_eq!(door.bank.requests_count(), 0);
    let counters = door.desk.counters();
    assert_eq!(counters.auth_failures(AuthFailure::Unknown), 1);
    assert_eq!(counters.auth_failures(AuthFailure::Absent), 2);
    let audit = principals.audit();
    assert!(audit.contains("sign in by token") && audit.contains("denied: unknown"), "{audit}");
    assert!(!audit.contains(&secret));
}

#[tokio::test]
async fn before_auth_a_long_line_and_silence_are_ended() {
    let principals = Principals::new();
    let door = principals.door().await;
    let mut long = door.client().await;
    long.send("x".repeat(1_025)).await;
    let mut silent = door.client().await;
    for client in [&mut long, &mut silent] {
        let reply = timeout(Duration::from_secs(30), client.reply()).await.expect("a last word");
        assert_eq!(code(&reply), "unauthenticated");
        client.is_closed().await;
    }
    assert_eq!(door.desk.counters().auth_failures(AuthFailure::Late), 1);
}

#[tokio::test]
async fn lines_behind_auth_in_the_same_write_are_answered() {
    let principals = Principals::new();
    let door = principals.door().await;
    let teller = principals.add(&Grant::of(Role::Teller));
    door.desk.access().refresh().unwrap();
    let mut client = door.client().await;
    let again = auth(&teller);
    client.send(format!("{again}\n{}{again}\n", deposit("alice", 5))).await;
    assert_eq!(client.reply().await["role"], json!("teller"));
    assert_eq!(client.reply().await["after"], json!(5));
    assert_eq!(code(&client.reply().await), "invalid_request");
}

#[tokio::test]
async fn where_access_control_is_off_auth_is_answered_and_changes_nothing() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let reply = client.ask(r#"{"cmd":"auth","token":"anything"}"#).await;
    assert_eq!(reply, json!({"ok":true,"principal":null,"role":null}));
    assert_eq!(code(&client.ask(deposit("alice", 5).trim_end()).await), "done");
}

const INIT: &str = r#"{"cmd":"init_accounts","accounts":{"alice":1}}"#;
const WITHDRAW: &str = r#"{"cmd":"withdraw","user":"alice","amount":1}"#;
const RESOLVE: &str = r#"{"cmd":"resolve","tx_id":"never"}"#;
const PAST: &str = r#"{"cmd":"balance","user":"alice","at_seq":1}"#;
const SEVERAL: &str = r#"{"cmd":"balance","users":["alice","zoe"]}"#;
const STATEMENT: &str = r#"{"cmd":"statement","user":"alice"}"#;
const TRANSFER: &str = r#"{"cmd":"transfer","from":"alice","to":"bob","amount":1}"#;

#[tokio::test]
async fn each_role_may_do_what_the_table_says() {
    let principals = Principals::new();
    let tokens =
        [Role::Admin, Role::Teller, Role::Auditor].map(|role| principals.add(&Grant::of(role)));
    let stranger = principals.add(&customer(&["nobody"]));
    let door = principals.door().await;
    fill(&door, &tokens[1]).await;
    let deposit = deposit("alice", 1);
    let lines = [
        // The columns: admin, teller, auditor, a customer with other accounts.
        (INIT, [true, false, false, false]),
        (deposit.trim_end(), [false, true, false, false]),
        (WITHDRAW, [false, true, false, false]),
        (TRANSFER, [false, true, false, false]),
        (RESOLVE, [false, true, false, false]),
        (r#"{"cmd":"balance","user":"alice"}"#, [true, true, true, false]),
        (SEVERAL, [true, true, true, false]),
        (PAST, [true, true, true, false]),
        (STATEMENT, [true, true, true, false]),
        (r#"{"cmd":"totals"}"#, [true, true, true, false]),
        (r#"{"cmd":"accounts"}"#, [true, true, true, true]),
        (r#"{"cmd":"transactions"}"#, [true, true, true, true]),
    ];
    for (place, token) in tokens.iter().chain([&stranger]).enumerate() {
        let mut client = known(&door, token).await;
        for (line, may) in lines {
            let reply = client.ask(line).await;
            let expected = if may[place] { "done" } else { "forbidden" };
            assert_eq!(code(&reply), expected, "{line} of {}: {reply}", token.by);
        }
    }
    let counters = door.desk.counters();
    assert_eq!(counters.forbidden(), 4 + 1 + 5 + 10);
    for (token, may) in tokens.iter().zip([true, false, false]).skip(1) {
        let reply = known(&door, token).await.ask(r#"{"cmd":"shutdown"}"#).await;
        assert_eq!(code(&reply) == "done", may);
    }
    let reply = known(&door, &tokens[0]).await.ask(r#"{"cmd":"shutdown"}"#).await;
    assert_eq!(reply["ok"], json!(true));
    door.closed().await;
    assert!(principals.audit().contains("\"what\":\"shutdown\""));
}

#[tokio::test]
async fn a_customer_is_shown_what_is_its_own_and_cannot_tell_foreign_from_missing() {
    let principals = Principals::new();
    let teller = principals.add(&Grant::of(Role::Teller));
    let alice = principals.add(&customer(&["alice", "alice:savings", "never-opened"]));
    let door = principals.door().await;
    fill(&door, &teller).await;
    let mut client = known(&door, &alice).await;
    let there = client.ask(r#"{"cmd":"balance","user":"bob"}"#).await;
    let missing = client.ask(r#"{"cmd":"balance","user":"bob2"}"#).await;
    assert_eq!(there, missing);
    assert_eq!(code(&there), "forbidden");
    let own = client.ask(r#"{"cmd":"balance","users":["alice","never-opened"]}"#).await;
    assert_eq!(own["balances"][0]["balance"], json!(90));
    assert_eq!(own["balances"][1]["exists"], json!(false));

    let rent = client.ask(r#"{"cmd":"transaction","tx_id":"rent"}"#).await;
    let expected = json!({"user":"alice","before":100,"after":90});
    assert_eq!(rent["transaction"]["from"], expected);
    assert_eq!(rent["transaction"]["to"], json!({"user":"bob"}), "bob's balance is his");
    let foreign = client.ask(r#"{"cmd":"transaction","seq":2}"#).await;
    let none = client.ask(r#"{"cmd":"transaction","seq":99}"#).await;
    assert_eq!(foreign, none);
    assert_eq!(code(&foreign), "unknown_transaction");
    let listed = client.ask(r#"{"cmd":"transactions"}"#).await;
    let seqs: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| &item["seq"]).collect();
    assert_eq!(seqs, [&json!(1), &json!(4)]);
    assert!(!listed.to_string().contains("60"), "{listed}");

    // Between own accounts money moves; to and from others it does not.
    let save = r#"{"cmd":"transfer","from":"alice","to":"alice:savings","amount":30}"#;
    assert_eq!(client.ask(save).await["to"]["after"], json!(30));
    assert_eq!(code(&client.ask(TRANSFER).await), "forbidden");
    let steal = r#"{"cmd":"transfer","from":"bob","to":"alice","amount":1}"#;
    assert_eq!(code(&client.ask(steal).await), "forbidden");
}

#[tokio::test]
async fn a_customers_list_of_accounts_is_its_own_page_by_page() {
    let principals = Principals::new();
    let teller = principals.add(&Grant::of(Role::Teller));
    let owner = principals.add(&customer(&["zoe", "bob", "never-opened", "alice"]));
    let door = principals.door().await;
    fill(&door, &teller).await;
    let mut client = known(&door, &teller).await;
    client.ask(deposit("mallory", 1).trim_end()).await;
    let mut client = known(&door, &owner).await;
    let (mut names, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let line = json!({"cmd":"accounts","limit":1,"count":true,"cursor":cursor});
        let page = client.ask(&line.to_string()).await;
        assert_eq!((&page["count"], &page["as_of"]), (&json!(3), &json!(5)), "{page}");
        for item in page["items"].as_array().unwrap() {
            names.push(item["user"].as_str().unwrap().to_owned());
        }
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(names, ["alice", "bob", "zoe"]);
    let page = client.ask(r#"{"cmd":"accounts","prefix":"al"}"#).await;
    assert_eq!(page["items"], json!([{"user":"alice","balance":90,"seq":4}]));
}

#[tokio::test]
async fn a_revoked_token_ends_its_connections_busy_and_idle() {
    let principals = Principals::new();
    let teller = principals.add(&Grant::of(Role::Teller));
    let other = principals.add(&Grant::of(Role::Teller));
    let door = principals.door().await;
    let mut idle = known(&door, &teller).await;
    let mut follows = known(&door, &teller).await;
    assert_eq!(follows.ask(r#"{"cmd":"follow"}"#).await["ok"], json!(true));
    let mut busy = known(&door, &teller).await;
    let mut stays = known(&door, &other).await;
    principals.store().revoke(&teller.id, &ME).unwrap();
    for client in [&mut idle, &mut follows] {
        let reply = timeout(Duration::from_secs(30), client.reply()).await.expect("a last word");
        assert_eq!(code(&reply), "unauthenticated");
        client.is_closed().await;
    }
    // The file has been read again: from here on not one request is executed.
    let before = door.bank.requests_count();
    busy.send(deposit("alice", 5)).await;
    assert_eq!(code(&busy.reply().await), "unauthenticated");
    assert_eq!(door.bank.requests_count(), before);
    assert_eq!(code(&stays.ask(deposit("alice", 5).trim_end()).await), "done");
    assert_eq!(door.desk.counters().auth_failures(AuthFailure::Revoked), 3);
    let mut late = door.client().await;
    assert_eq!(code(&late.ask(&auth(&teller)).await), "unauthenticated");
}

#[tokio::test]
async fn limits_hold_for_what_moves_and_not_for_what_moved_before() {
    let principals = Principals::new();
    let limits = Limits { transaction: Some(60), day: Some(100) };
    let teller = principals.add(&Grant { limits, ..Grant::of(Role::Teller) });
    let door = principals.door().await;
    let mut client = known(&door, &teller).await;
    let give = |amount: usize, tx_id: &str| {
        json!({"cmd":"deposit","user":"alice","amount":amount,"tx_id":tx_id}).to_string() + "\n"
    };
    assert_eq!(code(&client.ask(give(61, "a").trim_end()).await), "limit_exceeded");
    // All in one write: the refusals keep their places, and what stands between them is done.
    let lines = [
        give(50, "b"),
        give(60, "c"),
        give(40, "d"),
        give(40, "d"),
        give(11, "e"),
        give(50, "b"),
        give(10, "f"),
        give(1, "g"),
        "{\"cmd\":\"withdraw\",\"user\":\"zed\",\"amount\":1}\n".to_owned(),
    ];
    client.send(lines.concat()).await;
    let mut replies = Vec::new();
    for _ in &lines {
        let reply = client.reply().await;
        replies.push((
            code(&reply).to_owned(),
            reply["after"].as_i64(),
            reply["duplicate"] == true,
        ));
    }
    let done = |after| ("done".to_owned(), Some(after), false);
    let again = |after| ("done".to_owned(), Some(after), true);
    let limit = || ("limit_exceeded".to_owned(), None, false);
    let expected =
        [done(50), limit(), done(90), again(90), limit(), again(50), done(100), limit(), limit()];
    assert_eq!(replies, expected);
}

#[tokio::test]
async fn who_did_it_stands_in_each_transaction_whatever_name_a_request_comes_with() {
    let principals = Principals::new();
    let limits = Limits { transaction: None, day: Some(100) };
    let teller = principals.add(&Grant { limits, ..Grant::of(Role::Teller) });
    let door = principals.door().await;
    let mut client = known(&door, &teller).await;
    client.ask(r#"{"cmd":"deposit","user":"alice","amount":5,"tx_id":"t"}"#).await;
    client.ask(r#"{"cmd":"resolve","tx_id":"never"}"#).await;
    let page = client.ask(r#"{"cmd":"transactions"}"#).await;
    let by: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| &item["by"]).collect();
    assert_eq!(by, [&json!(teller.by), &json!(teller.by)]);

    // The bank of these tests dates its events years ago: none of them counts for today.
    let desk = Desk::new(door.bank.clone(), door.desk.access().clone(), door.stop.clone());
    let who = desk.access().token(teller.secret.reveal()).unwrap();
    let give = |amount| Request::Write {
        command: Command::Deposit {
            account: AccountId::new("alice").unwrap(),
            amount: Amount::new(amount).unwrap(),
        },
        tx_id: TxId::new(format!("again-{amount}")).unwrap(),
        tx_id_given: true,
        not_after_us: None,
        by: None,
    };
    assert!(desk.ask(&who, give(95)).await.is_ok());
    assert!(matches!(desk.ask(&who, give(6)).await, Err(No::Limit(_))));
    let page = client.ask(r#"{"cmd":"transactions","from_seq":3}"#).await;
    assert_eq!(page["items"][0]["by"], json!(teller.by), "whatever name a request comes with");
}

#[tokio::test]
async fn a_refused_write_gives_its_part_of_the_day_back() {
    let principals = Principals::new();
    let limits = Limits { transaction: None, day: Some(100) };
    let teller = principals.add(&Grant { limits, ..Grant::of(Role::Teller) });
    let door = principals.door().await;
    let mut client = known(&door, &teller).await;
    let take = r#"{"cmd":"withdraw","user":"alice","amount":100}"#;
    for _ in 0..3 {
        assert_eq!(code(&client.ask(take).await), "insufficient_funds");
    }
    assert_eq!(code(&client.ask(deposit("alice", 100).trim_end()).await), "done");
    assert_eq!(code(&client.ask(take).await), "limit_exceeded");
}
