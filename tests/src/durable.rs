//! No answer shows what is not on the disk: while the sync is stalled, everything that rests on it
//! waits, and everything else is answered. And when a sync fails, nothing more is acknowledged.

use serde_json::{Value, json};

use crate::harness::{
    Folder, Journal, Model, Serve, Server, Strace, Wire, is_stalled, release, run,
};

/// A bank that was opened by event 1, had one deposit with a tx_id, and was stopped in order: its
/// next server writes padding first.
fn stopped() -> Folder {
    let folder = Folder::new();
    opened(&folder).shut_down().with_code(0);
    folder
}

/// The same, but it crashed: its next server has padding from the start.
fn crashed() -> Folder {
    let folder = Folder::new();
    opened(&folder).crash();
    folder
}

fn opened(folder: &Folder) -> Server {
    let server = Server::start(folder);
    let mut wire = server.connect();
    for line in
        [r#"{"cmd":"init_accounts","accounts":{"alice":100,"bob":5,"carol":50,"dave":70}}"#, OLD]
    {
        assert_eq!(wire.ask(line)["ok"], true);
    }
    server
}

const OLD: &str = r#"{"cmd":"deposit","user":"dave","amount":1,"tx_id":"old"}"#;
const TRANSFER: &str = r#"{"cmd":"transfer","from":"alice","to":"bob","amount":80,"tx_id":"t"}"#;

/// What rests on the transfer, and what is answered once it is durable.
fn questions() -> [(&'static str, Value); 9] {
    let refused = |as_of: u64| {
        json!({
            "ok": false, "error": "insufficient funds", "code": "insufficient_funds",
            "balance": 20, "as_of": as_of,
        })
    };
    let transferred = json!({
        "ok": true, "seq": 3, "tx_id": "t", "duplicate": true,
        "from": {"user": "alice", "before": 100, "after": 20},
        "to": {"user": "bob", "before": 5, "after": 85},
    });
    let recorded = |seq: u64, tx_id: &str| {
        let mut reply = refused(seq);
        reply["seq"] = seq.into();
        reply["tx_id"] = tx_id.into();
        reply
    };
    [
        // The balances that it changed, alone and among others.
        (
            r#"{"cmd":"balance","user":"alice"}"#,
            json!({"ok": true, "user": "alice", "balance": 20, "as_of": 3}),
        ),
        (
            r#"{"cmd":"balance","user":"bob"}"#,
            json!({"ok": true, "user": "bob", "balance": 85, "as_of": 3}),
        ),
        (
            r#"{"cmd":"balance","users":["dave","bob"]}"#,
            json!({
                "ok": true, "as_of": 3,
                "balances": [{"user": "dave", "balance": 71}, {"user": "bob", "balance": 85}],
            }),
        ),
        // Refusals: alice had 100 before.
        (r#"{"cmd":"withdraw","user":"alice","amount":50}"#, refused(3)),
        (r#"{"cmd":"transfer","from":"alice","to":"carol","amount":50}"#, refused(3)),
        // The same request again, and another one under its tx_id.
        (TRANSFER, transferred),
        (
            r#"{"cmd":"deposit","user":"dave","amount":1,"tx_id":"t"}"#,
            json!({
                "ok": false, "error": "tx_id was already used for another request",
                "code": "tx_id_reused", "as_of": 3, "tx_id": "t",
            }),
        ),
        // Writes: a refusal that is recorded, and a deposit.
        (r#"{"cmd":"withdraw","user":"alice","amount":50,"tx_id":"no"}"#, recorded(4, "no")),
        (
            r#"{"cmd":"deposit","user":"carol","amount":1,"tx_id":"yes"}"#,
            json!({"ok": true, "before": 50, "after": 51, "seq": 5, "tx_id": "yes"}),
        ),
    ]
}

/// What does not rest on the transfer is answered at once, and shows the position before it.
fn ask_what_is_durable(wire: &mut Wire) {
    assert_eq!(wire.balance("dave"), (71, 2));
    let old = wire.ask(OLD);
    assert_eq!((&old["seq"], &old["duplicate"]), (&2.into(), &true.into()), "{old}");
    let refused = wire.ask(r#"{"cmd":"withdraw","user":"dave","amount":1000}"#);
    assert_eq!((&refused["balance"], &refused["as_of"]), (&71.into(), &2.into()), "{refused}");
    assert_eq!(wire.ask("hello")["as_of"], 2);
}

#[test]
fn with_the_sync_stalled_everything_that_rests_on_it_waits_and_the_rest_is_answered() {
    let folder = stopped();
    let server = Serve::on(&folder).under(Strace::stalling_syncs(&folder)).start();
    let mut writer = server.connect();
    writer.say(TRANSFER);
    is_stalled(&folder);
    let mut asked: Vec<(Wire, &str, Value)> = Vec::new();
    for (line, reply) in questions() {
        let mut wire = server.connect();
        wire.say(line);
        // In order, so that the two writes get their places in order; what is answered meanwhile
        // shows that the server has come past them.
        for _ in 0..20 {
            ask_what_is_durable(&mut server.connect());
        }
        asked.push((wire, line, reply));
    }
    // On one connection, replies stay in order, also those that need not wait.
    let mut behind = server.connect();
    behind.send(
        b"{\"cmd\":\"balance\",\"user\":\"alice\"}\n{\"cmd\":\"balance\",\"user\":\"dave\"}\n",
    );
    for _ in 0..50 {
        ask_what_is_durable(&mut server.connect());
    }
    assert!(writer.is_silent(), "the transfer was acknowledged before its sync");
    assert!(behind.is_silent(), "alice's balance was shown before its sync");
    for (wire, line, _) in &mut asked {
        assert!(wire.is_silent(), "answered before the sync that it rests on: {line}");
    }

    release(&server);
    assert_eq!(writer.reply()["from"], json!({"user": "alice", "before": 100, "after": 20}));
    for (wire, line, reply) in &mut asked {
        assert_eq!(wire.reply(), *reply, "{line}");
    }
    assert_eq!((&behind.reply()["balance"], &behind.reply()["balance"]), (&20.into(), &71.into()));
    server.shut_down().with_code(0);
}

#[test]
fn what_was_stalled_and_killed_was_never_shown() {
    let folder = stopped();
    let server = Serve::on(&folder).under(Strace::stalling_syncs(&folder)).start();
    let mut writer = server.connect();
    writer.say(TRANSFER);
    is_stalled(&folder);
    let mut reader = server.connect();
    reader.say(r#"{"cmd":"balance","user":"alice"}"#);
    for _ in 0..50 {
        ask_what_is_durable(&mut server.connect());
    }
    server.kill();
    assert_eq!(writer.reply_or_end(), None);
    assert_eq!(reader.reply_or_end(), None);
    drop(server);
    // It may have happened: the client asks again, and is told so or has it done now.
    let server = Server::start(&folder);
    let reply = server.connect().ask(TRANSFER);
    assert_eq!((&reply["seq"], &reply["from"]["after"]), (&3.into(), &20.into()), "{reply}");
}

/// Deposits one by one until the server stops acknowledging; returns how many it acknowledged.
fn deposit_until_the_end(server: &Server) -> u64 {
    let mut wire = server.connect();
    for number in 1..=1_000 {
        let line = format!(r#"{{"cmd":"deposit","user":"alice","amount":1,"tx_id":"t-{number}"}}"#);
        let reply = match wire.try_send(format!("{line}\n").as_bytes()) {
            Ok(()) => wire.reply_or_end(),
            Err(_) => None,
        };
        match reply {
            Some(reply) if reply["ok"] == true => assert_eq!(reply["after"], 100 + number),
            Some(reply) => {
                let code = reply["code"].as_str().unwrap();
                assert!(["internal", "outcome_unknown"].contains(&code), "{reply}");
                return number - 1;
            }
            None => return number - 1,
        }
    }
    panic!("the server goes on though the call should have failed long ago")
}

/// Checks that a failing call ends the server with this number and word, and that the next start
/// has everything that was acknowledged and nothing that was not asked for.
fn check_failing(folder: &Folder, call: &str, error: &str, nth: u32, exit: i32, word: &str) {
    let case = format!("{call} number {nth} fails with {error}");
    let strace = Strace::failing(folder, call, error, nth);
    // The thread that pads ahead may meet the failure before anybody is served.
    let (acknowledged, ended) = match Serve::on(folder).under(strace).start_or_end() {
        Ok(server) => (deposit_until_the_end(&server), server.wait()),
        Err(ended) => (0, ended),
    };
    assert_eq!(ended.code, Some(exit), "{case}: {ended:?}");
    assert!(ended.stderr.contains(&format!("error[{word}]: ")), "{case}: {}", ended.stderr);
    assert!(ended.stderr.contains("nothing acknowledged is lost"), "{case}: {}", ended.stderr);
    assert!(acknowledged < u64::from(nth), "{case}: {acknowledged} acknowledged");
    run(&["verify", &folder.data().display().to_string()]).with_code(0);

    let server = Server::start(folder);
    let journal = Journal::read(folder);
    let model = Model::of(&journal);
    let deposits = journal.last() - 2;
    assert!((acknowledged..=acknowledged + 1).contains(&deposits), "{case}: {deposits}");
    let mut wire = server.connect();
    assert_eq!(wire.balance("alice").0, model.balance("alice"), "{case}");
    for number in 1..=acknowledged + 1 {
        let tx_id = format!("t-{number}");
        let line = format!(r#"{{"cmd":"deposit","user":"alice","amount":1,"tx_id":"{tx_id}"}}"#);
        let again = wire.ask(&line);
        let known = again.get("duplicate").is_some();
        assert_eq!(known, model.reply(&tx_id).is_some(), "{case}: {again}");
        assert!(known || number > acknowledged, "{case}: {again}");
        assert_eq!(again["after"], 100 + number, "{case}: it happened once");
    }
}

#[test]
fn a_failed_sync_ends_with_70_and_is_never_tried_again() {
    for folder in [stopped, crashed] {
        for nth in 1..=3 {
            check_failing(&folder(), "fdatasync", "EIO", nth, 70, "write_failed");
        }
        // Whatever the error is: what is on the disk is not known.
        check_failing(&folder(), "fdatasync", "ENOSPC", 2, 70, "write_failed");
        check_failing(&folder(), "fdatasync", "EDQUOT", 1, 70, "write_failed");
    }
}

#[test]
fn a_failed_write_of_a_group_ends_with_70() {
    for nth in 1..=3 {
        check_failing(&crashed(), "pwrite64", "EIO", nth, 70, "write_failed");
        check_failing(&crashed(), "pwrite64", "ENOSPC", nth, 70, "write_failed");
    }
}

#[test]
fn a_failed_write_of_padding_ends_with_75_when_the_disk_is_full_and_with_70_otherwise() {
    // The first piece of the padding: with none at all there is no room for the next group.
    check_failing(&stopped(), "pwrite64", "ENOSPC", 1, 75, "disk_full");
    check_failing(&stopped(), "pwrite64", "EDQUOT", 1, 75, "disk_full");
    check_failing(&stopped(), "pwrite64", "EIO", 3, 70, "write_failed");
}
