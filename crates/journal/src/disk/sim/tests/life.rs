//! Crashes of the process, planned crashes, dead handles, the lock, held syncs.

use std::{sync::mpsc, thread, time::Duration};

use super::*;

/// Far more than a thread of a busy machine needs; reached only when a test fails.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_process_crash_keeps_what_was_written_and_makes_nothing_durable() {
    let disk = disk_with("a", b"old bytes");
    let file = disk.open("a").expect("a file");
    write_all_at(&disk, &file, b"new", 0).expect("written");
    create(&disk, "b", b"unsynced");
    disk.process_crash();
    assert_eq!(disk.cached_bytes("a"), Some(b"new bytes".to_vec()));
    assert_eq!(disk.durable_bytes("a"), Some(b"old bytes".to_vec()));
    assert_eq!(disk.cached_bytes("b"), Some(b"unsynced".to_vec()));
    assert_eq!(disk.durable_names(), ["a"]);
    // The next process can make it durable.
    let file = disk.open("a").expect("a file");
    disk.sync_data(&file).expect("synced");
    assert_eq!(disk.durable_bytes("a"), Some(b"new bytes".to_vec()));
}

#[test]
fn what_was_opened_before_a_crash_is_dead_after_it() {
    let crashes: [fn(&SimDisk); 2] =
        [SimDisk::process_crash, |disk| disk.power_loss(1, PowerLoss::Ordered)];
    for crash in crashes {
        let disk = disk_with("a", b"bytes");
        let of_the_dead = disk.clone();
        let file = of_the_dead.open("a").expect("a file");
        crash(&disk);
        assert!(disk.len(&file).is_err());
        assert!(disk.read_at(&file, &mut [0; 5], 0).is_err());
        assert!(disk.write_at(&file, b"late!", 0).is_err());
        assert!(disk.set_len(&file, 0).is_err());
        assert!(disk.sync_all(&file).is_err());
        assert!(of_the_dead.create("b").is_err());
        assert!(of_the_dead.rename("a", "b").is_err());
        assert!(of_the_dead.unlink("a").is_err());
        assert!(of_the_dead.sync_dir().is_err());
        assert!(of_the_dead.lock().is_err());
        assert_eq!(disk.names(), ["a"]);
        assert_eq!(disk.cached_bytes("a"), Some(b"bytes".to_vec()));
        disk.clone().open("a").expect("a clone of the living lives");
    }
}

#[test]
fn the_lock_keeps_others_out_until_it_is_dropped_or_its_process_is_dead() {
    let disk = SimDisk::new();
    let lock = disk.lock().expect("the lock");
    assert_eq!(disk.clone().lock().expect_err("held").kind(), io::ErrorKind::WouldBlock);
    drop(disk.open("LOCK").expect("the file"));
    assert!(disk.lock().is_err(), "another handle on the file is not the lock");
    drop(lock);
    let of_the_dead = disk.lock().expect("free");
    disk.process_crash();
    let _lock = disk.lock().expect("its process is dead");
    drop(of_the_dead);
    assert!(disk.lock().is_err(), "the dead release nothing");
}

#[test]
fn from_a_planned_crash_on_every_call_fails_until_the_machine_is_back() {
    let disk = disk_with("a", b"bytes");
    let file = disk.open("a").expect("a file");
    disk.crash_at(disk.operations() + 2);
    assert_eq!(disk.len(&file).expect("not yet"), 5);
    assert!(!disk.is_down());
    assert!(disk.sync_data(&file).is_err());
    assert!(disk.is_down());
    assert!(disk.len(&file).is_err());
    assert!(disk.list().is_err());
    assert!(disk.create("b").is_err());
    let counted = disk.operations();
    disk.process_crash();
    assert!(!disk.is_down());
    assert_eq!(disk.list().expect("back"), ["a"]);
    assert_eq!(disk.operations(), counted + 1);
}

#[test]
fn a_planned_crash_that_another_one_forestalls_is_called_off() {
    let disk = SimDisk::new();
    disk.crash_at(1);
    disk.process_crash();
    disk.list().expect("no crash");
}

#[test]
fn the_call_that_meets_the_crash_changes_the_cache_and_makes_nothing_durable() {
    let crash_at_next = |act: &dyn Fn(&SimDisk, &SimFile)| {
        let disk = disk_with("a", b"bytes");
        let file = disk.open("a").expect("a file");
        write_all_at(&disk, &file, b"BY", 0).expect("written");
        drop(disk.create("unsynced").expect("a new file"));
        disk.crash_at(disk.operations() + 1);
        act(&disk, &file);
        assert!(disk.is_down());
        disk
    };

    let disk = crash_at_next(&|disk, file| assert!(disk.sync_all(file).is_err()));
    assert_eq!(disk.durable_bytes("a"), Some(b"bytes".to_vec()));
    let disk = crash_at_next(&|disk, _| assert!(disk.sync_dir().is_err()));
    assert_eq!(disk.durable_names(), ["a"]);
    let disk = crash_at_next(&|disk, _| assert!(disk.create_quarantine().is_err()));
    disk.process_crash();
    assert!(disk.create("quarantine/b").is_err());

    let disk = crash_at_next(&|disk, _| assert!(disk.create("b").is_err()));
    assert_eq!(disk.names(), ["a", "b", "unsynced"]);
    let disk = crash_at_next(&|disk, _| assert!(disk.rename("a", "b").is_err()));
    assert_eq!(disk.names(), ["b", "unsynced"]);
    assert_eq!(disk.durable_names(), ["a"]);
    let disk = crash_at_next(&|disk, file| assert!(disk.set_len(file, 2).is_err()));
    assert_eq!(disk.cached_bytes("a"), Some(b"BY".to_vec()));
    assert_eq!(disk.durable_bytes("a"), Some(b"bytes".to_vec()));
}

#[test]
fn a_write_that_meets_the_crash_is_in_the_cache_whole_or_in_part() {
    let lengths: std::collections::BTreeSet<_> = (0..200)
        .map(|seed| {
            let disk = SimDisk::seeded(seed);
            let file = disk.create("a").expect("a new file");
            disk.crash_at(disk.operations() + 1);
            assert!(disk.write_at(&file, b"12345678", 0).is_err());
            disk.process_crash();
            let bytes = disk.cached_bytes("a").expect("the file");
            assert!(b"12345678".starts_with(&bytes));
            bytes.len()
        })
        .collect();
    assert_eq!(lengths, (0..=8).collect());
}

#[test]
fn a_held_sync_returns_only_after_its_release() {
    let disk = disk_with("a", b"old");
    disk.hold_syncs();
    assert!(!disk.wait_for_held_sync(Duration::ZERO));
    let (done, is_done) = mpsc::channel();
    let journal = disk.clone();
    let thread = thread::spawn(move || {
        let file = journal.open("a").expect("a file");
        write_all_at(&journal, &file, b"new", 0).expect("written");
        for _ in 0..2 {
            journal.sync_data(&file).expect("synced");
            done.send(()).expect("somebody waits");
        }
    });
    assert!(disk.wait_for_held_sync(LIMIT));
    assert!(is_done.try_recv().is_err());
    assert_eq!(disk.cached_bytes("a"), Some(b"new".to_vec()));
    assert_eq!(disk.durable_bytes("a"), Some(b"old".to_vec()));

    disk.release_held_syncs();
    is_done.recv_timeout(LIMIT).expect("the first sync");
    assert_eq!(disk.durable_bytes("a"), Some(b"new".to_vec()));
    assert!(disk.wait_for_held_sync(LIMIT));
    assert!(is_done.try_recv().is_err());
    disk.release_syncs();
    is_done.recv_timeout(LIMIT).expect("the second sync");
    thread.join().expect("no panic");
}

#[test]
fn a_crash_ends_a_held_sync_in_an_error() {
    let disk = disk_with("a", b"old");
    disk.hold_syncs();
    let journal = disk.clone();
    let thread = thread::spawn(move || {
        let file = journal.open("a").expect("a file");
        write_all_at(&journal, &file, b"new", 0).expect("written");
        journal.sync_all(&file)
    });
    assert!(disk.wait_for_held_sync(LIMIT));
    disk.process_crash();
    assert!(thread.join().expect("no panic").is_err());
    assert_eq!(disk.durable_bytes("a"), Some(b"old".to_vec()));
    assert!(!disk.wait_for_held_sync(Duration::ZERO));
    disk.sync_dir().expect("the next life holds nothing");
}

#[test]
fn a_lasting_run_keeps_no_file_that_nothing_can_reach() {
    let disk = SimDisk::new();
    for _ in 0..100 {
        drop(create(&disk, "state.json.new", b"bytes"));
        disk.rename("state.json.new", "state.json").expect("renamed");
        disk.sync_dir().expect("synced");
    }
    assert_eq!(disk.machine.state().files_count(), 1);
    let file = disk.open("state.json").expect("a file");
    disk.unlink("state.json").expect("unlinked");
    assert_eq!(disk.machine.state().files_count(), 1, "a power cut may bring it back");
    disk.sync_dir().expect("synced");
    assert_eq!(disk.machine.state().files_count(), 1, "a handle is open");
    drop(file);
    assert_eq!(disk.machine.state().files_count(), 0);

    let _of_the_dead = disk.create("a").expect("a new file");
    disk.unlink("a").expect("unlinked");
    disk.sync_dir().expect("synced");
    disk.process_crash();
    assert_eq!(disk.machine.state().files_count(), 0, "the dead hold nothing");
}
