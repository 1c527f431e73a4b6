//! What `saldo import` says when answers are lost, or when no bank is there.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::harness::{Folder, Run, Scripted};

const TOTALS: &str =
    r#"{"ok":true,"accounts":0,"sum":0,"money_in":0,"money_out":0,"seq":40,"at":1,"as_of":40}"#;

fn is(request: &Value, cmd: &str) -> bool {
    request["cmd"] == cmd
}

/// A file of so many deposits, in a folder that lives as long.
fn deposits(count: usize) -> (Folder, String) {
    let folder = Folder::new();
    let path = folder.around().join("rows.csv");
    let rows: String = (1..=count).map(|amount| format!("deposit,ana,{amount}\n")).collect();
    fs::write(&path, format!("cmd,user,amount\n{rows}")).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

#[test]
fn an_import_without_a_bank_did_nothing_and_says_so() {
    let (_folder, file) = deposits(1);
    // A port on which nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    for flags in [&[][..], &["--keep-going"], &["--dry-run"]] {
        let ended = Run::new(&["import", &file, "--timeout", "500ms"])
            .and(flags)
            .env("SALDO_SERVER", &address)
            .end()
            .with_code(3);
        assert!(ended.stderr.contains("error[unreachable]"), "{}", ended.stderr);
    }
}

#[test]
fn what_the_bank_could_not_do_keeps_its_code() {
    let (_folder, file) = deposits(3);
    for code in ["overloaded", "index_unavailable", "shutting_down"] {
        let no = format!(r#"{{"ok":false,"error":"not now","code":"{code}"}}"#);
        let bank = Scripted::start(move |request, _| {
            Some(if is(request, "totals") { TOTALS.to_owned() } else { no.clone() })
        });
        let ended = Run::new(&["import", &file, "--timeout", "300ms"])
            .env("SALDO_SERVER", &bank.address.to_string())
            .end()
            .with_code(3);
        assert!(ended.stderr.contains(&format!("error[{code}]")), "{}", ended.stderr);
        assert!(ended.stderr.contains("0 rows were done"), "{}", ended.stderr);
    }
}

#[test]
fn a_row_whose_answer_never_came_may_have_happened() {
    let (_folder, file) = deposits(3);
    let bank = Scripted::start(|request, _| {
        let first = is(request, "deposit") && request["amount"] == 1;
        match () {
            () if is(request, "totals") => Some(TOTALS.to_owned()),
            () if first => Some(r#"{"ok":true,"before":0,"after":1,"seq":41,"tx_id":"t"}"#.into()),
            () => None,
        }
    });
    for (flags, told) in [
        (&[][..], "1 row was done, of 1 it is not known"),
        (&["--keep-going"], "1 row was done, of 2 it is not known"),
    ] {
        let ended = Run::new(&["import", &file, "--timeout", "300ms"])
            .and(flags)
            .env("SALDO_SERVER", &bank.address.to_string())
            .end()
            .with_code(5);
        assert!(ended.stderr.contains("error[outcome_unknown]"), "{}", ended.stderr);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}

#[test]
fn a_row_whose_first_answer_was_lost_counts_as_done_by_this_run() {
    let (_folder, file) = deposits(3);
    // Each deposit is done when it comes first, and answered when it comes again; but the second one
    // had been done long before.
    let bank = Scripted::start(|request, number| {
        if is(request, "totals") {
            return Some(TOTALS.to_owned());
        }
        let amount = request["amount"].as_u64().unwrap();
        let seq = if amount == 2 { 7 } else { 40 + amount };
        let again = format!(
            r#"{{"ok":true,"before":0,"after":1,"seq":{seq},"tx_id":"t","duplicate":true}}"#
        );
        (number > 3).then_some(again)
    });
    let told = Run::new(&["import", &file, "--json", "--keep-going"])
        .env("SALDO_SERVER", &bank.address.to_string())
        .end()
        .with_code(0)
        .json();
    assert_eq!((&told["done"], &told["already_done"]), (&2.into(), &1.into()), "{told}");
}

#[test]
fn an_import_keeps_its_connection_from_beginning_to_end() {
    let (_folder, file) = deposits(1_300);
    let bank = Scripted::start(|request, number| {
        Some(if is(request, "totals") {
            TOTALS.to_owned()
        } else {
            format!(r#"{{"ok":true,"before":0,"after":1,"seq":{},"tx_id":"t"}}"#, 41 + number)
        })
    });
    Run::new(&["import", &file, "--keep-going"])
        .env("SALDO_SERVER", &bank.address.to_string())
        .end()
        .with_code(0);
    assert_eq!(bank.connections(), 1);
    let amounts = bank.requests().into_iter().filter_map(|request| request["amount"].as_u64());
    assert_eq!(amounts.collect::<Vec<_>>(), (1..=1_300).collect::<Vec<_>>());
}
