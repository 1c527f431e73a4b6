//! `saldo bench` against a small bank of this test's own, honest or not.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::run::run;
use crate::server::{Say, Server};

/// A bank that keeps balances, and takes `fee` of every hundredth transfer for itself.
fn bank(fee: i64) -> Server {
    let mut held: HashMap<String, i64> = HashMap::new();
    let mut transfers = 0;
    Server::start(move |line| {
        let sent: Value = serde_json::from_str(line).unwrap();
        let name = |key: &str| sent[key].as_str().unwrap().to_owned();
        let reply = match sent["cmd"].as_str().unwrap() {
            "init_accounts" => {
                for (account, balance) in sent["accounts"].as_object().unwrap() {
                    held.insert(account.clone(), balance.as_i64().unwrap());
                }
                json!({"accounts":sent["accounts"],"seq":1,"tx_id":sent["tx_id"]})
            }
            "balance" => {
                let users = sent["users"].as_array().unwrap().iter();
                let balances: Vec<Value> = users
                    .map(|user| json!({"user":user,"balance":held[user.as_str().unwrap()]}))
                    .collect();
                json!({"balances":balances,"as_of":1})
            }
            _ => {
                transfers += 1;
                let amount = sent["amount"].as_i64().unwrap();
                *held.get_mut(&name("from")).unwrap() -= amount;
                let kept = if transfers % 100 == 0 { fee } else { 0 };
                *held.get_mut(&name("to")).unwrap() += amount - kept;
                json!({"seq":transfers})
            }
        };
        // A reply begins with its verdict; serde_json would order it among the other keys.
        Say::Line(reply.to_string().replacen('{', r#"{"ok":true,"#, 1))
    })
}

const SMALL: &[&str] =
    &["bench", "--secs", "1", "--conns", "2", "--depth", "8", "--accounts", "2500", "--seed", "7"];

#[test]
fn an_honest_bank_is_measured_and_proven() {
    let server = bank(0);
    let ran = run(&[SMALL, &["--json", "--server", &server.address]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema"], "saldo.bench/1");
    assert_eq!(document["seed"], 7);
    assert_eq!(document["refused"], 0);
    assert_eq!(
        document["money"],
        json!({"set":2_500_000_000_000_000_i64,"found":2_500_000_000_000_000_i64})
    );
    let heard = server.heard();
    let sent = heard.iter().filter(|line| line.contains("transfer")).count();
    assert_eq!(
        document["transfers"], sent,
        "every transfer that was sent was answered and counted"
    );
    assert!(ran.err.ends_with(" s\n") && ran.err.starts_with("bench: "), "{}", ran.err);
}

#[test]
fn a_bank_that_keeps_a_cent_is_found_out() {
    let server = bank(1);
    let ran = run(&[SMALL, &["-q", "--server", &server.address]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (6, ""));
    assert!(ran.err.starts_with("error[totals_differ]: the accounts bench-"), "{}", ran.err);
}

#[test]
fn a_bank_that_goes_away_leaves_transfers_of_unknown_outcome() {
    let mut count = 0;
    let server = Server::start(move |line| {
        count += 1;
        match count {
            // The opening balances, and nothing more.
            1 => {
                let sent: Value = serde_json::from_str(line).unwrap();
                let tx_id = &sent["tx_id"];
                Say::Line(format!(r#"{{"ok":true,"accounts":{{}},"seq":1,"tx_id":{tx_id}}}"#))
            }
            _ => Say::Goodbye,
        }
    });
    let ran = run(&[SMALL, &["-q", "--server", &server.address]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (5, ""));
    assert!(ran.err.contains("were sent and not answered"), "{}", ran.err);
}

#[test]
fn no_bank_at_all_is_said_before_the_run() {
    let ran = run(&[SMALL, &["--server", "127.0.0.1:1"]].concat());
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("connection refused"), "{}", ran.err);
}
