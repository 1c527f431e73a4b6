//! What a power cut may take, and what it may not.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const MODES: [PowerLoss; 2] = [PowerLoss::Ordered, PowerLoss::Strict];

/// Runs the same story on a new disk for every seed and collects what was left.
fn left_after<T: Ord>(
    seeds: u64,
    mode: PowerLoss,
    story: impl Fn(&SimDisk),
    look: impl Fn(&SimDisk) -> T,
) -> BTreeMap<T, u64> {
    let mut left = BTreeMap::new();
    for seed in 0..seeds {
        let disk = SimDisk::new();
        story(&disk);
        disk.power_loss(seed, mode);
        *left.entry(look(&disk)).or_insert(0) += 1;
    }
    left
}

#[test]
fn an_unsynced_overwrite_keeps_or_loses_each_sector_by_itself_and_sometimes_tears_one() {
    let mut whole = BTreeSet::new();
    let mut torn = 0;
    for seed in 0..4_000 {
        let disk = disk_with("a", &[b'-'; 2_048]);
        let file = disk.open("a").expect("a file");
        write_all_at(&disk, &file, &[b'x'; 2_048], 0).expect("written");
        disk.power_loss(seed, PowerLoss::Ordered);
        let bytes = disk.cached_bytes("a").expect("the file");
        assert_eq!(bytes.len(), 2_048);
        assert!(bytes.iter().all(|byte| b"-x".contains(byte)), "only old and new bytes");
        let sectors: Vec<_> = bytes.chunks(512).collect();
        if sectors.iter().all(|sector| sector.windows(2).all(|pair| pair[0] == pair[1])) {
            whole.insert(sectors.iter().map(|sector| sector[0]).collect::<Vec<_>>());
        } else {
            torn += 1;
        }
    }
    assert_eq!(whole.len(), 16, "every subset of four sectors arises");
    assert!((300..700).contains(&torn), "one cut in eight tears: {torn} of 4000");
}

#[test]
fn a_write_is_cut_where_the_sectors_of_the_file_begin_not_where_it_begins() {
    let story = |disk: &SimDisk| {
        disk.set_file("a", &[b'-'; 1_024]).expect("a plain name");
        let file = disk.open("a").expect("a file");
        write_all_at(disk, &file, &[b'x'; 512], 300).expect("written");
    };
    let left = left_after(1_000, PowerLoss::Ordered, story, |disk| {
        disk.cached_bytes("a").expect("the file")
    });
    let state = |before: u8, behind: u8| {
        let write = [vec![before; 212], vec![behind; 300]].concat();
        [vec![b'-'; 300], write, vec![b'-'; 212]].concat()
    };
    for (before, behind) in [(b'x', b'-'), (b'-', b'x')] {
        let count = left.get(&state(before, behind)).copied().unwrap_or(0);
        assert!(count > 50, "one sector of two: {count} of 1000");
    }
}

#[test]
fn a_torn_sector_keeps_its_head_or_its_tail() {
    let story = |disk: &SimDisk| {
        disk.set_file("a", &[b'-'; 512]).expect("a plain name");
        let file = disk.open("a").expect("a file");
        write_all_at(disk, &file, &[b'x'; 512], 0).expect("written");
    };
    let left = left_after(1_000, PowerLoss::Ordered, story, |disk| {
        let bytes = disk.cached_bytes("a").expect("the file");
        (bytes[0], bytes[511])
    });
    assert_eq!(left.len(), 4, "{left:?}");
}

#[test]
fn two_unsynced_writes_reach_the_platter_in_any_order() {
    let story = |disk: &SimDisk| {
        disk.set_file("a", &[b'-'; 1_024]).expect("a plain name");
        let file = disk.open("a").expect("a file");
        write_all_at(disk, &file, b"1", 0).expect("written");
        write_all_at(disk, &file, b"2", 600).expect("written");
    };
    let left = left_after(500, PowerLoss::Ordered, story, |disk| {
        let bytes = disk.cached_bytes("a").expect("the file");
        (bytes[0] == b'1', bytes[600] == b'2')
    });
    assert_eq!(left.len(), 4, "the second alone too: {left:?}");
}

#[test]
fn what_was_synced_survives_every_power_cut() {
    for (seed, mode) in (0..2_000).zip(MODES.into_iter().cycle()) {
        let disk = SimDisk::new();
        let file = create(&disk, "a", &[b's'; 1_500]);
        disk.sync_data(&file).expect("synced");
        disk.sync_dir().expect("synced");
        write_all_at(&disk, &file, &[b'u'; 1_500], 1_500).expect("written");
        disk.power_loss(seed, mode);
        let bytes = disk.cached_bytes("a").expect("the name was synced");
        assert!(bytes.len() >= 1_500, "seed {seed}");
        assert!(bytes.iter().take(1_500).all(|byte| *byte == b's'), "seed {seed}");
        assert_eq!(disk.durable_bytes("a"), Some(bytes), "seed {seed}");
    }
}

#[test]
fn a_file_that_grew_unsynced_has_an_old_length_or_nul_where_its_data_is_lost() {
    let story = |disk: &SimDisk| {
        disk.set_file("a", b"old").expect("a plain name");
        let file = disk.open("a").expect("a file");
        write_all_at(disk, &file, &[b'x'; 512], 512).expect("written");
    };
    let left = left_after(1_000, PowerLoss::Ordered, story, |disk| {
        disk.cached_bytes("a").expect("the file")
    });
    for bytes in left.keys() {
        assert!(bytes.starts_with(b"old"));
        assert!(bytes.iter().skip(3).take(509).all(|byte| *byte == 0));
    }
    let old_length = b"old".to_vec();
    let lost_data = [b"old".to_vec(), vec![0; 1_021]].concat();
    let all = [b"old".to_vec(), vec![0; 509], vec![b'x'; 512]].concat();
    for state in [old_length, lost_data, all] {
        assert!(left.contains_key(&state), "{} bytes", state.len());
    }
}

#[test]
fn a_file_cut_and_grown_unsynced_never_shows_its_old_bytes_at_its_new_length() {
    let story = |disk: &SimDisk| {
        disk.set_file("a", b"0123456789").expect("a plain name");
        let file = disk.open("a").expect("a file");
        disk.set_len(&file, 2).expect("cut");
        disk.set_len(&file, 6).expect("grown");
    };
    let left = left_after(200, PowerLoss::Ordered, story, |disk| {
        disk.cached_bytes("a").expect("the file")
    });
    let states = [b"01".to_vec(), b"01\0\0\0\0".to_vec(), b"0123456789".to_vec()];
    assert_eq!(left.into_keys().collect::<Vec<_>>(), states);
}

#[test]
fn a_length_set_after_the_last_write_survives_only_a_full_sync() {
    let story = |sync: fn(&SimDisk, &SimFile) -> io::Result<()>| {
        move |disk: &SimDisk| {
            let file = create_durable(disk, "a", b"0123456789");
            write_all_at(disk, &file, b"x", 0).expect("written");
            disk.set_len(&file, 4).expect("cut");
            sync(disk, &file).expect("synced");
        }
    };
    let look = |disk: &SimDisk| disk.cached_bytes("a").expect("the file");
    let by_data: Vec<_> =
        left_after(200, PowerLoss::Ordered, story(SimDisk::sync_data), look).into_keys().collect();
    assert_eq!(by_data, [b"x123".to_vec(), b"x123456789".to_vec()]);
    let by_all: Vec<_> =
        left_after(200, PowerLoss::Ordered, story(SimDisk::sync_all), look).into_keys().collect();
    assert_eq!(by_all, [b"x123".to_vec()]);
}

#[test]
fn a_name_is_lost_with_its_file_unless_the_folder_was_synced() {
    for mode in MODES {
        let story = |disk: &SimDisk| {
            let file = create(disk, "a", b"synced bytes");
            disk.sync_all(&file).expect("synced");
        };
        let left = left_after(100, mode, story, |disk| disk.cached_bytes("a"));
        assert!(left.contains_key(&None), "{mode:?}");
        assert!(left.contains_key(&Some(b"synced bytes".to_vec())), "{mode:?}");
        assert_eq!(left.len(), 2, "{mode:?}");

        let story = |disk: &SimDisk| drop(create_durable(disk, "a", b"synced bytes"));
        let left = left_after(100, mode, story, |disk| disk.cached_bytes("a"));
        assert_eq!(left.len(), 1, "{mode:?}");
        assert!(left.contains_key(&Some(b"synced bytes".to_vec())), "{mode:?}");
    }
}

#[test]
fn a_rename_is_whole_or_did_not_happen() {
    for mode in MODES {
        let story = |disk: &SimDisk| {
            create_durable(disk, "state.json", b"old");
            create_durable(disk, "state.json.new", b"new");
            disk.rename("state.json.new", "state.json").expect("renamed");
            assert_eq!(disk.cached_bytes("state.json"), Some(b"new".to_vec()));
        };
        let left = left_after(100, mode, story, |disk| {
            (disk.cached_bytes("state.json.new"), disk.cached_bytes("state.json"))
        });
        let before = (Some(b"new".to_vec()), Some(b"old".to_vec()));
        let after = (None, Some(b"new".to_vec()));
        assert_eq!(left.into_keys().collect::<Vec<_>>(), [after, before], "{mode:?}");
    }
}

#[test]
fn an_unlinked_file_comes_back_unless_the_folder_was_synced() {
    let story = |disk: &SimDisk| {
        drop(create_durable(disk, "a", b"kept"));
        disk.unlink("a").expect("unlinked");
        assert_eq!(disk.cached_bytes("a"), None);
    };
    let left = left_after(100, PowerLoss::Ordered, story, |disk| disk.cached_bytes("a"));
    assert_eq!(left.into_keys().collect::<Vec<_>>(), [None, Some(b"kept".to_vec())]);

    let story = |disk: &SimDisk| {
        story(disk);
        disk.sync_dir().expect("synced");
    };
    let left = left_after(100, PowerLoss::Strict, story, |disk| disk.cached_bytes("a"));
    assert_eq!(left.into_keys().collect::<Vec<_>>(), [None]);
}

#[test]
fn a_file_made_and_unlinked_between_two_syncs_may_come_back_with_its_bytes() {
    for mode in MODES {
        let story = |disk: &SimDisk| {
            let file = create(disk, "a", b"synced bytes");
            disk.sync_all(&file).expect("synced");
            disk.unlink("a").expect("unlinked");
        };
        let left = left_after(100, mode, story, |disk| (disk.names(), disk.cached_bytes("a")));
        let back = (vec!["a".to_owned()], Some(b"synced bytes".to_vec()));
        assert_eq!(left.into_keys().collect::<Vec<_>>(), [(vec![], None), back], "{mode:?}");
    }
}

#[test]
fn out_of_order_one_operation_on_a_name_among_many_may_be_the_only_one_lost() {
    let story = |disk: &SimDisk| {
        for number in 0..20 {
            disk.create(&number.to_string()).expect("a new file");
        }
    };
    let left = left_after(1_000, PowerLoss::Strict, story, |disk| disk.names().len());
    assert!(left.get(&19).is_some_and(|count| *count > 50), "{left:?}");
    assert!(left.get(&1).is_some_and(|count| *count > 50), "{left:?}");
}

#[test]
fn an_unlink_whose_rename_is_lost_does_not_take_the_file_that_had_the_name() {
    let story = |disk: &SimDisk| {
        create_durable(disk, "a", b"new");
        create_durable(disk, "b", b"old");
        disk.rename("a", "b").expect("renamed");
        disk.unlink("b").expect("unlinked");
    };
    let left = left_after(200, PowerLoss::Strict, story, SimDisk::names);
    assert_eq!(left.into_keys().collect::<Vec<_>>(), [vec![], vec!["a", "b"], vec!["b"]]);
}

/// Closing a journal file without a sync of the folder between the two renames.
fn rotate_carelessly(disk: &SimDisk) {
    create_durable(disk, "log", b"closed");
    create_durable(disk, "log.new", b"empty");
    disk.rename("log", "log.1-9").expect("renamed");
    disk.rename("log.new", "log").expect("renamed");
}

#[test]
fn in_order_the_last_operations_on_names_are_lost_first() {
    let left = left_after(200, PowerLoss::Ordered, rotate_carelessly, SimDisk::names);
    let states = [vec!["log", "log.1-9"], vec!["log", "log.new"], vec!["log.1-9", "log.new"]];
    assert_eq!(left.into_keys().collect::<Vec<_>>(), states);
}

#[test]
fn out_of_order_a_later_rename_may_survive_alone_and_cost_the_file_it_replaced() {
    let left = left_after(200, PowerLoss::Strict, rotate_carelessly, |disk| {
        (disk.names(), disk.cached_bytes("log").or_else(|| disk.cached_bytes("log.1-9")))
    });
    assert!(left.contains_key(&(vec!["log".to_owned()], Some(b"empty".to_vec()))), "{left:?}");
    assert_eq!(left.len(), 4);
}

#[test]
fn a_power_cut_follows_from_its_seed_alone() {
    let run = |seed| {
        let disk = SimDisk::new();
        rotate_carelessly(&disk);
        let file = disk.open("log").expect("a file");
        write_all_at(&disk, &file, &[7; 10_000], 100).expect("written");
        disk.power_loss(seed, PowerLoss::Strict);
        disk.names().into_iter().map(|name| disk.cached_bytes(&name)).collect::<Vec<_>>()
    };
    let different: BTreeSet<_> = (0..50).map(run).collect();
    assert!(different.len() > 10);
    for seed in 0..50 {
        assert_eq!(run(seed), run(seed));
    }
}

#[test]
fn the_quarantine_is_durable_when_it_is_made_and_its_names_when_the_folder_is_synced() {
    for seed in 0..50 {
        let disk = SimDisk::new();
        disk.create_quarantine().expect("made");
        drop(create_durable(&disk, "quarantine/tail-1", b"kept"));
        let file = create(&disk, "quarantine/tail-2", b"perhaps");
        disk.sync_all(&file).expect("synced");
        disk.power_loss(seed, PowerLoss::Strict);
        assert_eq!(disk.cached_bytes("quarantine/tail-1"), Some(b"kept".to_vec()));
        disk.create("quarantine/tail-3").expect("the folder is there");
    }
}
