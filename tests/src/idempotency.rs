//! Once and only once: a tx_id names one write for ever, however often, from wherever and after
//! whatever it is asked for again.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Folder, Journal, Model, Serve, Server, Wire};

const CONNECTIONS: usize = 16;

/// A bank in which alice has 1000 and bob 0, both set by event 1.
fn bank(folder: &Folder) -> Server {
    let server = Serve::on(folder).small().start();
    open(&server);
    server
}

fn open(server: &Server) {
    let line = r#"{"cmd":"init_accounts","accounts":{"alice":1000,"bob":0},"tx_id":"open"}"#;
    assert_eq!(server.connect().ask(line)["seq"], 1);
}

fn duplicate(first: &Value) -> Value {
    let mut reply = first.clone();
    assert_eq!(reply.get("duplicate"), None, "{reply}");
    reply["duplicate"] = true.into();
    reply
}

/// Asks the same line on many connections at once; returns the first answer, and checks that
/// there is one, and that every other is the same with `duplicate`.
fn ask_at_once(wires: &mut [Wire], line: &str) -> Value {
    let barrier = Barrier::new(wires.len());
    let replies: Vec<Value> = thread::scope(|scope| {
        let asked: Vec<_> = wires
            .iter_mut()
            .map(|wire| {
                scope.spawn(|| {
                    barrier.wait();
                    wire.ask(line)
                })
            })
            .collect();
        asked.into_iter().map(|reply| reply.join().unwrap()).collect()
    });
    let (again, first): (Vec<&Value>, Vec<&Value>) =
        replies.iter().partition(|reply| reply.get("duplicate").is_some());
    assert_eq!(first.len(), 1, "{line}: {replies:?}");
    for reply in again {
        assert_eq!(*reply, duplicate(first[0]));
    }
    first[0].clone()
}

#[test]
fn the_same_tx_id_from_16_connections_at_once_happens_once() {
    let folder = Folder::new();
    let server = bank(&folder);
    let mut wires: Vec<Wire> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    let mut seq = 1;
    for round in 0..50 {
        for request in [
            json!({"cmd": "deposit", "user": "alice", "amount": 5}),
            json!({"cmd": "transfer", "from": "alice", "to": "bob", "amount": 3}),
            json!({"cmd": "withdraw", "user": "bob", "amount": 2}),
            json!({"cmd": "withdraw", "user": "bob", "amount": 1_000_000}),
            json!({"cmd": "init_accounts", "accounts": {"carol": round, "dave": 7}}),
        ] {
            seq += 1;
            let mut request = request;
            request["tx_id"] = format!("t-{seq}").into();
            let reply = ask_at_once(&mut wires, &request.to_string());
            assert_eq!(reply["seq"], seq, "nothing else got a place in the log");
        }
    }
    assert_eq!(wires[0].balance("alice"), (1000 + 50 * 2, seq));
    assert_eq!(wires[0].balance("bob"), (50, seq));
    server.shut_down().with_code(0);
    assert_eq!(Journal::read(&folder).last(), seq);
}

/// Writes of every kind with their lines; the last one is refused and recorded.
fn one_of_each() -> [String; 5] {
    [
        json!({"cmd": "deposit", "user": "alice", "amount": 5, "tx_id": "d"}),
        json!({"cmd": "withdraw", "user": "alice", "amount": 7, "tx_id": "w"}),
        json!({"cmd": "transfer", "from": "alice", "to": "bob", "amount": 9, "tx_id": "t"}),
        json!({"cmd": "init_accounts", "accounts": {"carol": 11}, "tx_id": "i"}),
        json!({"cmd": "transfer", "from": "carol", "to": "alice", "amount": 12, "tx_id": "r"}),
    ]
    .map(|request| request.to_string())
}

/// Asks all of them again and checks the answers, and that they changed nothing.
fn check_again(server: &Server, lines: &[String], first: &[Value]) {
    let mut wire = server.connect();
    let before = wire.ask(r#"{"cmd":"balance","users":["alice","bob","carol"]}"#);
    for (line, first) in lines.iter().zip(first) {
        assert_eq!(wire.ask(line), duplicate(first), "{line}");
    }
    let mut wires: Vec<Wire> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for wire in &mut wires {
        wire.send(format!("{}\n", lines.join("\n")).as_bytes());
    }
    for wire in &mut wires {
        for first in first {
            assert_eq!(wire.reply(), duplicate(first));
        }
    }
    assert_eq!(wire.ask(r#"{"cmd":"balance","users":["alice","bob","carol"]}"#), before);
}

#[test]
fn a_tx_id_is_known_after_kill_and_after_a_clean_restart() {
    let folder = Folder::new();
    let server = bank(&folder);
    let lines = one_of_each();
    let mut wire = server.connect();
    let first: Vec<Value> = lines.iter().map(|line| wire.ask(line)).collect();
    assert_eq!(first[4]["code"], "insufficient_funds", "{}", first[4]);
    check_again(&server, &lines, &first);
    server.crash();
    let server = Server::start(&folder);
    check_again(&server, &lines, &first);
    server.shut_down().with_code(0);
    let server = Server::start(&folder);
    check_again(&server, &lines, &first);
    server.shut_down().with_code(0);
    assert_eq!(Journal::read(&folder).last(), 6, "each of them once, behind the opening");
}

#[test]
fn a_tx_id_is_known_across_checkpoints_and_rotation() {
    let folder = Folder::new();
    let server = bank(&folder);
    let lines = one_of_each();
    let mut wire = server.connect();
    let first: Vec<Value> = lines.iter().map(|line| wire.ask(line)).collect();
    // Goes on until the events stand in a closed file and behind two snapshots.
    let mut amount = 0;
    let has_moved_on =
        || folder.closed_files().len() > 1 && folder.file("state.previous.json").exists();
    while !has_moved_on() {
        let deposits: String = (0..200)
            .map(|_| {
                amount += 1;
                format!("{{\"cmd\":\"deposit\",\"user\":\"alice\",\"amount\":{amount}}}\n")
            })
            .collect();
        wire.send(deposits.as_bytes());
        (0..200).for_each(|_| assert_eq!(wire.reply()["ok"], true));
        assert!(amount < 100_000, "no rotation or no checkpoint");
    }
    check_again(&server, &lines, &first);
    server.crash();
    let server = Server::start(&folder);
    check_again(&server, &lines, &first);
    server.shut_down().with_code(0);
    let server = Serve::on(&folder).small().start();
    check_again(&server, &lines, &first);
    server.shut_down().with_code(0);
    let journal = Journal::read(&folder);
    let model = Model::of(&journal);
    for first in &first {
        assert_eq!(model.reply(first["tx_id"].as_str().unwrap()), Some(first));
    }
}

#[test]
fn another_request_under_a_used_tx_id_is_refused_and_shown_nothing() {
    let folder = Folder::new();
    let mut server = bank(&folder);
    let first = server
        .connect()
        .ask(r#"{"cmd":"transfer","from":"alice","to":"bob","amount":300,"tx_id":"t"}"#);
    assert_eq!(first["ok"], true, "{first}");
    let refused =
        server.connect().ask(r#"{"cmd":"withdraw","user":"bob","amount":301,"tx_id":"no"}"#);
    assert_eq!(refused["code"], "insufficient_funds", "{refused}");
    let others = [
        json!({"cmd": "transfer", "from": "alice", "to": "bob", "amount": 301, "tx_id": "t"}),
        json!({"cmd": "transfer", "from": "alice", "to": "carol", "amount": 300, "tx_id": "t"}),
        json!({"cmd": "transfer", "from": "bob", "to": "alice", "amount": 300, "tx_id": "t"}),
        json!({"cmd": "deposit", "user": "bob", "amount": 300, "tx_id": "t"}),
        json!({"cmd": "withdraw", "user": "alice", "amount": 300, "tx_id": "t"}),
        json!({"cmd": "init_accounts", "accounts": {"bob": 300}, "tx_id": "t"}),
        json!({"cmd": "withdraw", "user": "bob", "amount": 302, "tx_id": "no"}),
        json!({"cmd": "deposit", "user": "bob", "amount": 301, "tx_id": "no"}),
        json!({"cmd": "withdraw", "user": "bob", "amount": 1, "tx_id": "open"}),
        json!({"cmd": "init_accounts", "accounts": {"alice": 1000, "bob": 1}, "tx_id": "open"}),
        json!({"cmd": "init_accounts", "accounts": {"alice": 1000}, "tx_id": "open"}),
    ];
    for _ in 0..2 {
        let mut wire = server.connect();
        for other in &others {
            let reply = wire.ask(&other.to_string());
            let expected = json!({
                "ok": false, "code": "tx_id_reused",
                "error": "tx_id was already used for another request",
                "as_of": 3, "tx_id": other["tx_id"],
            });
            assert_eq!(reply, expected, "{other}");
        }
        assert_eq!(wire.balance("alice"), (700, 3));
        assert_eq!(wire.balance("bob"), (300, 3));
        server.crash();
        server = Server::start(&folder);
    }
}

#[test]
fn a_recorded_refusal_stays_a_refusal_whatever_comes_later() {
    let folder = Folder::new();
    let mut server = bank(&folder);
    let withdraw = r#"{"cmd":"withdraw","user":"bob","amount":50,"tx_id":"w-1"}"#;
    let first = server.connect().ask(withdraw);
    let expected = json!({
        "ok": false, "error": "insufficient funds", "code": "insufficient_funds", "balance": 0,
        "as_of": 2, "seq": 2, "tx_id": "w-1",
    });
    assert_eq!(first, expected);
    let full = r#"{"cmd":"deposit","user":"bob","amount":9007199254740991,"tx_id":"full"}"#;
    assert_eq!(server.connect().ask(full)["ok"], true);
    let more = r#"{"cmd":"transfer","from":"alice","to":"bob","amount":1,"tx_id":"more"}"#;
    let beyond = server.connect().ask(more);
    assert_eq!(beyond["code"], "balance_out_of_range", "{beyond}");
    let spent = r#"{"cmd":"withdraw","user":"bob","amount":9007199254740891}"#;
    assert_eq!(server.connect().ask(spent)["after"], 100);
    for _ in 0..2 {
        // Bob has 100 now: the withdrawal could be paid, the transfer could be received.
        let mut wire = server.connect();
        assert_eq!(wire.ask(withdraw), duplicate(&first));
        assert_eq!(wire.ask(more), duplicate(&beyond));
        assert_eq!(wire.balance("bob").0, 100);
        server.crash();
        server = Server::start(&folder);
    }
    let anew = withdraw.replace("w-1", "w-2");
    assert_eq!(server.connect().ask(&anew)["after"], 50, "a new tx_id is a new attempt");
}

#[test]
fn the_same_content_is_the_same_however_it_is_spelt() {
    let folder = Folder::new();
    let server = bank(&folder);
    let mut wire = server.connect();
    let first =
        wire.ask(r#"{"cmd":"transfer","from":"alice","to":"bob","amount":300,"tx_id":"t-1"}"#);
    assert_eq!(first["seq"], 2, "{first}");
    for line in [
        r#"{"tx_id":"t-1","amount":300,"to":"bob","from":"alice","cmd":"transfer"}"#,
        r#"{"cmd":"transfer","from":"alice","to":"bob","amount":"300","tx_id":"t-1"}"#,
        r#"{"cmd":"transfer","from":"alice","to":"bob","amount":"0300","tx_id":"t-1"}"#,
        r#" { "cmd" : "transfer" , "from" : "alice" , "to" : "bob" , "amount" : 300 , "tx_id" : "t-1" } "#,
        r#"{"\u0063md":"transf\u0065r","from":"\u0061lice","to":"bo\u0062","amount":300,"tx_id":"t\u002d1"}"#,
        r#"{"cmd":"transfer","from":"alice","to":"bob","amount":300,"tx_id":"t-1","note":"rent"}"#,
    ] {
        assert_eq!(wire.ask(line), duplicate(&first), "{line}");
    }
    let opened = wire.ask(r#"{"cmd":"init_accounts","accounts":{"x":1,"y":2},"tx_id":"i-1"}"#);
    assert_eq!(opened["seq"], 3, "{opened}");
    for line in [
        r#"{"cmd":"init_accounts","accounts":{"y":2,"x":1},"tx_id":"i-1"}"#,
        r#"{"accounts":{"x":"1","y":"02"},"cmd":"init_accounts","tx_id":"i-1"}"#,
    ] {
        assert_eq!(wire.ask(line), duplicate(&opened), "{line}");
    }
}

#[test]
fn writes_without_a_tx_id_all_happen_and_their_refusals_leave_no_trace() {
    let folder = Folder::new();
    let server = bank(&folder);
    let mut wire = server.connect();
    for (line, after) in [
        (r#"{"cmd":"deposit","user":"bob","amount":5}"#, 5),
        (r#"{"cmd":"deposit","user":"bob","amount":5}"#, 10),
        (r#"{"cmd":"deposit","user":"bob","amount":5,"tx_id":null}"#, 15),
        (r#"{"cmd":"deposit","user":"bob","amount":5,"tx_id":""}"#, 20),
    ] {
        let reply = wire.ask(line);
        assert_eq!(reply["after"], after, "{reply}");
        let made = reply["tx_id"].as_str().unwrap().to_owned();
        // What the server made serves to ask again like any other.
        let mut again: Value = serde_json::from_str(line).unwrap();
        again["tx_id"] = made.into();
        assert_eq!(wire.ask(&again.to_string()), duplicate(&reply));
    }
    let refused = wire.ask(r#"{"cmd":"withdraw","user":"bob","amount":21}"#);
    let expected = json!({
        "ok": false, "error": "insufficient funds", "code": "insufficient_funds", "balance": 20,
        "as_of": 5,
    });
    assert_eq!(refused, expected);
    server.crash();
    assert_eq!(Journal::read(&folder).last(), 5);
}
