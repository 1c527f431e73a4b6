//! Files that are not what was written: cut at every byte, changed in every byte, missing.

use std::sync::Arc;

use history::{HistoryError, Options, Work};
use journal::disk::SimDisk;
use ledger::Seq;

use crate::against_naive::{TINY, open, settle};
use crate::journal_like::History;
use crate::naive::compare;
use crate::random::Random;

/// No merges, and no run before it is asked for: one run after the other.
const RUNS: Options = Options { merge_fan_in: 99, run_events: 10_000, ..TINY };

/// An index of three runs, and their names.
fn three_runs() -> (History, Arc<SimDisk>, Vec<String>) {
    let history = History::random(&mut Random(4), 12, 12);
    let disk = Arc::new(SimDisk::new());
    let (index, _) = open(&disk, RUNS);
    for _ in 0..3 {
        history.append(&index, 4);
        settle(&index, &history, true);
    }
    drop(index);
    let mut names: Vec<String> = disk.names().into_iter().filter(|name| name != "KEY").collect();
    names.sort_by_key(|name| first_of(name));
    assert_eq!(names.len(), 3);
    (history, disk, names)
}

fn first_of(name: &str) -> u64 {
    name.trim_start_matches("run.").split('-').next().unwrap().parse().unwrap()
}

fn disk_of(files: &[(&String, Vec<u8>)]) -> Arc<SimDisk> {
    let disk = Arc::new(SimDisk::new());
    for (name, bytes) in files {
        disk.set_file(name, bytes).unwrap();
    }
    disk
}

/// What each of `names` holds on `disk`.
fn files<'n>(disk: &SimDisk, names: &'n [String]) -> Vec<(&'n String, Vec<u8>)> {
    names.iter().map(|name| (name, disk.cached_bytes(name).unwrap())).collect()
}

#[test]
fn a_run_that_was_cut_anywhere_is_dropped_with_all_behind_it() {
    let (history, disk, names) = three_runs();
    let whole = files(&disk, &names);
    let length = whole[1].1.len();
    let mut cuts: Vec<usize> = (0..length).step_by(101).collect();
    cuts.extend((0..length).step_by(4_096).flat_map(|page| [page, page + 1, page + 4_095]));
    for cut in cuts {
        let mut files = whole.clone();
        files[1].1.truncate(cut);
        let disk = disk_of(&files);
        let (index, opened) = open(&disk, RUNS);
        let kept = Seq::new(first_of(&names[1]) - 1);
        assert_eq!((opened.indexed.seq, opened.dropped_count), (kept, 2), "cut at {cut}");
        assert_eq!(disk.names(), ["KEY".to_owned(), names[0].clone()]);
        history.append(&index, 99);
        settle(&index, &history, true);
        compare(&index, &history, &mut Random(cut as u64));
    }
}

#[test]
fn a_run_with_a_changed_byte_is_dropped_or_says_so_and_never_answers_wrong() {
    let (history, disk, names) = three_runs();
    let whole = files(&disk, &names[..1]);
    let (mut dropped, mut told) = (0, 0);
    for byte in 0..whole[0].1.len() {
        let mut files = whole.clone();
        files[0].1[byte] ^= 1 << (byte % 8);
        let (index, opened) = open(&disk_of(&files), RUNS);
        if opened.indexed.seq == Seq::ZERO {
            assert_eq!(opened.dropped_count, 1);
            dropped += 1;
        } else if ask_everything(&index, &history) {
            told += 1;
            assert_eq!(index.discard().unwrap(), 1);
        } else {
            panic!("byte {byte} was changed and nobody noticed");
        }
    }
    // Pages with tables and ids are read at the start, those of legs, marks and names when asked.
    assert!(dropped > 4_096 && told > 3 * 4_000, "{dropped} dropped, {told} told");
}

/// Every answer is right or is `Damaged`; whether there was one of these.
fn ask_everything(index: &history::History<SimDisk>, history: &History) -> bool {
    let appended = index.appended();
    let mut damaged = false;
    let mut note = |error: HistoryError| {
        assert!(matches!(error, HistoryError::Damaged { .. }), "{error}");
        damaged = true;
    };
    let events = &history.events[..appended.seq.get() as usize];
    for (at, event) in events.iter().enumerate() {
        let seq = Seq::new(at as u64 + 1);
        match index.seqs_of_hash(event.hash) {
            Ok(seqs) => assert!(seqs.contains(&seq)),
            Err(error) => note(error),
        }
        match index.place_of(seq) {
            Ok(place) => {
                let place = place.unwrap();
                assert_eq!(place.offset, events[place.seq.get() as usize - 1].offset);
            }
            Err(error) => note(error),
        }
    }
    for account in 0..appended.accounts_count as u32 {
        match index.seqs_of_account(account, Seq::ZERO, Seq::new(u64::MAX), false, 999) {
            Ok(seqs) => {
                let of_account = |event: &&_| is_of(event, account);
                assert_eq!(seqs.len(), events.iter().filter(of_account).count());
            }
            Err(error) => note(error),
        }
    }
    match index.names("", None, 999, true, &|number| history.name_of(number)) {
        Ok(page) => assert_eq!(page.numbers.len() as u64, appended.accounts_count),
        Err(error) => note(error),
    }
    damaged
}

fn is_of(event: &crate::journal_like::Event, account: u32) -> bool {
    event.accounts.contains(&account)
}

#[test]
fn a_missing_run_takes_away_all_behind_it() {
    let (history, disk, names) = three_runs();
    for missing in 0..3 {
        let mut files = files(&disk, &names);
        files.remove(missing);
        let (index, opened) = open(&disk_of(&files), RUNS);
        assert_eq!(opened.indexed.seq.get(), first_of(&names[missing]) - 1);
        assert_eq!(opened.dropped_count, 2 - missing);
        history.append(&index, 99);
        settle(&index, &history, true);
        compare(&index, &history, &mut Random(missing as u64));
    }
}

#[test]
fn a_run_under_another_runs_name_is_dropped() {
    let (_, disk, names) = three_runs();
    let mut files = files(&disk, &names);
    files[1].1 = files[0].1.clone();
    let (_, opened) = open(&disk_of(&files), RUNS);
    assert_eq!(opened.indexed.seq.get(), first_of(&names[1]) - 1);
}

#[test]
fn a_merged_run_beats_its_parts_and_a_damaged_one_leaves_them() {
    let (history, disk, names) = three_runs();
    let parts = files(&disk, &names);
    let merging = Options { merge_fan_in: 3, ..TINY };
    let (index, _) = open(&disk, merging);
    settle(&index, &history, false);
    assert_eq!(index.usage().runs_count, 1);
    drop(index);
    let merged = disk.names().into_iter().find(|name| name != "KEY").unwrap();
    let bytes = disk.cached_bytes(&merged).unwrap();
    let mut all = parts.clone();
    all.push((&merged, bytes.clone()));
    let disk = disk_of(&all);
    let (index, opened) = open(&disk, RUNS);
    assert_eq!((index.usage().runs_count, opened.dropped_count), (1, 0));
    assert_eq!(disk.names(), ["KEY".to_owned(), merged.clone()]);
    compare(&index, &history, &mut Random(0));
    // Cut, it gives way to its parts.
    all[3].1.truncate(bytes.len() - 4_096);
    let (index, opened) = open(&disk_of(&all), RUNS);
    assert_eq!((index.usage().runs_count, opened.dropped_count), (3, 1));
    assert_eq!(opened.indexed, *history.heads.last().unwrap());
    compare(&index, &history, &mut Random(0));
}

#[test]
fn damaged_ids_are_found_at_the_start_in_the_run_where_they_are() {
    let (history, disk, names) = three_runs();
    let mut files = files(&disk, &names);
    files[1].1[4_096 + 5] ^= 1;
    let (index, opened) = open(&disk_of(&files), RUNS);
    assert_eq!(opened.indexed.seq.get(), first_of(&names[1]) - 1);
    assert_eq!(opened.dropped_count, 2);
    compare(&index, &history, &mut Random(0));
}

#[test]
fn what_was_discarded_is_built_anew_at_the_next_start() {
    let (history, disk, names) = three_runs();
    let mut files = files(&disk, &names);
    let legs_page = 2;
    files[1].1[legs_page * 4_096 + 9] ^= 4;
    let disk = disk_of(&files);
    let (index, _) = open(&disk, RUNS);
    let asked = index.seqs_of_account(0, Seq::ZERO, Seq::new(u64::MAX), false, 999);
    let error = asked.unwrap_err();
    assert!(matches!(&error, HistoryError::Damaged { run } if *run == names[1]), "{error}");
    assert_eq!(index.discard().unwrap(), 1);
    assert_eq!(index.discard().unwrap(), 0);
    drop(index);
    let (index, opened) = open(&disk, RUNS);
    assert_eq!(opened.indexed.seq.get(), first_of(&names[1]) - 1);
    history.append(&index, 99);
    settle(&index, &history, true);
    compare(&index, &history, &mut Random(0));
}

#[test]
fn a_damaged_run_is_read_for_a_merge_once_and_not_again() {
    let (history, disk, names) = three_runs();
    let mut files = files(&disk, &names);
    let legs_page = 2;
    files[1].1[legs_page * 4_096 + 9] ^= 4;
    let (index, _) = open(&disk_of(&files), Options { merge_fan_in: 3, ..TINY });
    let mut last = index.merge();
    while last.as_ref().is_ok_and(|work| *work != Work::Idle) {
        last = index.merge();
    }
    let error = last.unwrap_err();
    assert!(matches!(&error, HistoryError::Damaged { run } if *run == names[1]), "{error}");
    assert_eq!(index.merge().unwrap(), Work::Idle);
    assert_eq!(index.usage().runs_count, 3);
    assert_eq!(index.appended(), *history.heads.last().unwrap());
}
