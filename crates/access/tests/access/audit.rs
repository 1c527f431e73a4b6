//! The audit log: each line follows from the one before.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use access::audit::{append, prove};
use access::{AccessError, Entry};
use serde_json::Value;

use crate::common::{ACTOR, Place, teller};

const ENTRY: Entry<'_> =
    Entry { who: "user:ana", what: "sign in", about: "", from: "10.0.0.7", result: "done" };

fn log() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    (folder, path)
}

#[test]
fn every_act_on_the_file_stands_in_the_log() {
    let place = Place::new();
    let issued = place.token(&teller());
    place.store.revoke(&issued.id, &ACTOR).unwrap();
    let text = fs::read_to_string(place.folder.path().join("audit.log")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (line, what) in lines.iter().zip(["token new", "token revoke"]) {
        assert_eq!(line["what"], what);
        assert_eq!(line["about"], issued.by);
        assert_eq!((&line["who"], &line["from"]), (&"uid:1000".into(), &"test".into()));
        assert_eq!(line["result"], "done");
        assert!(line["at"].as_u64().unwrap() > 1_700_000_000_000_000);
    }
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["prev"], "0".repeat(64));
}

#[test]
fn a_change_that_cannot_be_recorded_is_not_made() {
    let place = Place::new();
    place.token(&teller());
    let before = place.text();
    let log = place.folder.path().join("audit.log");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    assert!(place.store.new_token(&teller(), &ACTOR).is_err());
    assert_eq!(place.text(), before);
    assert!(!place.folder.path().join("access.json.new").exists());
}

#[test]
fn any_byte_that_is_changed_is_found() {
    let (_folder, path) = log();
    for _ in 0..3 {
        append(&path, &ENTRY).unwrap();
    }
    let good = fs::read(&path).unwrap();
    let proven = prove(&path).unwrap();
    assert_eq!((proven.lines, proven.torn), (3, 0));
    let last = good[..good.len() - 1].rsplit(|byte| *byte == b'\n').next().unwrap();
    assert_eq!(proven.last, blake3::hash(last).to_hex().to_string());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        let found = prove(&path);
        // Who changes the last line changes the hash that was kept elsewhere.
        assert!(found.is_err() || found.unwrap().last != proven.last, "byte {at}");
    }
    let second = good.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(&path, &good[second..]).unwrap();
    assert!(matches!(prove(&path), Err(AccessError::AuditBroken { line: 1, .. })));
}

#[test]
fn what_a_crash_cut_short_stays_and_the_chain_goes_over_it() {
    let (_folder, path) = log();
    append(&path, &ENTRY).unwrap();
    append(&path, &ENTRY).unwrap();
    let whole = fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in first + 1..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        append(&path, &ENTRY).unwrap();
        let text = fs::read(&path).unwrap();
        assert!(text.starts_with(&whole[..cut]), "nothing is taken away");
        let proven = prove(&path).unwrap();
        // Without its newline alone, a line is whole.
        let torn = u64::from(cut < whole.len() - 1);
        assert_eq!((proven.lines, proven.torn), (3, torn), "cut at {cut}");
    }
}

#[test]
fn a_line_that_was_put_in_is_found_whatever_it_is() {
    for foreign in ["{}\n", "x\n", "{\"prev\":\"00\"}\n", "\n\n", "{\"at\":1}}\n"] {
        let (_folder, path) = log();
        append(&path, &ENTRY).unwrap();
        fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(foreign.as_bytes())
            .unwrap();
        append(&path, &ENTRY).unwrap();
        let found = prove(&path);
        let torn = found.as_ref().map(|proven| proven.torn).unwrap_or_default();
        assert!(found.is_err() || torn > 0, "{foreign:?}: {found:?}");
    }
}

#[test]
fn texts_from_outside_are_cut_and_escaped() {
    let (_folder, path) = log();
    let long = "\u{1}\n\"é".repeat(200);
    let entry = Entry { who: &long, what: &long, about: &long, from: &long, result: &long };
    append(&path, &entry).unwrap();
    append(&path, &entry).unwrap();
    assert_eq!(prove(&path).unwrap().lines, 2);
    let text = fs::read_to_string(&path).unwrap();
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let who = line["who"].as_str().unwrap();
    assert!(long.starts_with(who) && (253..=256).contains(&who.len()), "{}", who.len());
}

#[test]
fn many_writers_make_one_chain() {
    let (_folder, path) = log();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| append(&path, &ENTRY).unwrap()));
        }
    });
    assert_eq!(prove(&path).unwrap().lines, 100);
}
