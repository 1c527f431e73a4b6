//! An orderly stop, by the wire or by a signal: what was received is answered, the log is sealed and
//! trimmed, the snapshot agrees. A second signal is a crash, and as safe.

use serde_json::Value;

use crate::harness::{Folder, Random, Serve, Server, Wire, run, stuck_client};
use crate::load::Life;

/// The ways to ask for a stop.
const WAYS: [fn(&Server); 3] = [
    |server| assert_eq!(server.connect().ask(r#"{"cmd":"shutdown"}"#)["msg"], "shutting down"),
    |server| server.signal("TERM"),
    |server| server.signal("INT"),
];

fn deposits(name: &str, count: u64) -> String {
    (0..count)
        .map(|_| format!("{{\"cmd\":\"deposit\",\"user\":\"{name}\",\"amount\":1}}\n"))
        .collect()
}

/// Checks that a folder is as an orderly stop leaves it.
fn check_stopped(folder: &Folder, seq: u64) {
    let log = folder.bytes("transactions.log");
    assert!(log.ends_with(b"\"}}\n"), "the log ends with its last seal and no padding");
    let proof =
        run(&["verify", "--json", &folder.data().display().to_string()]).with_code(0).json();
    assert_eq!(proof["last"], seq, "{proof}");
    assert_eq!(proof["torn_tail_bytes"], 0, "{proof}");
    let snapshots = proof["snapshots"].as_array().unwrap();
    assert_eq!(snapshots[0]["file"], "state.json", "{proof}");
    assert_eq!(snapshots[0]["seq"], seq, "the snapshot is of the end: {proof}");
}

#[test]
fn every_way_to_stop_answers_what_was_received_and_seals_the_log() {
    for stop in WAYS {
        let folder = Folder::new();
        let server = Server::start(&folder);
        let idle: Vec<Wire> = (0..20).map(|_| server.connect()).collect();
        let mut wires: Vec<Wire> = (0..8).map(|_| server.connect()).collect();
        for (place, wire) in wires.iter_mut().enumerate() {
            // Answered once, a connection is one that the server has accepted.
            wire.balance("a");
            // Less than a socket holds, so that all of it is received when this returns.
            wire.send(deposits(&format!("a{place}"), 500).as_bytes());
        }
        stop(&server);
        for mut wire in wires {
            for after in 1..=500 {
                assert_eq!(wire.reply()["after"], after);
            }
            wire.ends();
        }
        idle.into_iter().for_each(Wire::ends);
        server.wait().with_code(0);
        check_stopped(&folder, 8 * 500);

        let server = Server::start(&folder);
        server.says(r#""was_clean":true"#);
        assert_eq!(server.connect().balance("a7").0, 500);
    }
}

#[test]
fn lines_behind_a_shutdown_in_the_same_write_are_still_done() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut wire = server.connect();
    let lines = format!("{}{{\"cmd\":\"shutdown\"}}\n{}", deposits("a", 300), deposits("a", 300));
    wire.send(lines.as_bytes());
    for after in 1..=300 {
        assert_eq!(wire.reply()["after"], after);
    }
    assert_eq!(wire.reply()["msg"], "shutting down");
    for after in 301..=600 {
        assert_eq!(wire.reply()["after"], after);
    }
    wire.ends();
    server.wait().with_code(0);
    check_stopped(&folder, 600);
}

#[test]
fn a_stop_under_load_keeps_everything_that_was_acknowledged() {
    let mut life = Life::new(Random::from_clock());
    let mut server = life.start();
    life.open(&server);
    for stop in WAYS {
        life.work(&server, 1_000, || stop(&server));
        server.wait().with_code(0);
        let proof = life.verify().json();
        check_stopped(&life.folder, proof["last"].as_u64().unwrap());
        server = life.start();
        life.check(&server);
    }
}

#[test]
fn a_stop_of_an_empty_bank_leaves_a_folder_that_starts_again() {
    let folder = Folder::new();
    Server::start(&folder).shut_down().with_code(0);
    check_stopped(&folder, 0);
    let server = Server::start(&folder);
    assert_eq!(server.connect().ask(deposits("a", 1).trim_end())["seq"], 1);
}

#[test]
fn a_second_signal_ends_a_stop_that_waits_for_a_stuck_client() {
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let folder = Folder::new();
        // Longer than any test runs.
        let server = Serve::on(&folder).flag("--drain", "1h").flag("--write-timeout", "1h").start();
        let kept = server.connect().ask(deposits("a", 1).trim_end());
        let stuck = stuck_client(&server);
        server.signal("TERM");
        server.says(r#""event":"stopping""#);
        server.signal(name);
        server.wait().with_code(code);
        drop(stuck);
        let server = Server::start(&folder);
        server.says(r#""was_clean":false"#);
        let again = kept_again(&server, &kept);
        assert_eq!(again["duplicate"], true, "{again}");
    }
}

fn kept_again(server: &Server, kept: &Value) -> Value {
    let tx_id = &kept["tx_id"];
    let line = format!(r#"{{"cmd":"deposit","user":"a","amount":1,"tx_id":{tx_id}}}"#);
    server.connect().ask(&line)
}

#[test]
fn a_stuck_client_is_cut_when_the_time_to_drain_is_over() {
    let folder = Folder::new();
    let server = Serve::on(&folder).flag("--drain", "100ms").flag("--write-timeout", "1h").start();
    let _stuck = stuck_client(&server);
    server.signal("TERM");
    let ended = server.wait().with_code(0);
    assert!(ended.stderr.contains(r#""connections_cut":1"#), "{}", ended.stderr);
    check_stopped(&folder, 0);
}
