//! `saldo init`: every form of file, accounts that exist, and files too large for one request.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{ran, saldo, table};
use crate::server::{Say, Server};

const NO_TRANSACTION: &str =
    r#"{"ok":false,"error":"there is no such transaction","code":"unknown_transaction","as_of":1}"#;

/// A bank in which `existing` hold 5 already, and which takes every init.
fn bank(existing: &'static [&'static str]) -> Server {
    Server::start(move |line| Say::Line(reply(line, existing)))
}

fn reply(line: &str, existing: &[&str]) -> String {
    let sent: Value = serde_json::from_str(line).unwrap();
    if sent["cmd"] == "transaction" {
        return NO_TRANSACTION.to_owned();
    }
    if let Some(users) = sent["users"].as_array() {
        let held: Vec<Value> = users
            .iter()
            .map(|user| {
                let exists = existing.contains(&user.as_str().unwrap());
                json!({"user":user,"balance":if exists { 5 } else { 0 },"exists":exists})
            })
            .collect();
        return json!({"ok":true,"balances":held,"as_of":1}).to_string();
    }
    // The accounts in the order of the request, which a map of this parser would not keep.
    let (_, behind) = line.split_once(r#""accounts":"#).unwrap();
    let (accounts, _) = behind.split_once('}').unwrap();
    let tx_id = &sent["tx_id"];
    format!(r#"{{"ok":true,"accounts":{accounts}}},"seq":1,"tx_id":{tx_id}}}"#)
}

fn inits(server: &Server) -> Vec<Value> {
    let parsed =
        server.heard().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    parsed.filter(|sent| sent["cmd"] == "init_accounts").collect()
}

fn file(content: &str) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("accounts.json");
    fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn balances_are_set_in_one_request_and_shown_in_the_order_of_the_file() {
    let server = bank(&[]);
    let (_folder, path) = file(r#"{"bob":50000,"alice":100000}"#);
    table(&server.address, &["init", &path]).assert_done("bob     50000\nalice  100000\n");
    let sent = inits(&server);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["accounts"], json!({"alice":100000,"bob":50000}));
    assert_eq!(sent[0]["tx_id"].as_str().unwrap().len(), 36);
}

#[test]
fn the_state_of_the_original_program_is_taken_over_from_stdin() {
    let server = bank(&[]);
    let mut child = saldo(&["init", "-", "--server", &server.address])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let state = br#"{"accounts": {"alice": {"balance": 7}}, "timestamp": 1732.5, "version": 2}"#;
    child.stdin.take().unwrap().write_all(state).unwrap();
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.out.as_str()), (0, "alice\t7\n"));
    assert_eq!(ran.err, "note: stdin: only what stands in \"accounts\" is read, not \"version\"\n");
}

#[test]
fn accounts_that_exist_are_not_set_without_a_yes() {
    let server = bank(&["bob", "eve"]);
    let (_folder, path) = file(r#"{"alice":1,"bob":2,"eve":3}"#);
    let ran = table(&server.address, &["init", &path]);
    ran.assert_failed(
        2,
        &format!(
            "error[accounts_exist]: 2 of the 3 accounts exist, \"bob\" holds 5, and their balances would be set\n  \
             hint: saldo init {path} --yes\n"
        ),
    );
    assert!(inits(&server).is_empty());
    assert_eq!(table(&server.address, &["init", &path, "--yes"]).code, 0);
    assert_eq!(inits(&server).len(), 1);
}

#[test]
fn a_tx_id_that_was_used_before_reaches_the_bank_and_one_that_was_not_is_asked_about() {
    let server = Server::start(|line| {
        if line.contains("\"transaction\"") && line.contains("\"old\"") {
            let found = r#"{"ok":true,"transaction":{"seq":1,"tx":"init","tx_id":"old","accounts":{"bob":{"before":0,"after":2}},"at":7},"as_of":9}"#;
            return Say::Line(found.to_owned());
        }
        Say::Line(reply(line, &["bob"]).replace("\"old\"}", "\"old\",\"duplicate\":true}"))
    });
    let (_folder, path) = file(r#"{"bob":2}"#);
    let ran = table(&server.address, &["init", &path, "--tx-id", "old"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "bob  2\n"), "{}", ran.err);
    assert!(ran.err.contains("the init old had happened before"), "{}", ran.err);
    let ran = table(&server.address, &["init", &path, "--tx-id", "new"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("error[accounts_exist]"), "{}", ran.err);
    assert_eq!(inits(&server).len(), 1);
}

/// 30,000 accounts, which need 1.4 MiB.
fn large() -> String {
    let pairs: Vec<String> =
        (0..30_000).map(|number| format!(r#""{number:040}":{number}"#)).collect();
    format!("{{{}}}", pairs.join(","))
}

#[test]
fn a_file_too_large_for_one_line_is_set_in_several_requests_and_that_is_said() {
    let server = bank(&[]);
    let (_folder, path) = file(&large());
    let ran = table(&server.address, &["init", &path, "--tx-id", "big", "--yes"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 30_000), "{}", ran.err);
    assert_eq!(
        ran.err,
        format!(
            "note: {path} is too large for one request; its balances are set in 2, each all or nothing\n"
        )
    );
    let sent = inits(&server);
    let names: Vec<&Value> = sent.iter().map(|request| &request["tx_id"]).collect();
    assert_eq!(names, ["big/1", "big/2"]);
    assert!(server.heard().iter().all(|line| line.len() <= 1 << 20));
    let count: usize =
        sent.iter().map(|request| request["accounts"].as_object().unwrap().len()).sum();
    assert_eq!(count, 30_000);
}

#[test]
fn a_loss_in_the_middle_tells_what_was_done_and_the_command_that_goes_on() {
    let server = Server::start(|line| {
        if line.contains("big/2") { Say::Nothing } else { Say::Line(reply(line, &[])) }
    });
    let (_folder, path) = file(&large());
    let words = ["init", &path, "--tx-id", "big", "--yes", "--timeout", "2s"];
    let ran = table(&server.address, &words);
    assert_eq!((ran.code, ran.out.as_str()), (5, ""));
    assert!(ran.err.contains("; the first 1 of 2 requests were done\n"), "{}", ran.err);
    assert_eq!(ran.hinted_command(), format!("saldo init {path} --tx-id big --yes"));
}
