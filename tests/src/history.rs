//! The ledger remembers everything, and says it: each transaction by its tx_id and by its seq, each
//! account's statement, what it held at any moment, all accounts, the totals. The log itself, read by
//! the harness, is what the answers are held against.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use serde_json::{Value, json};

use crate::harness::{Folder, Journal, Kind, Model, Random, Serve, Server, Wire, until};
use crate::load::Life;

/// A bank with some thousands of events, many runs of the index and several files, and its log.
fn lived() -> (Life, Server) {
    let mut life = Life::new(Random::from_clock());
    let server = Serve::on(&life.folder).small().start();
    life.open(&server);
    life.work(&server, 4_000, || server.kill());
    drop(server);
    let server = Serve::on(&life.folder).small().start();
    life.check(&server);
    (life, server)
}

/// All items of a list, page by page, with the limit given; and the position of the answer.
pub fn pages(wire: &mut Wire, request: &Value, limit: usize) -> (Vec<Value>, u64) {
    let mut items = Vec::new();
    let mut cursor = Value::Null;
    let mut position = None;
    loop {
        let mut request = request.clone();
        request["limit"] = limit.into();
        if !cursor.is_null() {
            request["cursor"] = cursor.clone();
        }
        let reply = wire.ask(&request.to_string());
        assert_eq!(reply["ok"], true, "{request}: {reply}");
        let page = reply["items"].as_array().unwrap();
        assert!(page.len() <= limit, "{request}: {reply}");
        items.extend(page.iter().cloned());
        let as_of = reply["as_of"].as_u64();
        // Only lists of accounts move on from page to page.
        assert!(position.is_none() || position == as_of || request["cmd"] == "accounts", "{reply}");
        position = position.or(as_of);
        cursor = reply["next_cursor"].clone();
        if cursor.is_null() {
            return (items, position.unwrap());
        }
        assert_eq!(page.len(), limit, "a page before the last is full: {reply}");
    }
}

#[test]
fn every_event_is_found_by_its_tx_id_and_by_its_seq() {
    let (life, server) = lived();
    let journal = Journal::read(&life.folder);
    let mut wire = server.connect();
    for event in journal.events.iter().step_by(7) {
        let by_seq = wire.ask(&json!({"cmd": "transaction", "seq": event.seq}).to_string());
        let by_tx_id = wire.ask(&json!({"cmd": "transaction", "tx_id": event.tx_id}).to_string());
        assert_eq!(by_seq, by_tx_id);
        let told = &by_seq["transaction"];
        assert_eq!(told["seq"], event.seq, "{by_seq}");
        assert_eq!(told["tx_id"], *event.tx_id, "{by_seq}");
        assert_eq!(told["at"], event.at, "{by_seq}");
        let kind = match &event.kind {
            Kind::Init(_) => "init",
            Kind::Deposit { amount, after, .. } | Kind::Withdraw { amount, after, .. } => {
                assert_eq!((&told["amount"], &told["after"]), (&json!(amount), &json!(after)));
                if matches!(event.kind, Kind::Deposit { .. }) { "deposit" } else { "withdraw" }
            }
            Kind::Transfer { from, to, amount, after_from, after_to } => {
                assert_eq!(told["amount"], *amount);
                assert_eq!(told["from"]["user"], **from);
                assert_eq!(told["from"]["after"], *after_from);
                assert_eq!(told["to"]["user"], **to);
                assert_eq!(told["to"]["after"], *after_to);
                "transfer"
            }
            Kind::Refused { .. } | Kind::Late { .. } => "refused",
            Kind::Void => "void",
        };
        assert_eq!(told["tx"], kind, "{by_seq}");
    }
    let beyond = wire.ask(&json!({"cmd": "transaction", "seq": journal.last() + 1000}).to_string());
    assert_eq!(beyond["code"], "unknown_transaction", "{beyond}");
    let (all, _) = pages(&mut wire, &json!({"cmd": "transactions"}), 1_000);
    let seqs: Vec<u64> = all.iter().map(|one| one["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert!(seqs.len() as u64 >= journal.last());
}

#[test]
fn statements_hold_every_change_and_sum_to_the_balance_that_they_show() {
    let (life, server) = lived();
    server.shut_down().with_code(0);
    let server = Serve::on(&life.folder).small().start();
    let journal = Journal::read(&life.folder);
    let model = Model::of(&journal);
    let mut wire = server.connect();
    for user in model.names() {
        let changes = model.changes(&user);
        for (order, limit) in [("oldest", 1_000), ("newest", 37)] {
            let request = json!({"cmd": "statement", "user": user, "order": order});
            let (mut items, as_of) = pages(&mut wire, &request, limit);
            assert_eq!(as_of, journal.last());
            if order == "newest" {
                items.reverse();
            }
            let told: Vec<(u64, i64)> = items
                .iter()
                .map(|line| (line["seq"].as_u64().unwrap(), line["balance"].as_i64().unwrap()))
                .collect();
            assert_eq!(told, changes, "{user}, {order} first");
            let mut held = 0;
            for line in &items {
                held += line["amount"].as_i64().unwrap();
                assert_eq!(line["balance"], held, "{line}");
            }
            assert_eq!(held, model.balance(&user));
        }
        // A part by seq and the same part by time.
        let (middle, later) = (changes.len() / 3, changes.len() / 2);
        let (from, to) = (changes[middle].0, changes[later].0);
        let by_seq = json!({"cmd": "statement", "user": user, "order": "oldest", "limit": 1000,
            "from_seq": from, "to_seq": to});
        let part = wire.ask(&by_seq.to_string());
        assert_eq!(part["items"].as_array().unwrap().len(), later - middle + 1, "{part}");
        let before = middle.checked_sub(1).map_or(0, |before| changes[before].1);
        assert_eq!(part["balance_before"], before);
        assert_eq!(part["balance_after"], changes[later].1);
    }
    let nobody = wire.ask(r#"{"cmd":"statement","user":"nobody"}"#);
    assert_eq!(nobody["exists"], false, "{nobody}");
    assert_eq!(nobody["items"], json!([]));
    assert_eq!(nobody["balance_after"], 0);
}

#[test]
fn what_an_account_held_at_any_moment_is_told() {
    let (life, server) = lived();
    let journal = Journal::read(&life.folder);
    let model = Model::of(&journal);
    let mut random = Random::from_clock();
    let mut wire = server.connect();
    for _ in 0..300 {
        let names = model.names();
        let user = random.pick(&names);
        let event = random.pick(&journal.events);
        let seq = event.seq;
        let asked = json!({"cmd": "balance", "user": user, "at_seq": seq}).to_string();
        let reply = wire.ask(&asked);
        assert_eq!(reply["balance"], model.balance_at(user, seq), "{asked}: {reply}");
        assert_eq!(reply["as_of"], seq, "{reply}");
        // The last event of that microsecond.
        let last = journal.events.iter().rfind(|other| other.at <= event.at).unwrap().seq;
        let asked = json!({"cmd": "balance", "user": user, "at_time": event.at}).to_string();
        let reply = wire.ask(&asked);
        assert_eq!(reply["balance"], model.balance_at(user, last), "{asked}: {reply}");
        assert_eq!(reply["as_of"], last, "{asked}: {reply}");
    }
    for asked in [
        json!({"cmd": "balance", "user": "alice", "at_seq": journal.last() + 1_000_000}),
        json!({"cmd": "balance", "user": "alice", "at_time": 9_000_000_000_000_000_u64}),
    ] {
        assert_eq!(wire.ask(&asked.to_string())["code"], "not_yet", "{asked}");
    }
    let before = json!({"cmd": "balance", "user": "alice", "at_time": 1}).to_string();
    let before = wire.ask(&before);
    assert_eq!((&before["balance"], &before["as_of"]), (&json!(0), &json!(0)), "{before}");
}

#[test]
fn accounts_are_listed_by_name_and_the_totals_are_those_of_the_log() {
    let folder = Folder::new();
    let server = Serve::on(&folder).small().start();
    let mut wire = server.connect();
    let mut names: Vec<String> = (0..700).map(|n| format!("user-{:03}", n * 37 % 700)).collect();
    names.extend(["ação".to_owned(), "a\"b\\c".to_owned(), "Zed".to_owned()]);
    for (n, name) in names.iter().enumerate() {
        let line = json!({"cmd": "deposit", "user": name, "amount": n + 1}).to_string();
        assert_eq!(wire.ask(&line)["ok"], true);
    }
    let withdrawn = wire.ask(r#"{"cmd":"withdraw","user":"Zed","amount":3}"#);
    assert_eq!(withdrawn["ok"], true, "{withdrawn}");
    names.sort();
    for _ in 0..2 {
        let (all, _) = pages(&mut wire, &json!({"cmd": "accounts"}), 64);
        let told: Vec<&str> = all.iter().map(|one| one["user"].as_str().unwrap()).collect();
        assert_eq!(told, names);
        let some = json!({"cmd": "accounts", "prefix": "user-01"});
        let (some, _) = pages(&mut wire, &some, 3);
        assert_eq!(some.len(), 10);
        let counted = json!({"cmd": "accounts", "prefix": "user-", "limit": 1, "count": true});
        assert_eq!(wire.ask(&counted.to_string())["count"], 700);
        let total: i64 = all.iter().map(|one| one["balance"].as_i64().unwrap()).sum();
        let totals = wire.ask(r#"{"cmd":"totals"}"#);
        assert_eq!(totals["accounts"], names.len(), "{totals}");
        assert_eq!(totals["sum"], total, "{totals}");
        assert_eq!(totals["money_in"], total + 3, "{totals}");
        assert_eq!(totals["money_out"], 3, "{totals}");
        assert_eq!(totals["seq"], names.len() + 1, "{totals}");
        // Young events, and then the same from runs on the disk.
        until("runs of the index", || {
            let runs = std::fs::read_dir(folder.file("index")).unwrap();
            runs.flatten()
                .any(|file| file.file_name().to_string_lossy().ends_with(".idx"))
                .then_some(())
        });
    }
    server.shut_down().with_code(0);
}

#[test]
fn a_statement_read_while_money_moves_always_sums_and_its_pages_join() {
    let mut life = Life::new(Random::from_clock());
    let server = Serve::on(&life.folder).small().start();
    life.open(&server);
    let (finished, is_finished) = channel::<()>();
    let is_finished = Mutex::new(is_finished);
    std::thread::scope(|scope| {
        let server = &server;
        scope.spawn(move || {
            // Dropped with this thread, whether it found what it wanted or not.
            let _finished = finished;
            let mut wire = server.connect();
            let mut seen = 0;
            while seen < 2_500 {
                let request = json!({"cmd": "statement", "user": "alice", "order": "newest"});
                let (items, as_of) = pages(&mut wire, &request, 50);
                assert!(as_of >= seen, "positions never go back");
                seen = as_of;
                for pair in items.windows(2) {
                    let (newer, older) = (&pair[0], &pair[1]);
                    let change = newer["amount"].as_i64().unwrap();
                    let before = older["balance"].as_i64().unwrap();
                    assert_eq!(newer["balance"], before + change, "{older} then {newer}");
                }
                let oldest = items.last().unwrap();
                assert_eq!(oldest["balance"], oldest["amount"], "from the first on: {oldest}");
            }
        });
        life.work(server, 3_000, || {
            // The clients go on until the server ends, and that waits for the reader.
            let waiting = is_finished.lock().unwrap();
            assert!(waiting.recv().is_err(), "nothing is sent, the reader only goes");
            server.kill();
        });
    });
    drop(server);
    life.verify();
}

/// Reads lists page by page while money moves: each page states the position of the first.
pub fn later_pages_state_the_position_of_the_first(server: &Server) {
    let mut wire = server.connect();
    let deposit = r#"{"cmd":"deposit","user":"paged","amount":1}"#;
    for _ in 0..3 {
        assert_eq!(wire.ask(deposit)["ok"], true);
    }
    for list in [json!({"cmd": "transactions"}), json!({"cmd": "statement", "user": "paged"})] {
        let (mut request, mut positions) = (list, Vec::new());
        request["limit"] = 1.into();
        for _ in 0..3 {
            let page = wire.ask(&request.to_string());
            positions.push(page["as_of"].as_u64().unwrap());
            request["cursor"] = page["next_cursor"].clone();
            assert_eq!(wire.ask(deposit)["ok"], true);
        }
        assert_eq!(positions, [positions[0]; 3], "{request}");
    }
}

#[test]
fn a_page_claims_no_later_position_than_the_first_one() {
    let folder = Folder::new();
    later_pages_state_the_position_of_the_first(&Server::start(&folder));
}
