//! The whole bank out into a file, and from the file into another bank: the same balances. And a file
//! of payments that goes on where it stopped.

use std::process::Command;

use serde_json::Value;

use crate::harness::{Folder, Journal, Model, Random, Run, Serve, Server, end};
use crate::load::Life;

/// A bank that has seen every kind of transaction.
pub fn lived() -> (Life, Server) {
    let mut life = Life::new(Random::from_clock());
    let server = Serve::on(&life.folder).small().start();
    life.open(&server);
    life.work(&server, 2_500, || server.kill());
    drop(server);
    let server = Serve::on(&life.folder).small().start();
    let mut wire = server.connect();
    for line in [
        r#"{"cmd":"resolve","tx_id":"given up"}"#,
        r#"{"cmd":"deposit","user":"alice","amount":1,"not_after":1,"tx_id":"late"}"#,
        r#"{"cmd":"deposit","user":"two  spaces; and: (marks)","amount":77}"#,
        r#"{"cmd":"init_accounts","accounts":{"alice":5,"new":9}}"#,
    ] {
        wire.ask(line);
    }
    (life, server)
}

fn export(server: &Server, arguments: &[&str], file: &std::path::Path) {
    let file = file.display().to_string();
    Run::new(&["export"]).and(arguments).and(&["--out", &file]).at(server).end().with_code(0);
}

#[test]
fn an_export_imported_into_an_empty_bank_gives_the_same_balances() {
    let (life, server) = lived();
    let model = Model::of(&Journal::read(&life.folder));
    for format in ["jsonl", "csv"] {
        let folder = Folder::new();
        let other = Serve::on(&folder).small().start();
        let file = folder.around().join(format!("transactions.{format}"));
        export(&server, &["transactions", "--format", format], &file);
        let file = file.display().to_string();
        let dry = Run::new(&["import", &file, "--dry-run", "--json"]).at(&other).end().with_code(0);
        let tried: Value = serde_json::from_str(&dry.stdout).unwrap();
        let done =
            Run::new(&["import", &file, "--json", "--keep-going"]).at(&other).end().with_code(0);
        let done: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(done["done"], tried["done"], "{tried} {done}");
        assert_eq!(done["already_done"], 0, "{done}");
        let again =
            Run::new(&["import", &file, "--json", "--keep-going"]).at(&other).end().with_code(0);
        let again: Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!((&again["done"], &again["already_done"]), (&0.into(), &done["done"]), "{again}");
        let imported = Model::of(&Journal::read(&folder));
        assert_eq!(imported.names(), model.names());
        for name in model.names() {
            assert_eq!(imported.balance(&name), model.balance(&name), "{format}: {name}");
        }
        let accounts = [&server, &other].map(|bank| {
            Run::new(&["export", "accounts", "--format", "csv"]).at(bank).end().with_code(0).stdout
        });
        assert_eq!(accounts[0], accounts[1]);
    }
}

#[test]
fn an_export_has_every_transaction_however_large_they_are() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut wire = server.connect();
    for round in 0..8 {
        let accounts: serde_json::Map<String, Value> =
            (0..15_000).map(|n| (format!("account-{round}-{n:05}"), 1_000_000.into())).collect();
        let set = serde_json::json!({"cmd": "init_accounts", "accounts": accounts}).to_string();
        assert_eq!(wire.ask(&set)["ok"], true);
        for _ in 0..100 {
            wire.say(r#"{"cmd":"deposit","user":"alice","amount":1}"#);
        }
        (0..100).for_each(|_| assert_eq!(wire.reply()["ok"], true));
    }
    let file = folder.around().join("all.jsonl");
    export(&server, &["transactions"], &file);
    let text = std::fs::read_to_string(file).unwrap();
    let seqs: Vec<u64> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=8 * 101).collect::<Vec<u64>>());
}

#[test]
fn hledger_accepts_an_export_and_computes_the_same_balances() {
    let (life, server) = lived();
    let file = life.folder.around().join("bank.journal");
    export(&server, &["transactions", "--format", "hledger"], &file);
    let hledger = |arguments: &[&str]| {
        let mut command = Command::new("hledger");
        command.env("LC_ALL", "C.UTF-8").arg("-f").arg(&file).args(arguments);
        end(&mut command, b"").with_code(0).stdout
    };
    hledger(&["check"]);
    let model = Model::of(&Journal::read(&life.folder));
    for name in ["alice", "bob", "carol", "dave", "josé", "new"] {
        let account = format!("^accounts:{name}$");
        let told = hledger(&["balance", &account, "--no-total", "--flat", "-E"]);
        let balance = told.split_whitespace().next().unwrap_or("0");
        assert_eq!(balance.parse(), Ok(model.balance(name)), "{name}: {told}");
    }
}

#[test]
fn an_import_stops_at_a_refusal_or_keeps_it_and_goes_on_where_it_stopped() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let file = folder.around().join("payments.csv");
    let rows = "cmd,user,from,to,amount\ndeposit,ana,,,50\ntransfer,,ana,bia,80\ndeposit,bia,,,7\n";
    std::fs::write(&file, rows).unwrap();
    let file = file.display().to_string();
    let stopped = Run::new(&["import", &file]).at(&server).end().with_code(1);
    assert!(stopped.stderr.contains("row 3: insufficient funds"), "{}", stopped.stderr);
    assert!(stopped.stdout.is_empty(), "{}", stopped.stdout);
    let kept = Run::new(&["import", &file, "--keep-going"]).at(&server).end().with_code(1);
    assert!(kept.stderr.contains("1 of 3 rows were refused"), "{}", kept.stderr);
    let rejected = std::fs::read_to_string(format!("{file}.rejected.csv")).unwrap();
    assert_eq!(rejected.lines().count(), 2, "{rejected}");
    assert!(rejected.contains("insufficient_funds"), "{rejected}");
    let mut wire = server.connect();
    assert_eq!((wire.balance("ana").0, wire.balance("bia").0), (50, 7), "each row once");
    std::fs::write(&file, "cmd,user,amount\ndeposit,ana,1\nfly,ana,1\n").unwrap();
    let bad = Run::new(&["import", &file]).at(&server).end().with_code(2);
    assert!(bad.stderr.contains("row 3"), "{}", bad.stderr);
    assert_eq!(wire.balance("ana").0, 50, "a file that is wrong does nothing");
}
