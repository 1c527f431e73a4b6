//! `saldo backup` and `saldo restore`: beside a server under load, killed at any moment, damaged, and
//! put back elsewhere, whole or up to a point of the past.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use serde_json::Value;

use crate::harness::{Ended, Journal, Model, Random, Run, Serve, Server, clean, run, saldo, until};
use crate::load::Life;

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn back_up(data: &Path, to: &Path) -> Ended {
    run(&["backup", &text(to), "--data", &text(data), "--json"])
}

fn restore(backup: &Path, data: &Path, more: &[&str]) -> Ended {
    let (backup, data) = (text(backup), text(data));
    run(&[&["restore", &backup, "--data", &data, "--json"], more].concat())
}

fn verify(folder: &Path) -> Ended {
    run(&["verify", &text(folder), "--json"])
}

/// A bank of many small files, with every kind of event, and a folder for backups beside it.
struct Bank {
    life: Life,
    backup: PathBuf,
}

impl Bank {
    fn new(writes: u64) -> Self {
        let mut life = Life::new(Random::from_clock());
        let server = Serve::on(&life.folder).small().start();
        life.open(&server);
        life.work(&server, writes, || server.kill());
        server.crash();
        let backup = life.folder.around().join("backup");
        Self { life, backup }
    }

    fn data(&self) -> PathBuf {
        self.life.folder.data()
    }

    fn around(&self, name: &str) -> PathBuf {
        self.life.folder.around().join(name)
    }
}

/// Every transaction of the bank up to `last`, as it is exported.
fn exported(server: &Server, last: u64) -> Vec<String> {
    let ended = Run::new(&["export", "transactions"]).at(server).end().with_code(0);
    ended.stdout.lines().take(usize::try_from(last).unwrap()).map(str::to_owned).collect()
}

#[test]
fn a_backup_under_load_is_restored_elsewhere_as_the_same_bank_at_its_seq() {
    let mut life = Life::new(Random::from_clock());
    let server = Serve::on(&life.folder).small().start();
    life.open(&server);
    let (data, backup) = (life.folder.data(), life.folder.around().join("backup"));
    let reports: Vec<Value> = thread::scope(|scope| {
        let making = scope.spawn(|| {
            let made = std::panic::catch_unwind(|| {
                (0..6).map(|_| back_up(&data, &backup).with_code(0).json()).collect()
            });
            server.kill();
            made.unwrap()
        });
        life.work(&server, u64::MAX, || {});
        making.join().unwrap()
    });
    server.crash();
    let lasts: Vec<u64> = reports.iter().map(|report| report["last"].as_u64().unwrap()).collect();
    assert!(lasts.is_sorted() && lasts[5] > lasts[0], "the server worked meanwhile: {lasts:?}");
    assert!(reports[5]["files_kept"].as_u64() > Some(0), "{}", reports[5]);
    let (last, seal) = (lasts[5], &reports[5]["last_seal"]);

    let proof = verify(&backup).with_code(0).json();
    assert_eq!((&proof["last"], &proof["last_seal"]), (&last.into(), seal), "{proof}");
    assert_eq!(proof["backup"], true);

    let elsewhere = life.folder.around().join("elsewhere");
    let report = restore(&backup, &elsewhere, &["--yes"]).with_code(0).json();
    assert_eq!((&report["last"], &report["last_seal"]), (&last.into(), seal), "{report}");
    let proof = verify(&elsewhere).with_code(0).json();
    assert_eq!(proof["last_seal"], *seal, "{proof}");

    let (restored, original) = (Serve::at(&elsewhere).start(), Server::start(&life.folder));
    let of_restored = exported(&restored, u64::MAX);
    assert_eq!(of_restored.len() as u64, last);
    assert!(of_restored == exported(&original, last));
    // And it is a bank: it goes on.
    let reply = restored.connect().ask(r#"{"cmd":"deposit","user":"alice","amount":1}"#);
    assert_eq!(reply["seq"], last + 1, "{reply}");
    life.check(&original);
}

#[test]
fn a_bank_restored_to_a_seq_or_a_time_holds_what_it_held_then() {
    let bank = Bank::new(3_000);
    let journal = Journal::read(&bank.life.folder);
    let model = Model::of(&journal);
    back_up(&bank.data(), &bank.backup).with_code(0);
    let end = journal.last();
    let original = Server::start(&bank.life.folder);
    let mut random = Random::from_clock();
    let mut cuts: Vec<u64> = (0..8).map(|_| 1 + random.below(end - 1)).collect();
    // Where a file ends, in its first event, and the very first.
    let closed = bank.life.folder.closed_files();
    let name = &closed[closed.len() / 2];
    let last: u64 = name.split(['-', '.']).nth(2).unwrap().parse().unwrap();
    cuts.extend([1, last, last + 1, end]);
    for (place, seq) in cuts.into_iter().enumerate() {
        let data = bank.around(&format!("to-{place}"));
        let at = journal.events.iter().find(|event| event.seq == seq).unwrap().at.to_string();
        let (flag, value) =
            if place % 3 == 2 { ("--to-time", at) } else { ("--to-seq", seq.to_string()) };
        let more = ["--yes", flag, &value];
        let report = restore(&bank.backup, &data, &more).with_code(0).json();
        let restored_to = report["last"].as_u64().unwrap();
        assert!(restored_to == seq || flag == "--to-time" && restored_to > seq, "{report}");
        let proof = verify(&data).with_code(0).json();
        assert_eq!(proof["last"], restored_to, "{proof}");
        assert_eq!(proof["last_seal"], report["last_seal"], "{proof}");

        let restored = Serve::at(&data).start();
        assert!(exported(&restored, u64::MAX) == exported(&original, restored_to), "{seq}");
        for name in model.names() {
            let held = restored.connect().balance(&name).0;
            assert_eq!(held, model.balance_at(&name, restored_to), "{name} at {restored_to}");
            // What the bank that went on says of that moment.
            let then = Run::new(&["balance", &name, "--at", &value, "-q"]).at(&original).end();
            assert_eq!(then.with_code(0).stdout, format!("{held}\n"), "{name} at {value}");
        }
        let reply = restored.connect().ask(r#"{"cmd":"deposit","user":"alice","amount":1}"#);
        assert_eq!(reply["seq"], restored_to + 1, "{reply}");
        restored.shut_down().with_code(0);
        let proof = verify(&data).with_code(0).json();
        assert_eq!(proof["last"], restored_to + 1, "{proof}");
    }
    let beyond = restore(&bank.backup, &bank.around("no"), &["--yes", "--to-seq", "99999999"]);
    assert!(beyond.with_code(1).stderr.contains("not_in_backup"));
    assert!(!bank.around("no").exists());
}

fn listed(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_killed_at_any_moment_leaves_one_that_can_be_used() {
    let mut bank = Bank::new(2_000);
    let mut random = Random::from_clock();
    let first = back_up(&bank.data(), &bank.backup).with_code(0).json();
    let mut last = first["last"].as_u64().unwrap();
    let mut killed = 0;
    for _ in 0..12 {
        let server = Serve::on(&bank.life.folder).small().start();
        bank.life.work(&server, 300, || server.kill());
        server.crash();
        let mut command = std::process::Command::new(saldo());
        clean(&mut command);
        command.args(["backup", &text(&bank.backup), "--data", &text(&bank.data())]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Each file that it makes, names or removes shows in the folder.
        let (mut changes, mut names) = (1 + random.below(6), listed(&bank.backup));
        until("its end", || {
            let seen = listed(&bank.backup);
            changes -= u64::from(seen != names);
            names = seen;
            (changes == 0 || child.try_wait().unwrap().is_some()).then_some(())
        });
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        let proof = verify(&bank.backup).with_code(0).json();
        let found = proof["last"].as_u64().unwrap();
        assert!(found >= last, "{found} after {last}");
        last = found;
    }
    assert!(killed > 0, "none was killed before its end");
    let report = back_up(&bank.data(), &bank.backup).with_code(0).json();
    let names = listed(&bank.backup).len() as u64;
    assert_eq!(names, report["files"].as_u64().unwrap() + 2, "nothing is left over");
}

#[test]
fn a_flipped_bit_anywhere_in_a_backup_is_found_and_nothing_is_restored() {
    let bank = Bank::new(1_000);
    back_up(&bank.data(), &bank.backup).with_code(0);
    let mut random = Random::from_clock();
    let data = bank.around("restored");
    for entry in fs::read_dir(&bank.backup).unwrap() {
        let path = entry.unwrap().path();
        let whole = fs::read(&path).unwrap();
        if whole.is_empty() {
            assert!(path.ends_with("LOCK"), "{path:?}");
            continue;
        }
        let mut bytes = whole.clone();
        let place = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        bytes[place] ^= 1 << random.below(8);
        fs::write(&path, &bytes).unwrap();
        verify(&bank.backup).with_code(6);
        let ended = restore(&bank.backup, &data, &["--yes"]).with_code(6);
        assert_eq!(ended.stdout, "");
        assert!(!data.exists(), "{path:?}");
        fs::remove_file(&path).unwrap();
        if !path.ends_with("MANIFEST.json") {
            verify(&bank.backup).with_code(6);
        }
        fs::write(&path, &whole).unwrap();
    }
    verify(&bank.backup).with_code(0);
}

#[test]
fn restore_wants_an_empty_folder_and_a_yes() {
    let bank = Bank::new(100);
    back_up(&bank.data(), &bank.backup).with_code(0);
    let ended = restore(&bank.backup, &bank.data(), &["--yes"]).with_code(2);
    assert!(ended.stderr.contains("folder_not_empty"), "{ended:?}");
    let data = bank.around("restored");
    let ended = restore(&bank.backup, &data, &[]).with_code(2);
    assert!(ended.stderr.contains("--yes"), "{ended:?}");
    let report = restore(&bank.backup, &data, &["--dry-run", "--to-seq", "5"]).with_code(0).json();
    assert_eq!((&report["dry_run"], &report["last"]), (&true.into(), &5.into()), "{report}");
    assert!(!data.exists());
    restore(&bank.around("none"), &data, &["--yes"]).with_code(2);
    // An interrupted restore is in nobody's way.
    fs::create_dir(bank.around(".restored.restoring")).unwrap();
    fs::write(bank.around(".restored.restoring/transactions.log"), "half").unwrap();
    fs::create_dir(&data).unwrap();
    restore(&bank.backup, &data, &["--yes"]).with_code(0);
    assert!(!bank.around(".restored.restoring").exists());
    let note: Value =
        serde_json::from_slice(&fs::read(data.join("restored.json")).unwrap()).unwrap();
    assert_eq!(note["schema"], "saldo.restored/1", "{note}");
    let told = run(&["verify", &text(&data), "-o", "table"]).with_code(0).stdout;
    assert!(told.contains("restored  "), "{told}");
}

#[test]
fn a_backup_goes_into_a_folder_of_its_own_one_at_a_time() {
    let bank = Bank::new(100);
    back_up(&bank.data(), &bank.data().join("inside")).with_code(2);
    back_up(&bank.data(), bank.life.folder.around()).with_code(2);
    let letters = bank.around("letters");
    fs::create_dir(&letters).unwrap();
    fs::write(letters.join("letter.txt"), "dear").unwrap();
    assert!(back_up(&bank.data(), &letters).with_code(2).stderr.contains("letter.txt"));
    restore(&letters, &bank.around("restored"), &["--yes"]).with_code(2);
    assert_eq!(listed(&letters), ["letter.txt"]);
    back_up(&bank.data(), &bank.backup).with_code(0);
    let lock = fs::File::open(bank.backup.join("LOCK")).unwrap();
    lock.lock().unwrap();
    let ended = back_up(&bank.data(), &bank.backup).with_code(72);
    assert!(ended.stderr.contains("folder_locked"), "{ended:?}");
    drop(lock);
    // A bank that was taken back is no longer the one of the backup.
    let data = bank.around("restored");
    restore(&bank.backup, &data, &["--yes", "--to-seq", "50"]).with_code(0);
    let ended = back_up(&data, &bank.backup).with_code(1);
    assert!(ended.stderr.contains("another_history"), "{ended:?}");
    back_up(&data, &bank.around("another")).with_code(0);
    until("a proof of the first backup", || verify(&bank.backup).code.filter(|code| *code == 0));
}

#[test]
fn a_database_is_left_to_its_own_tools() {
    for arguments in [
        ["backup", "somewhere", "--data", "postgres://saldo@127.0.0.1:1/bank"],
        ["restore", "somewhere", "--data", "postgres://saldo@127.0.0.1:1/bank"],
    ] {
        let ended = run(&arguments).with_code(2);
        assert!(ended.stderr.contains("pg_basebackup"), "{ended:?}");
    }
}
