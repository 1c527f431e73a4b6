//! `saldo verify` and `saldo inspect`: what they say of a sound folder, of a crashed one, of a
//! damaged one, and beside a running server that works.

use std::fs;
use std::thread;

use serde_json::Value;

use crate::harness::{Ended, Folder, Journal, Layout, Model, Random, Serve, Server, run};
use crate::load::Life;

/// A verb about this folder's data.
fn about(verb: &str, folder: &Folder, more: &[&str]) -> Ended {
    let data = folder.data().display().to_string();
    run(&[&[verb, &data], more].concat())
}

/// A folder with closed files and a recorded refusal, stopped in order.
fn stopped() -> Folder {
    let folder = Folder::new();
    let server = Serve::on(&folder).small().start();
    let mut wire = server.connect();
    for _ in 0..12 {
        let deposits = "{\"cmd\":\"deposit\",\"user\":\"alice\",\"amount\":7}\n".repeat(50);
        wire.send(deposits.as_bytes());
        (0..50).for_each(|_| assert_eq!(wire.reply()["ok"], true));
    }
    let refused = wire.ask(r#"{"cmd":"withdraw","user":"bob","amount":1,"tx_id":"no"}"#);
    assert_eq!(refused["seq"], 601, "{refused}");
    server.shut_down().with_code(0);
    folder
}

#[test]
fn both_tell_of_a_sound_folder_what_its_log_says() {
    let folder = stopped();
    let before = folder.image();
    let model = Model::of(&Journal::read(&folder));
    let seal = Layout::of(folder.bytes("transactions.log")).last_seal();
    let files = folder.closed_files().len() + 1;
    assert!(files > 1);

    let proof = about("verify", &folder, &["--json"]).with_code(0).json();
    assert_eq!(proof["schema"], "saldo.verify/1");
    let expected = [
        ("proven", true.into()),
        ("first", 1.into()),
        ("last", 601.into()),
        ("refusals", 1.into()),
        ("accounts", 1.into()),
        ("sum", model.sum().to_string().into()),
        ("world", (-model.sum()).to_string().into()),
        ("torn_tail_bytes", 0.into()),
        ("live", false.into()),
        ("last_seal", seal["hash"].clone()),
        ("files", files.into()),
    ];
    for (key, value) in expected {
        assert_eq!(proof[key], value, "{key}: {proof}");
    }

    let found = about("inspect", &folder, &["--json"]).with_code(0).json();
    assert_eq!(found["schema"], "saldo.inspect/1");
    for key in ["ledger", "currency", "first", "last", "groups", "accounts", "world", "last_seal"] {
        assert_eq!(found[key], proof[key], "{key}: {found}");
    }
    let named: Vec<&Value> = found["files"].as_array().unwrap().iter().collect();
    assert_eq!(named.len(), files, "{found}");
    assert_eq!(named[files - 1]["name"], "transactions.log", "{found}");

    // For people: the same facts in lines; bare: the last seal, to be kept elsewhere.
    for verb in ["verify", "inspect"] {
        let hash = seal["hash"].as_str().unwrap();
        let table = about(verb, &folder, &["-o", "table"]).with_code(0).stdout;
        assert!(table.contains("seq 1 to 601") && table.contains(hash), "{table}");
        let tsv = about(verb, &folder, &[]).with_code(0).stdout;
        assert!(tsv.lines().all(|line| line.split('\t').count() == 2), "{tsv}");
        assert_eq!(about(verb, &folder, &["-q"]).with_code(0).stdout, format!("{hash}\n"));
    }
    assert!(folder.image() == before, "they only read");
}

#[test]
fn a_seal_that_was_kept_elsewhere_must_lie_in_the_history() {
    let folder = stopped();
    let log = Layout::of(folder.bytes(&folder.closed_files()[0]));
    let line = &log.bytes[log.groups[0].seal.clone()];
    let early: Value = serde_json::from_slice(line).unwrap();
    let early = early["seal"]["hash"].as_str().unwrap();
    about("verify", &folder, &["--expect-seal", early]).with_code(0);
    let other = "ab".repeat(32);
    let ended = about("verify", &folder, &["--expect-seal", &other]).with_code(6);
    assert!(ended.stderr.starts_with("error[seal_not_found]: "), "{}", ended.stderr);
    for none in ["", "ab", &"AB".repeat(32), &"zz".repeat(32)] {
        about("verify", &folder, &["--expect-seal", none]).with_code(2);
    }
}

#[test]
fn inspect_shows_what_can_be_read_of_a_damaged_folder_and_ends_with_6() {
    let folder = stopped();
    let name = &folder.closed_files()[0];
    let mut log = Layout::of(folder.bytes(name));
    let group = log.full_groups()[1].clone();
    log.bytes[group.events.start + 50] ^= 1;
    folder.write(name, &log.bytes);
    for verb in ["verify", "inspect"] {
        let ended = about(verb, &folder, &[]).with_code(6);
        assert_eq!(ended.stdout, "");
        let place = format!("{name} is damaged at byte {},", group.events.start);
        assert!(ended.stderr.contains(&place), "{}", ended.stderr);
        assert!(ended.stderr.contains("\n  hint: change nothing"), "{}", ended.stderr);
        let ended = about(verb, &folder, &["--json"]).with_code(6);
        let error: Value = serde_json::from_str(ended.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(error["code"], "corrupt", "{error}");
    }
    let ended = about("inspect", &folder, &[]);
    assert!(ended.stderr.contains("as far as it can be read"), "{}", ended.stderr);
    let seal = &log.bytes[log.full_groups()[0].seal.clone()];
    let seal: Value = serde_json::from_slice(seal).unwrap();
    let last = &seal["seal"]["last"];
    assert!(ended.stderr.contains(&format!("seq 1 to {last}")), "{}", ended.stderr);
}

#[test]
fn a_folder_without_a_journal_is_told_from_one_with_an_empty_journal() {
    let folder = Folder::new();
    fs::create_dir(folder.data()).unwrap();
    for verb in ["verify", "inspect"] {
        let ended = about(verb, &folder, &["-o", "table"]).with_code(2);
        assert!(ended.stderr.contains("holds no journal"), "{ended:?}");
    }
    Server::start(&folder).shut_down().with_code(0);
    for verb in ["verify", "inspect"] {
        let ended = about(verb, &folder, &["-o", "table"]).with_code(0);
        assert!(ended.stdout.contains("events     none"), "{ended:?}");
    }
}

/// Kills a server when it goes out of scope, so that a failed assertion ends the load as well.
struct Ending<'s>(&'s Server);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.kill();
    }
}

#[test]
fn beside_a_server_under_load_both_agree_up_to_the_last_seal() {
    let mut life = Life::new(Random::from_clock());
    let server = Serve::on(&life.folder).flag("--checkpoint-bytes", 200_000).start();
    life.open(&server);
    let folder = life.folder.data().display().to_string();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ends_the_load = Ending(&server);
            let mut last = 0;
            for _ in 0..12 {
                let proof = run(&["verify", "--json", &folder]).with_code(0).json();
                assert_eq!(proof["live"], true, "{proof}");
                let seq = proof["last"].as_u64().unwrap();
                assert!(seq >= last, "{seq} after {last}");
                last = seq;
                let found = run(&["inspect", "--json", &folder]).with_code(0).json();
                assert!(found["last"].as_u64().unwrap() >= last, "{found}");
            }
            assert!(last > 1_000, "the server worked meanwhile: {last}");
        });
        life.work(&server, u64::MAX, || {});
    });
    let server = Server::start(&life.folder);
    life.check(&server);
}
