//! Planned faults, failed and lying syncs, a full disk, rotten bits, the record of calls.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_planned_fault_meets_its_call_once_and_changes_nothing() {
    let faults = [
        (Fault::Io, Errno::IO),
        (Fault::NoSpace, Errno::NOSPC),
        (Fault::Interrupted, Errno::INTR),
        (Fault::TooManyFiles, Errno::MFILE),
    ];
    for (fault, expected) in faults {
        let disk = disk_with("a", b"bytes");
        let file = disk.open("a").expect("a file");
        for (ahead, act) in [
            (1, (|disk, _| disk.create("b").map(drop)) as fn(&SimDisk, &SimFile) -> _),
            (1, |disk, file| disk.write_at(file, b"x", 0).map(drop)),
            (1, |disk, file| disk.set_len(file, 0)),
            (1, |disk, _| disk.rename("a", "b")),
            (1, |disk, _| disk.link("a", "b")),
            (1, |disk, _| disk.unlink("a")),
            (1, |disk, file| disk.read_at(file, &mut [0], 0).map(drop)),
            (1, |disk, _| disk.lock().map(drop)),
        ] {
            disk.fail_at(disk.operations() + ahead, fault);
            let error = act(&disk, &file).expect_err("planned");
            assert_eq!(errno(&error), Some(expected));
        }
        assert_eq!(disk.faults_met(), 8);
        assert_eq!(disk.names(), ["a"]);
        assert_eq!(disk.cached_bytes("a"), Some(b"bytes".to_vec()));
        disk.write_at(&file, b"x", 0).expect("a fault comes once");
    }
}

#[test]
fn a_fault_can_wait_for_the_third_call_of_its_kind() {
    let disk = SimDisk::new();
    disk.fail_call_at(Call::WriteAt, 3, Fault::NoSpace);
    let file = disk.create("a").expect("a new file");
    disk.write_at(&file, b"1", 0).expect("the first");
    disk.sync_all(&file).expect("another kind");
    disk.write_at(&file, b"2", 1).expect("the second");
    assert_eq!(disk.operations_of(Call::WriteAt), 2);
    assert_eq!(disk.faults_met(), 0);
    let error = disk.write_at(&file, b"3", 2).expect_err("the third");
    assert_eq!(errno(&error), Some(Errno::NOSPC));
    assert_eq!(disk.faults_met(), 1);
    assert_eq!(disk.cached_bytes("a"), Some(b"12".to_vec()));
}

#[test]
fn a_short_transfer_moves_some_bytes_and_never_none() {
    let mut written = BTreeSet::new();
    let mut read = BTreeSet::new();
    for seed in 0..100 {
        let disk = SimDisk::seeded(seed);
        let file = disk.create("a").expect("a new file");
        disk.fail_at(2, Fault::Short);
        let count = disk.write_at(&file, b"12345", 0).expect("short, not failed");
        assert_eq!(disk.cached_bytes("a").as_deref(), b"12345".get(..count));
        written.insert(count);

        write_all_at(&disk, &file, b"12345", 0).expect("written");
        disk.fail_call_at(Call::ReadAt, 1, Fault::Short);
        let mut bytes = [0; 5];
        read.insert(disk.read_at(&file, &mut bytes, 0).expect("short, not failed"));
    }
    assert_eq!(written, BTreeSet::from([1, 2, 3, 4]));
    assert_eq!(read, BTreeSet::from([1, 2, 3, 4]));
}

#[test]
fn a_repeated_write_gets_past_short_and_interrupted_ones() {
    let disk = SimDisk::new();
    let file = disk.create("a").expect("a new file");
    for number in [2, 4] {
        disk.fail_at(number, Fault::Short);
        disk.fail_at(number + 1, Fault::Interrupted);
    }
    write_all_at(&disk, &file, b"0123456789", 0).expect("written in the end");
    assert_eq!(disk.faults_met(), 4);
    assert_eq!(disk.cached_bytes("a"), Some(b"0123456789".to_vec()));
}

#[test]
fn after_a_failed_sync_the_next_one_succeeds_and_the_bytes_are_gone_all_the_same() {
    let mut lost = 0;
    for seed in 0..100 {
        let disk = SimDisk::seeded(seed);
        let file = create_durable(&disk, "a", &[b'-'; 1_024]);
        write_all_at(&disk, &file, &[b'x'; 1_024], 0).expect("written");
        disk.fail_at(disk.operations() + 1, Fault::Io);
        let error = disk.sync_data(&file).expect_err("planned");
        assert_eq!(errno(&error), Some(Errno::IO));
        disk.sync_data(&file).expect("clean, it says");
        disk.process_crash();
        assert_eq!(disk.cached_bytes("a"), Some(vec![b'x'; 1_024]), "the cache still shows them");
        let file = disk.open("a").expect("a file");
        disk.sync_all(&file).expect("clean, it says");

        let platter = disk.durable_bytes("a").expect("the file");
        disk.power_loss(seed, PowerLoss::Ordered);
        assert_eq!(disk.cached_bytes("a"), Some(platter.clone()), "nothing was left to chance");
        lost += u32::from(platter != [b'x'; 1_024]);
    }
    assert!((30..100).contains(&lost), "{lost} of 100");
}

#[test]
fn a_failed_sync_is_told_once_to_every_handle_that_was_open() {
    let disk = disk_with("a", b"bytes");
    let failing = disk.open("a").expect("a file");
    let other = disk.open("a").expect("a file");
    disk.fail_at(disk.operations() + 1, Fault::Io);
    disk.sync_data(&failing).expect_err("planned");
    let later = disk.open("a").expect("a file");
    disk.sync_data(&failing).expect("told already");
    let told = disk.sync_all(&other).expect_err("not told yet");
    assert_eq!(errno(&told), Some(Errno::IO));
    disk.sync_all(&other).expect("told once");
    disk.sync_all(&later).expect("opened afterwards");
}

#[test]
fn after_a_failed_sync_of_the_folder_names_are_gone_though_the_next_one_succeeds() {
    let mut kept = BTreeSet::new();
    for seed in 0..100 {
        let disk = SimDisk::seeded(seed);
        create(&disk, "a", b"");
        create(&disk, "b", b"");
        disk.fail_at(disk.operations() + 1, Fault::NoSpace);
        assert!(disk.sync_dir().is_err());
        disk.sync_dir().expect("clean, it says");
        assert_eq!(disk.names(), ["a", "b"], "calls still see them");
        disk.power_loss(seed, PowerLoss::Strict);
        kept.insert(disk.names());
    }
    let states = [vec![], vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()]];
    assert_eq!(kept, BTreeSet::from(states));
}

#[test]
fn a_file_unlinked_before_a_failed_sync_of_the_folder_may_come_back_with_its_bytes() {
    let mut left = BTreeSet::new();
    for seed in 0..20 {
        let disk = SimDisk::seeded(seed);
        drop(create_durable(&disk, "a", b"bytes"));
        disk.unlink("a").expect("unlinked");
        disk.fail_at(disk.operations() + 1, Fault::Io);
        assert!(disk.sync_dir().is_err());
        disk.sync_dir().expect("clean, it says");
        disk.power_loss(seed, PowerLoss::Ordered);
        left.insert((disk.names(), disk.cached_bytes("a")));
    }
    let back = (vec!["a".to_owned()], Some(b"bytes".to_vec()));
    assert_eq!(left, BTreeSet::from([(vec![], None), back]));
}

#[test]
fn what_is_written_after_a_failed_sync_can_be_made_durable_again() {
    let disk = disk_with("a", b"-----");
    let file = disk.open("a").expect("a file");
    write_all_at(&disk, &file, b"lost?", 0).expect("written");
    disk.fail_at(disk.operations() + 1, Fault::Io);
    assert!(disk.sync_data(&file).is_err());
    write_all_at(&disk, &file, b"later", 0).expect("written");
    disk.sync_data(&file).expect("synced");
    assert_eq!(disk.durable_bytes("a"), Some(b"later".to_vec()));
}

#[test]
fn a_lying_sync_makes_nothing_durable() {
    let disk = disk_with("a", b"old");
    disk.lie_about_syncs(true);
    let file = disk.open("a").expect("a file");
    write_all_at(&disk, &file, b"new", 0).expect("written");
    create(&disk, "b", b"");
    disk.sync_data(&file).expect("so it says");
    disk.sync_all(&file).expect("so it says");
    disk.sync_dir().expect("so it says");
    assert_eq!(disk.durable_bytes("a"), Some(b"old".to_vec()));
    assert_eq!(disk.durable_names(), ["a"]);
    disk.lie_about_syncs(false);
    disk.sync_all(&file).expect("synced");
    assert_eq!(disk.durable_bytes("a"), Some(b"new".to_vec()));
}

#[test]
fn a_full_disk_cuts_a_write_short_then_refuses_and_takes_overwrites_still() {
    let disk = disk_with("other", &[0; 600]);
    disk.set_capacity(Some(1_000));
    let file = disk.create("a").expect("a new file");
    assert_eq!(disk.write_at(&file, &[1; 300], 0).expect("fits"), 300);
    assert_eq!(disk.write_at(&file, &[2; 300], 300).expect("fits in part"), 100);
    let error = disk.write_at(&file, &[3; 10], 400).expect_err("full");
    assert_eq!(errno(&error), Some(Errno::NOSPC));
    let error = disk.set_len(&file, 401).expect_err("full");
    assert_eq!(errno(&error), Some(Errno::NOSPC));
    assert_eq!(disk.write_at(&file, &[4; 400], 0).expect("no new byte"), 400);
    assert_eq!(disk.write_at(&file, &[5; 10], 395).expect("five new bytes"), 5);
    let error = write_all_at(&disk, &file, &[6; 10], 395).expect_err("full");
    assert_eq!(errno(&error), Some(Errno::NOSPC));

    let handle = disk.open("other").expect("a file");
    disk.unlink("other").expect("unlinked");
    assert!(disk.write_at(&file, &[7], 400).is_err(), "an open file keeps its room");
    drop(handle);
    assert_eq!(disk.write_at(&file, &[7; 600], 400).expect("room again"), 600);
    disk.set_capacity(None);
    assert_eq!(disk.write_at(&file, &[8; 600], 1_000).expect("no limit"), 600);
}

#[test]
fn a_second_name_takes_no_room() {
    let disk = disk_with("a", &[0; 600]);
    disk.set_capacity(Some(1_000));
    disk.link("a", "b").expect("linked");
    let file = disk.open("b").expect("a file");
    assert_eq!(disk.write_at(&file, &[1; 600], 600).expect("fits in part"), 400);
}

#[test]
fn an_offset_beyond_any_file_is_refused() {
    let disk = SimDisk::new();
    let file = disk.create("a").expect("a new file");
    for offset in [1 << 40, u64::MAX] {
        let error = disk.write_at(&file, b"x", offset).expect_err("too far");
        assert_eq!(errno(&error), Some(Errno::FBIG));
        let error = disk.set_len(&file, offset).expect_err("too long");
        assert_eq!(errno(&error), Some(Errno::FBIG));
    }
    assert_eq!(disk.len(&file).expect("a length"), 0);
}

#[test]
fn a_rotten_bit_shows_at_once_and_stays() {
    let disk = disk_with("a", b"AAAA");
    disk.flip_bit("a", 2, 5).expect("a byte of the file");
    assert_eq!(disk.cached_bytes("a"), Some(b"AAaA".to_vec()));
    disk.power_loss(0, PowerLoss::Ordered);
    assert_eq!(disk.cached_bytes("a"), Some(b"AAaA".to_vec()));
    let beyond = disk.flip_bit("a", 4, 0).expect_err("behind the end");
    assert_eq!(beyond.kind(), io::ErrorKind::InvalidInput);
    let no_bit = disk.flip_bit("a", 0, 8).expect_err("a byte has eight bits");
    assert_eq!(no_bit.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(disk.flip_bit("b", 0, 0).expect_err("missing").kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_file_put_in_place_is_durable_over_what_was_there() {
    let disk = SimDisk::new();
    create(&disk, "a", b"written");
    disk.set_file("a", b"put").expect("a plain name");
    disk.set_file("quarantine/tail", b"aside").expect("a plain name");
    disk.power_loss(3, PowerLoss::Strict);
    assert_eq!(disk.names(), ["a", "quarantine/tail"]);
    assert_eq!(disk.cached_bytes("a"), Some(b"put".to_vec()));
    assert!(disk.set_file("../a", b"").is_err());
}

#[test]
fn the_record_of_calls_reads_as_a_script() {
    let disk = SimDisk::new();
    drop(disk.create("unrecorded"));
    disk.record_operations();
    let file = create(&disk, "state.json.new", b"{}");
    disk.set_len(&file, 1).expect("cut");
    disk.sync_all(&file).expect("synced");
    disk.rename("state.json.new", "state.json").expect("renamed");
    disk.sync_dir().expect("synced");
    disk.read_at(&file, &mut [0; 8], 4).expect("read");
    assert!(disk.unlink("missing").is_err());
    let record = disk.take_operations();
    assert_eq!(record.first().map(|operation| operation.number), Some(2));
    let script: Vec<_> = record.iter().map(ToString::to_string).collect();
    assert_eq!(
        script,
        [
            "create state.json.new",
            "write_at state.json.new at 0, 2 bytes",
            "set_len state.json.new 1 bytes",
            "sync_all state.json.new",
            "rename state.json.new -> state.json",
            "sync_dir",
            "read_at state.json.new at 4, 8 bytes",
            "unlink missing",
        ]
    );
    disk.list().expect("names");
    assert_eq!(disk.take_operations().len(), 1, "only what is new");
}
