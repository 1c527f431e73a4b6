//! Damage and what crashes leave, told apart: damage is refused with file and byte, and nothing on
//! the disk changes; a torn tail is set aside and reported; a damaged snapshot is passed over.

use std::fs;

use crate::harness::{Ended, Folder, Group, Journal, Layout, Model, Serve, Server, run};

/// A bank with closed files, two snapshots, and several groups in the active file, stopped in
/// order; and the same as a crash left it.
struct Base {
    stopped: Folder,
    crashed: Folder,
}

impl Base {
    fn new() -> Self {
        let folder = Folder::new();
        let mut server = Serve::on(&folder).small().start();
        let mut wire = server.connect();
        while folder.closed_files().len() < 2 || !folder.file("state.previous.json").exists() {
            let deposits = "{\"cmd\":\"deposit\",\"user\":\"alice\",\"amount\":7}\n".repeat(200);
            wire.send(deposits.as_bytes());
            (0..200).for_each(|_| assert_eq!(wire.reply()["ok"], true));
        }
        server.shut_down().with_code(0);
        server = Server::start(&folder);
        let mut wire = server.connect();
        for amount in 1..=10 {
            let line =
                format!(r#"{{"cmd":"transfer","from":"alice","to":"bob","amount":{amount}}}"#);
            assert_eq!(wire.ask(&line)["ok"], true);
        }
        server.crash();
        let crashed = Folder::copy_of(&folder);
        Server::start(&folder).shut_down().with_code(0);
        Self { stopped: folder, crashed }
    }
}

fn verify(folder: &Folder) -> Ended {
    run(&["verify", "--json", &folder.data().display().to_string()])
}

/// Checks that neither `serve` nor `verify` take the folder, that both name the place, and that
/// the attempt changed nothing.
fn check_refused(case: &str, folder: &Folder, file: &str, byte: usize) {
    let before = folder.image();
    let ended = Serve::on(folder).refused();
    let place = format!("{file} is damaged at byte {byte},");
    assert_eq!(ended.code, Some(71), "{case}: {ended:?}");
    assert!(ended.stderr.starts_with("error[corrupt]: "), "{case}: {}", ended.stderr);
    assert!(ended.stderr.contains(&place), "{case}: {place} {}", ended.stderr);
    assert!(ended.stderr.contains("\n  hint: change nothing"), "{case}: {}", ended.stderr);
    let proof = verify(folder);
    assert_eq!((proof.code, &*proof.stdout), (Some(6), ""), "{case}: {proof:?}");
    assert!(proof.stderr.contains(&place), "{case}: {}", proof.stderr);
    assert!(folder.image() == before, "{case}: something was changed");
}

/// A way to damage the active file: it gets a group in its middle and the one behind it.
type Damage = fn(&mut Vec<u8>, &Group, &Group);

#[test]
fn damage_in_the_middle_of_the_log_is_refused_with_file_and_byte() {
    let cases: [(&str, Damage); 8] = [
        ("a digit of an amount", |log, group, _| log[group.events.start + 60] ^= 1),
        ("the first byte of a group", |log, group, _| log[group.events.start] ^= 0x40),
        ("the newline of an event", |log, group, _| log[group.events.end - 1] = b' '),
        ("a digit of a seal's hash", |log, group, _| log[group.seal.end - 10] ^= 1),
        ("a group as padding", |log, group, _| log[group.range()].fill(b'\n')),
        ("a group as zeros", |log, group, _| log[group.range()].fill(0)),
        ("a group left out", |log, group, _| {
            log.drain(group.range());
        }),
        ("two groups in the other order", |log, one, other| {
            let swapped = [&log[other.range()], &log[one.range()]].concat();
            log.splice(one.events.start..other.seal.end, swapped);
        }),
    ];
    let base = Base::new();
    for base in [&base.stopped, &base.crashed] {
        for (case, damage) in cases {
            let folder = Folder::copy_of(base);
            let mut log = Layout::of(base.bytes("transactions.log"));
            let groups = log.full_groups();
            let (group, next) = (&groups[4], &groups[5]);
            damage(&mut log.bytes, group, next);
            folder.write("transactions.log", &log.bytes);
            check_refused(case, &folder, "transactions.log", group.events.start);
        }
    }
}

#[test]
fn damage_to_a_header_and_a_repeated_group_are_refused() {
    let base = &Base::new().stopped;
    let log = Layout::of(base.bytes("transactions.log"));
    for place in [0, log.header.end / 2, log.header.end - 5, log.header.end - 1] {
        let folder = Folder::copy_of(base);
        let mut bytes = log.bytes.clone();
        bytes[place] ^= 1;
        folder.write("transactions.log", &bytes);
        check_refused("a header", &folder, "transactions.log", 0);
    }
    let folder = Folder::copy_of(base);
    let group = &log.full_groups()[4];
    let mut bytes = log.bytes.clone();
    let copy = bytes[group.range()].to_vec();
    bytes.splice(group.seal.end..group.seal.end, copy);
    folder.write("transactions.log", &bytes);
    check_refused("a group twice", &folder, "transactions.log", group.seal.end);
}

#[test]
fn damage_to_closed_files_is_refused() {
    let base = &Base::new().crashed;
    let closed = base.closed_files();
    let (first, second) = (&closed[0], &closed[1]);
    let log = Layout::of(base.bytes(first));

    let folder = Folder::copy_of(base);
    let group = &log.full_groups()[1];
    let mut bytes = log.bytes.clone();
    bytes[group.events.start + 60] ^= 1;
    folder.write(first, &bytes);
    check_refused("an event", &folder, first, group.events.start);

    let folder = Folder::copy_of(base);
    let last = log.groups.last().unwrap();
    folder.write(first, &log.bytes[..last.seal.start]);
    check_refused("cut before its last seal", &folder, first, last.events.start);

    let folder = Folder::copy_of(base);
    folder.write(first, &[&log.bytes[..], b"\n\n"].concat());
    check_refused("padded", &folder, first, log.end());

    let folder = Folder::copy_of(base);
    fs::remove_file(folder.file(first)).unwrap();
    check_refused("missing", &folder, second, 0);
    let ended = Serve::on(&folder).refused();
    assert!(ended.stderr.contains("the file with seq 1 is missing"), "{}", ended.stderr);
}

#[test]
fn a_journal_that_is_shorter_than_its_snapshot_is_refused() {
    let base = &Base::new().stopped;
    let log = Layout::of(base.bytes("transactions.log"));
    let group = &log.full_groups()[7];
    let folder = Folder::copy_of(base);
    folder.write("transactions.log", &log.bytes[..group.events.start]);
    check_refused("cut at a seal", &folder, "transactions.log", group.events.start);

    let folder = Folder::copy_of(base);
    for name in folder.closed_files().iter().map(String::as_str).chain(["transactions.log"]) {
        fs::remove_file(folder.file(name)).unwrap();
    }
    check_refused("no journal at all", &folder, "transactions.log", 0);
}

#[test]
fn a_journal_that_is_shorter_than_its_index_is_refused_with_the_way_on() {
    let folder = Folder::copy_of(&Base::new().stopped);
    for name in ["state.json", "state.previous.json"] {
        fs::remove_file(folder.file(name)).unwrap();
    }
    let log = Layout::of(folder.bytes("transactions.log"));
    let group = &log.full_groups()[7];
    folder.write("transactions.log", &log.bytes[..group.events.start]);
    let before = folder.image();
    let ended = Serve::on(&folder).refused();
    assert_eq!(ended.code, Some(71), "{ended:?}");
    assert!(ended.stderr.contains("its index holds events up to seq "), "{}", ended.stderr);
    let index = folder.file("index");
    let hint = format!("delete the folder {}", index.display());
    assert!(ended.stderr.contains(&hint), "{}", ended.stderr);
    assert!(folder.image() == before, "something was changed");
    fs::remove_dir_all(index).unwrap();
    Server::start(&folder).shut_down().with_code(0);
    verify(&folder).with_code(0);
}

/// A change of one group's event lines.
type Rewriting = fn(&str) -> String;

#[test]
fn a_history_that_was_sealed_anew_over_an_impossible_event_is_refused() {
    let base = &Base::new().crashed;
    let log = Layout::of(base.bytes("transactions.log"));
    // Behind the snapshot: that far a start holds events against the rules.
    let place = first_group_with(&log, "\"tx\":\"transfer\"") + 2;
    let cases: [(&str, Rewriting); 3] = [
        ("another amount", |event| event.replace("\"amount\":", "\"amount\":1")),
        ("another balance", |event| event.replace("\"after_to\":", "\"after_to\":1")),
        ("another payer", |event| event.replace("\"from\":\"alice\"", "\"from\":\"carol\"")),
    ];
    for (case, rewriting) in cases {
        let folder = Folder::copy_of(base);
        let mut forged = Layout::of(log.bytes.clone());
        forged.rewrite(place, rewriting);
        folder.write("transactions.log", &forged.bytes);
        check_refused(case, &folder, "transactions.log", log.groups[place].events.start);
    }
}

/// The first group whose events hold this text.
fn first_group_with(log: &Layout, text: &str) -> usize {
    let holds = |group: &Group| {
        std::str::from_utf8(&log.bytes[group.events.clone()]).unwrap().contains(text)
    };
    log.groups.iter().position(holds).unwrap()
}

#[test]
fn a_history_that_was_sealed_anew_before_its_snapshot_is_found_by_verify() {
    let folder = Folder::copy_of(&Base::new().stopped);
    let log = Layout::of(folder.bytes("transactions.log"));
    let place = first_group_with(&log, "\"tx\":\"transfer\"");
    let mut forged = Layout::of(log.bytes.clone());
    forged.rewrite(place, |event| event.replace("\"from\":\"alice\"", "\"from\":\"carol\""));
    // The snapshots name seals that are no longer there; without them only the events can tell.
    for name in ["state.json", "state.previous.json"] {
        fs::remove_file(folder.file(name)).unwrap();
    }
    folder.write("transactions.log", &forged.bytes);
    let proof = verify(&folder).with_code(6);
    let byte = log.groups[place].events.start;
    let found = format!("transactions.log is damaged at byte {byte},");
    assert!(proof.stderr.contains(&found), "{}", proof.stderr);
}

#[test]
fn a_torn_tail_is_reported_set_aside_and_cut() {
    let base = &Base::new().crashed;
    let log = Layout::of(base.bytes("transactions.log"));
    let last = log.full_groups().last().unwrap().clone();
    let (events, seal) = (&log.bytes[last.events.clone()], &log.bytes[last.seal.clone()]);
    let tails: [(&str, Vec<u8>); 6] = [
        ("one byte", b"{".to_vec()),
        ("half an event", events[..events.len() / 2].to_vec()),
        ("an event without a seal", events[..events.len() - 1].to_vec()),
        ("an event and half a seal", [events, &seal[..seal.len() / 2]].concat()),
        ("zeros and more", [&[0; 5_000][..], b"\n\n\0x"].concat()),
        ("much", b"\xffabc\n{\"seal\":".repeat(20_000)),
    ];
    for (case, tail) in tails {
        let folder = Folder::copy_of(base);
        let end = log.end();
        let mut bytes = log.bytes.clone();
        bytes.splice(end..(end + tail.len()).min(bytes.len()), tail.iter().copied());
        folder.write("transactions.log", &bytes);
        let before = Model::of(&Journal::read(&folder));

        let proof = verify(&folder).with_code(0).json();
        assert_eq!(proof["torn_tail_bytes"], tail.len(), "{case}: {proof}");
        let seq = proof["last"].as_u64().unwrap();

        let server = Server::start(&folder);
        let kept = format!("quarantine/after-seq-{seq}.0");
        server.says(r#""event":"torn_tail""#);
        server.says(&kept);
        assert!(folder.bytes(&kept) == tail, "{case}: the bytes that were set aside");
        let mut wire = server.connect();
        for name in before.names() {
            assert_eq!(wire.balance(&name), (before.balance(&name), seq), "{case}");
        }
        let deposit = r#"{"cmd":"deposit","user":"alice","amount":1}"#;
        assert_eq!(wire.ask(deposit)["seq"], seq + 1, "{case}");
        server.crash();
        let proof = verify(&folder).with_code(0).json();
        assert_eq!(
            (&proof["torn_tail_bytes"], &proof["last"]),
            (&0.into(), &(seq + 1).into()),
            "{case}"
        );
    }
}

/// A way to damage a snapshot, by its name.
type SnapshotDamage = fn(&Folder, &str);

#[test]
fn a_damaged_snapshot_is_passed_over_with_a_warning_and_replaced() {
    let base = &Base::new().crashed;
    let before = Model::of(&Journal::read(base));
    let flip: SnapshotDamage = |folder, name| {
        let mut bytes = folder.bytes(name);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        folder.write(name, &bytes);
    };
    let cut: SnapshotDamage = |folder, name| {
        let bytes = folder.bytes(name);
        folder.write(name, &bytes[..bytes.len() / 2]);
    };
    let empty: SnapshotDamage = |folder, name| folder.write(name, b"");
    for damage in [flip, cut, empty] {
        for names in
            [&["state.json"][..], &["state.previous.json"], &["state.json", "state.previous.json"]]
        {
            let folder = Folder::copy_of(base);
            names.iter().for_each(|name| damage(&folder, name));
            let proof = verify(&folder);
            assert_eq!(proof.code, Some(6), "{names:?}: {proof:?}");
            assert!(proof.stderr.contains(names[0]), "{names:?}: {}", proof.stderr);

            let server = Server::start(&folder);
            for name in names {
                server.says(&format!(r#""event":"snapshot_damaged","name":"{name}""#));
            }
            let mut wire = server.connect();
            for name in before.names() {
                assert_eq!(wire.balance(&name).0, before.balance(&name), "{names:?}");
            }
            assert_eq!(wire.ask(r#"{"cmd":"deposit","user":"bob","amount":1}"#)["ok"], true);
            server.shut_down().with_code(0);
            let server = Server::start(&folder);
            assert_eq!(server.connect().balance("bob").0, before.balance("bob") + 1);
            server.shut_down().with_code(0);
            verify(&folder).with_code(0);
        }
    }
}

#[test]
fn a_folder_without_its_snapshots_is_replayed_whole() {
    let folder = Base::new().crashed;
    let before = Model::of(&Journal::read(&folder));
    for name in ["state.json", "state.previous.json"] {
        fs::remove_file(folder.file(name)).unwrap();
    }
    let server = Server::start(&folder);
    let mut wire = server.connect();
    for name in before.names() {
        assert_eq!(wire.balance(&name).0, before.balance(&name));
    }
}
