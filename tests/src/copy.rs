//! `saldo copy` and `saldo verify` over a database with a standby: a bank that was moved is the same
//! bank, also when the copy was killed on the way, and half a bank is never served.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::bulk::lived;
use crate::database::{Database, sql};
use crate::harness::{Ended, Folder, Random, Run, Serve, Server, clean, run, saldo, signal, until};
use crate::history::pages;

/// Places of a bank, as `--data` takes them.
fn shown(folder: &Folder) -> String {
    folder.data().display().to_string()
}

fn copy(from: &str, to: &str) -> Ended {
    run(&["copy", "--json", "--from", from, "--to", to])
}

fn serve(place: &str) -> Serve {
    Serve::at(Path::new(place))
}

/// The error that a verb with `--json` ended with.
fn error_of(ended: &Ended) -> Value {
    let last = ended.stderr.lines().last();
    let last = last.unwrap_or_else(|| panic!("it said nothing: {ended:?}"));
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn refused_as(ended: Ended, exit: i32, code: &str) -> Value {
    let error = error_of(&ended.with_code(exit));
    assert_eq!(error["code"], code, "{error}");
    error
}

/// A bank with every kind of event, at rest.
fn bank() -> Folder {
    let (life, server) = lived();
    server.shut_down().with_code(0);
    life.folder
}

/// The request that led to a transaction, under its tx_id; to a void any request leads.
fn request_of(transaction: &Value) -> Value {
    let field = |key: &str| {
        let value = &transaction[key];
        // A leg of a transfer says what the account held; a refused one names the account.
        value.get("user").unwrap_or(value).clone()
    };
    let kind = match transaction["tx"].as_str().unwrap() {
        "refused" => transaction["cmd"].as_str().unwrap(),
        "void" => "void",
        kind => kind,
    };
    let mut request = match kind {
        "init" | "init_accounts" => {
            let accounts = transaction["accounts"].as_object().unwrap();
            let openings: serde_json::Map<String, Value> = accounts
                .iter()
                .map(|(name, held)| (name.clone(), held.get("after").unwrap_or(held).clone()))
                .collect();
            json!({"cmd": "init_accounts", "accounts": openings})
        }
        "transfer" => json!({"cmd": kind, "from": field("from"), "to": field("to"),
                             "amount": field("amount")}),
        "void" => json!({"cmd": "deposit", "user": "alice", "amount": 1}),
        _ => json!({"cmd": kind, "user": field("user"), "amount": field("amount")}),
    };
    request["tx_id"] = field("tx_id");
    request
}

/// Everything that a bank says of itself, in words that two of them can be compared by.
fn picture(server: &Server) -> Vec<(String, Value)> {
    let mut wire = server.connect();
    let mut said = Vec::new();
    let (transactions, _) = pages(&mut wire, &json!({"cmd": "transactions"}), 500);
    let (accounts, _) = pages(&mut wire, &json!({"cmd": "accounts"}), 3);
    said.push(("totals".to_owned(), wire.ask(r#"{"cmd":"totals"}"#)));
    for account in &accounts {
        for is_oldest_first in [false, true] {
            let order = if is_oldest_first { "oldest" } else { "newest" };
            let asked = json!({"cmd": "statement", "user": account["user"], "order": order});
            let (lines, _) = pages(&mut wire, &asked, 97);
            said.push((asked.to_string(), lines.into()));
        }
        for at in (1..transactions.len()).step_by(199) {
            let asked = json!({"cmd": "balance", "user": account["user"], "at": at}).to_string();
            said.push((asked.clone(), wire.ask(&asked)));
        }
    }
    // Old requests, each under its tx_id: none is done again.
    let requests: Vec<Value> = transactions.iter().map(request_of).collect();
    for some in requests.chunks(200) {
        let lines: String = some.iter().map(|request| format!("{request}\n")).collect();
        wire.send(lines.as_bytes());
        for request in some {
            let reply = wire.reply();
            assert_eq!(reply["duplicate"], true, "{request}: {reply}");
            said.push((request.to_string(), reply));
        }
    }
    // And the tx_id of each kind with another content.
    for transaction in transactions.iter().step_by(101) {
        let other = json!({"cmd": "deposit", "user": "else", "amount": 3,
                           "tx_id": transaction["tx_id"]});
        said.push((other.to_string(), wire.ask(&other.to_string())));
    }
    said.push(("totals afterwards".to_owned(), wire.ask(r#"{"cmd":"totals"}"#)));
    said.push(("transactions".to_owned(), transactions.into()));
    said.push(("accounts".to_owned(), accounts.into()));
    said
}

/// All three exports of a bank, as files.
fn exported(server: &Server, into: &Path) -> Vec<Vec<u8>> {
    let whats = [["transactions", "jsonl"], ["transactions", "hledger"], ["accounts", "csv"]];
    let export = |what: &[&str; 2]| {
        let file = into.join(format!("{}.{}", what[0], what[1]));
        let out = file.display().to_string();
        let arguments = ["export", what[0], "--format", what[1], "--out", &out];
        Run::new(&arguments).at(server).end().with_code(0);
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(file).unwrap();
        bytes
    };
    whats.iter().map(export).collect()
}

/// Starts a server over each place, and checks that they are one bank.
fn are_one_bank(places: &[&str]) {
    let folder = Folder::new();
    let mut first = None;
    for place in places {
        let server = serve(place).start();
        let (said, files) = (picture(&server), exported(&server, folder.around()));
        server.shut_down().with_code(0);
        let Some((said_first, files_first)) = &first else {
            assert!(said.len() > 2_000, "a bank with a history: {}", said.len());
            first = Some((said, files));
            continue;
        };
        for (one, other) in said.iter().zip(said_first) {
            assert_eq!(one, other, "{place}");
        }
        assert_eq!(said.len(), said_first.len(), "{place}");
        assert!(files == *files_first, "{place}: the exports differ");
    }
}

#[test]
fn a_bank_copied_into_a_database_and_back_is_the_same_bank() {
    let folder = bank();
    let database = Database::empty();
    let there = copy(&shown(&folder), &database.address).with_code(0).json();
    let back = Folder::new();
    let again = copy(&database.address, &shown(&back)).with_code(0).json();
    assert_eq!(there["schema"], "saldo.copy/1");
    for key in ["ledger", "currency", "last", "accounts", "sum", "world", "refusals", "content"] {
        assert_eq!(there[key], again[key], "{key}");
    }
    assert_eq!((&there["found"], &there["copied"]), (&0.into(), &there["last"]), "{there}");
    let proof = run(&["verify", "--json", &shown(&folder)]).with_code(0).json();
    let copied = run(&["verify", "--json", &shown(&back)]).with_code(0).json();
    let stored = run(&["verify", "--json", &database.address]).with_code(0).json();
    for key in ["ledger", "currency", "first", "last", "accounts", "sum", "world", "refusals"] {
        assert_eq!(proof[key], copied[key], "{key}");
        assert_eq!(proof[key], stored[key], "{key}");
        assert!(!proof[key].is_null(), "{key}");
    }
    assert_eq!(stored["content"], there["content"]);
    are_one_bank(&[&shown(&folder), &database.address, &shown(&back)]);
    // From folder to folder and from database to database it is the same verb.
    let third = Folder::new();
    copy(&shown(&back), &shown(&third)).with_code(0);
    let other = database.another("other");
    copy(&database.address, &other).with_code(0);
    are_one_bank(&[&shown(&third), &other]);
}

/// A copy under way.
struct Copying(Child);

impl Copying {
    /// With so many events in a commit.
    fn start(from: &str, to: &str, portion: u64) -> Self {
        let mut command = Command::new(saldo());
        clean(&mut command);
        command.args(["copy", "--portion", &portion.to_string(), "--from", from, "--to", to]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Kills it once `seq` tells that the target has so many events; whether that was in the middle.
    fn kill_at(mut self, wanted: u64, seq: impl Fn() -> u64) -> bool {
        let id = self.0.id();
        let ended = until("a copy that goes on", || {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(Some(status));
            }
            // It stands still while it is looked at, which takes longer than many of its commits.
            signal(id, "STOP");
            if seq() >= wanted {
                return Some(None);
            }
            signal(id, "CONT");
            None
        });
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        ended.is_none()
    }
}

/// Kills copies from `from` to `to` in the middle, at random places, and then lets one end. `portion`:
/// events in a commit.
fn copy_through_kills(from: &str, to: &str, portion: u64, last: u64, seq: impl Fn() -> u64) {
    let mut random = Random::from_clock();
    let mut killed_count = 0;
    for part in 0..4 {
        let wanted = (part * last + random.below(last)) / 5;
        if !Copying::start(from, to, portion).kill_at(wanted.max(1), &seq) {
            break;
        }
        let reached = seq();
        if reached == last {
            break;
        }
        killed_count += 1;
        assert!(reached >= wanted, "what is committed stays: {reached} of {wanted}");
        let refused = serve(to).refused().with_code(2);
        assert!(refused.stderr.contains("copy_unfinished"), "{refused:?}");
        // Half a bank is no source either.
        let nowhere = Folder::new();
        refused_as(copy(to, &shown(&nowhere)), 2, "copy_unfinished");
    }
    assert!(killed_count >= 2, "it was killed in the middle {killed_count} times");
    let found = seq();
    let copied = copy(from, to).with_code(0).json();
    assert_eq!((&copied["last"], &copied["found"]), (&last.into(), &found.into()), "{copied}");
}

#[test]
fn a_copy_that_is_killed_anywhere_goes_on_where_it_stopped_and_is_never_served_before_its_end() {
    let folder = bank();
    let database = Database::start();
    let last = run(&["verify", "--json", &shown(&folder)]).with_code(0).json()["last"].clone();
    let last = last.as_u64().unwrap();
    let address = database.address.clone();
    copy_through_kills(&shown(&folder), &address, 16, last, || {
        sql(&address, "SELECT seq FROM saldo.head").parse().unwrap()
    });
    run(&["verify", &address]).with_code(0);
    let back = Folder::new();
    copy_through_kills(&address, &shown(&back), 4, last, || {
        let proof = run(&["verify", "--json", &shown(&back)]);
        if proof.code == Some(0) {
            return proof.json()["last"].as_u64().unwrap();
        }
        // There is nothing to prove yet, or the copy writes a file anew at this moment.
        let told = proof.stderr.split_once("sound up to seq ").map(|(_, rest)| rest);
        let seq = told.and_then(|rest| rest.split(',').next());
        seq.map_or(0, |seq| seq.parse().unwrap())
    });
    run(&["verify", &shown(&back)]).with_code(0);
    are_one_bank(&[&shown(&folder), &address, &shown(&back)]);
}

#[test]
fn a_bank_that_goes_on_while_it_is_copied_is_told_and_copied_to_its_end_later() {
    let database = Database::empty();
    copy(&shown(&bank()), &database.address).with_code(0);
    let server = database.serve();
    let mut wire = server.connect();
    let mut deposit = || {
        let reply = wire.ask(r#"{"cmd":"deposit","user":"late","amount":1}"#);
        assert_eq!(reply["ok"], true, "{reply}");
        reply["seq"].as_u64().unwrap()
    };
    let folder = Folder::new();
    let mut copying = Copying::start(&database.address, &shown(&folder), 1);
    // It marks the folder when it knows how far the database has come.
    until("a copy that has begun", || folder.file("COPYING").exists().then_some(()));
    signal(copying.0.id(), "STOP");
    let last = deposit();
    signal(copying.0.id(), "CONT");
    let ended = until("a copy that ends", || copying.0.try_wait().unwrap());
    assert_eq!(ended.code(), Some(1));
    let mut said = String::new();
    copying.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("error[bank_moved]"), "{said}");
    let refused = run(&["verify", "--json", &shown(&folder)]).with_code(6);
    assert!(refused.stderr.contains("copy_unfinished"), "{refused:?}");
    let refused = Serve::on(&folder).refused().with_code(2);
    assert!(refused.stderr.contains("copy_unfinished"), "{refused:?}");
    let copied = copy(&database.address, &shown(&folder)).with_code(0).json();
    let expected = (&Value::from(last), &Value::from(last - 1));
    assert_eq!((&copied["last"], &copied["found"]), expected, "{copied}");
    // What happens later can be copied later, behind what is there.
    let last = deposit();
    let later = copy(&database.address, &shown(&folder)).with_code(0).json();
    assert_eq!((&later["last"], &later["copied"]), (&last.into(), &1.into()), "{later}");
    server.shut_down().with_code(0);
    are_one_bank(&[&database.address, &shown(&folder)]);
}

/// A folder whose bank took these deposits, in this order.
fn with_deposits(folder: &Folder, names: &[&str]) {
    let server = Server::start(folder);
    for name in names {
        let asked = json!({"cmd": "deposit", "user": name, "amount": 5, "tx_id": name});
        assert_eq!(server.connect().ask(&asked.to_string())["ok"], true);
    }
    server.shut_down().with_code(0);
}

#[test]
fn nothing_is_written_over_another_bank_or_another_history() {
    let database = Database::empty();
    let (folder, other) = (Folder::new(), Folder::new());
    with_deposits(&folder, &["a", "b"]);
    with_deposits(&other, &["c"]);
    copy(&shown(&folder), &database.address).with_code(0);
    refused_as(copy(&shown(&other), &database.address), 1, "another_ledger");
    refused_as(copy(&shown(&other), &shown(&folder)), 1, "another_ledger");
    // The same ledger, which went on in two places.
    let twin = Folder::copy_of(&folder);
    with_deposits(&folder, &["e", "f"]);
    with_deposits(&twin, &["g"]);
    refused_as(copy(&shown(&twin), &shown(&folder)), 1, "target_ahead");
    refused_as(copy(&shown(&folder), &shown(&twin)), 1, "another_history");
    let server = database.serve();
    let asked = r#"{"cmd":"deposit","user":"h","amount":5,"tx_id":"h"}"#;
    assert_eq!(server.connect().ask(asked)["ok"], true);
    server.shut_down().with_code(0);
    refused_as(copy(&shown(&folder), &database.address), 1, "another_history");
    // All are still served.
    for place in [&shown(&folder), &shown(&twin), &database.address] {
        serve(place).start().shut_down().with_code(0);
        run(&["verify", place]).with_code(0);
    }
    // A folder that is served is neither source nor target; nor is one with other files.
    let server = Server::start(&folder);
    refused_as(copy(&shown(&folder), &shown(&Folder::new())), 72, "folder_locked");
    refused_as(copy(&shown(&twin), &shown(&folder)), 72, "folder_locked");
    server.shut_down().with_code(0);
    let foreign = Folder::new();
    fs::create_dir(foreign.data()).unwrap();
    fs::write(foreign.file("notes.txt"), "mine").unwrap();
    refused_as(copy(&shown(&folder), &shown(&foreign)), 2, "data_folder");
    refused_as(copy(&shown(&Folder::new()), &shown(&foreign)), 2, "data_folder");
    let names: Vec<PathBuf> =
        fs::read_dir(foreign.data()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names, [foreign.file("notes.txt")]);
}

#[test]
fn an_empty_bank_is_copied_with_its_name_into_a_schema_made_for_another() {
    let database = Database::start();
    let folder = Folder::new();
    with_deposits(&folder, &[]);
    let copied = copy(&shown(&folder), &database.address).with_code(0).json();
    let stored = run(&["verify", "--json", &database.address]).with_code(0).json();
    let proof = run(&["verify", "--json", &shown(&folder)]).with_code(0).json();
    assert_eq!((&copied["last"], &copied["ledger"]), (&0.into(), &proof["ledger"]), "{copied}");
    assert_eq!(stored["ledger"], proof["ledger"]);
    let back = Folder::new();
    copy(&database.address, &shown(&back)).with_code(0);
    let server = Server::start(&back);
    assert_eq!(server.connect().ask(r#"{"cmd":"totals"}"#)["seq"], 0);
    server.shut_down().with_code(0);
    let again = run(&["verify", "--json", &shown(&back)]).with_code(0).json();
    assert_eq!(again["ledger"], proof["ledger"]);
}

#[test]
fn verify_tells_of_a_database_what_it_proved_and_ends_with_6_where_it_is_damaged() {
    let database = Database::start();
    // As a copy of another bank leaves it that was given up before its first portion.
    let begun =
        "INSERT INTO saldo.meta VALUES ('copying', 'unfinished'); UPDATE saldo.head SET k = 1";
    sql(&database.address, begun);
    let folder = Folder::new();
    with_deposits(&folder, &["a", "b", "c"]);
    let refused = run(&["verify", "--json", &database.address]).with_code(6);
    assert!(refused.stderr.contains("copy_unfinished"), "{refused:?}");
    copy(&shown(&folder), &database.address).with_code(0);
    let table = run(&["verify", "-o", "table", &database.address]).with_code(0).stdout;
    assert!(table.contains("seq 1 to 3 without a gap") && table.contains("one chain"), "{table}");
    let hash = run(&["verify", "-q", &database.address]).with_code(0).stdout;
    let hash = hash.trim();
    run(&["verify", &database.address, "--expect-seal", hash]).with_code(0);
    let other = "ab".repeat(32);
    let none = run(&["verify", "--json", &database.address, "--expect-seal", &other]);
    refused_as(none, 6, "seal_not_found");
    sql(&database.address, "UPDATE saldo.account SET balance = 6 WHERE name = 'b'");
    let damaged = refused_as(run(&["verify", "--json", &database.address]), 6, "corrupt");
    let told = damaged["error"].as_str().unwrap();
    assert!(told.ends_with("account: \"b\" balance is 6, the events give 5"), "{told}");
    let unreachable = run(&["verify", "--json", "postgres://saldo@127.0.0.1:1/none"]);
    refused_as(unreachable, 3, "database_unreachable");
}
