//! Random histories, appended, sorted, flushed, merged and opened again in a random order.

use std::sync::Arc;

use history::{Options, Work};
use journal::disk::SimDisk;
use ledger::Seq;
use proptest::prelude::*;

use crate::journal_like::{History, LEDGER};
use crate::naive::compare;
use crate::random::Random;

pub const TINY: Options =
    Options { chunk_events: 4, run_events: 12, merge_fan_in: 3, filter_bytes_max: 1 << 12 };

pub fn open(disk: &Arc<SimDisk>, options: Options) -> (history::History<SimDisk>, history::Opened) {
    history::History::open(Arc::clone(disk), LEDGER, options).unwrap()
}

/// Works until nothing is left to do.
pub fn settle(index: &history::History<SimDisk>, history: &History, flush_all: bool) {
    while index.work(&|number| history.name_of(number), flush_all).unwrap() != Work::Idle {}
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_as_reading_everything_would(
        seed in any::<u64>(),
        groups in 1..120usize,
        events_max in 1..9u64,
        chunk_events in 1..20usize,
        run_events in 1..80usize,
        merge_fan_in in 2..5usize,
    ) {
        let mut random = Random(seed);
        let history = History::random(&mut random, groups, events_max);
        let options = Options { chunk_events, run_events, merge_fan_in, filter_bytes_max: 1 << 12 };
        let disk = Arc::new(SimDisk::new());
        let (mut index, opened) = open(&disk, options);
        prop_assert_eq!(opened.indexed.seq, Seq::ZERO);
        let mut goes_on = true;
        while goes_on {
            match random.below(8) {
                0..4 => goes_on = history.append(&index, random.below(5) as usize),
                4..6 => {
                    let flush_all = random.happens(1, 6);
                    index.work(&|number| history.name_of(number), flush_all).unwrap();
                }
                6 => settle(&index, &history, random.happens(1, 4)),
                _ => {
                    let indexed = index.indexed();
                    drop(index);
                    let opened;
                    (index, opened) = open(&disk, options);
                    // A clean start loses no run, and takes none for damaged.
                    prop_assert_eq!(opened.indexed.seq, indexed);
                    prop_assert_eq!(opened.dropped_count, 0);
                }
            }
            if random.happens(1, 4) {
                compare(&index, &history, &mut random);
            }
        }
        settle(&index, &history, true);
        prop_assert_eq!(index.indexed(), index.appended().seq);
        settle(&index, &history, false);
        compare(&index, &history, &mut random);
        prop_assert!(index.usage().runs_count <= 4 * merge_fan_in, "{:?}", index.usage());
    }
}

/// Sections of many pages, which tiny sizes do not reach.
#[test]
fn runs_of_many_pages_answer_as_reading_everything_would() {
    let mut random = Random(11);
    let history = History::random(&mut random, 900, 30);
    let options = Options { chunk_events: 300, run_events: 2_000, ..TINY };
    let disk = Arc::new(SimDisk::new());
    let (index, _) = open(&disk, options);
    while history.append(&index, 40) {
        settle(&index, &history, false);
    }
    compare(&index, &history, &mut random);
    settle(&index, &history, true);
    settle(&index, &history, false);
    compare(&index, &history, &mut random);
    drop(index);
    let (index, opened) = open(&disk, options);
    assert_eq!(opened.indexed, *history.heads.last().unwrap());
    compare(&index, &history, &mut random);
}

#[test]
fn a_merge_waits_for_a_flush_between_its_steps() {
    let mut random = Random(5);
    let history = History::random(&mut random, 400, 30);
    let options = Options { chunk_events: 10, run_events: 200, ..TINY };
    let (index, _) = open(&Arc::new(SimDisk::new()), options);
    let mut was_merging = false;
    let mut flushed_while_merging = 0;
    let mut goes_on = true;
    while goes_on {
        goes_on = history.append(&index, 8);
        loop {
            match index.work(&|number| history.name_of(number), false).unwrap() {
                Work::Idle => break,
                Work::Sorted => {}
                Work::Flushed(_) => flushed_while_merging += u32::from(was_merging),
                Work::Merged => {
                    // One step, and then more events.
                    was_merging = index.usage().runs_count >= 3;
                    break;
                }
            }
        }
    }
    assert!(flushed_while_merging > 0);
    settle(&index, &history, true);
    settle(&index, &history, false);
    compare(&index, &history, &mut random);
}

#[test]
fn an_account_without_a_name_stops_the_work_and_loses_nothing() {
    let mut random = Random(3);
    let history = History::random(&mut random, 30, 4);
    let (index, _) = open(&Arc::new(SimDisk::new()), TINY);
    history.append(&index, 30);
    let error = index.work(&|_| None, true).unwrap_err();
    assert!(matches!(error, history::HistoryError::Nameless { .. }), "{error}");
    settle(&index, &history, true);
    compare(&index, &history, &mut random);
}

#[test]
#[should_panic(expected = "does not follow seq 0")]
fn a_group_that_leaves_a_gap_is_refused() {
    let (index, _) = open(&Arc::new(SimDisk::new()), TINY);
    let mut traces = journal::Traces::default();
    traces.push(1, 10, &[]);
    index.append(history::Group {
        head: journal::Head { seq: Seq::new(2), ..journal::Head::default() },
        seal: journal::Hash::ZERO,
        traces: traces.slice(0, 1, Seq::new(2)),
        file_first: Seq::new(1),
        offset: 200,
    });
}

#[test]
fn the_hash_of_a_tx_id_stays_for_the_life_of_the_folder_and_differs_in_another() {
    let mut random = Random(8);
    let history = History::random(&mut random, 20, 4);
    let (disk, other) = (Arc::new(SimDisk::new()), Arc::new(SimDisk::new()));
    let (index, _) = open(&disk, TINY);
    let hash = index.hash("t-1");
    drop(index);
    let (index, _) = open(&disk, TINY);
    assert_eq!(index.hash("t-1"), hash, "before the first run");
    history.append(&index, 20);
    settle(&index, &history, true);
    drop(index);
    disk.set_file("KEY", b"torn").unwrap();
    let (index, _) = open(&disk, TINY);
    assert_eq!(index.hash("t-1"), hash, "from the runs");
    assert_ne!(open(&other, TINY).0.hash("t-1"), hash);
    let planned = Arc::new(SimDisk::new());
    history::fix_key(&*planned, LEDGER, 7).unwrap();
    let (index, _) = open(&planned, TINY);
    let again = Arc::new(SimDisk::new());
    history::fix_key(&*again, LEDGER, 7).unwrap();
    assert_eq!(index.hash("t-1"), open(&again, TINY).0.hash("t-1"));
}

#[test]
fn runs_of_another_ledger_are_removed() {
    let mut random = Random(9);
    let history = History::random(&mut random, 20, 4);
    let disk = Arc::new(SimDisk::new());
    let (index, _) = open(&disk, TINY);
    history.append(&index, 20);
    settle(&index, &history, true);
    let runs = index.usage().runs_count;
    drop(index);
    let other = journal::LedgerId(1);
    let (_, opened) = history::History::open(Arc::clone(&disk), other, TINY).unwrap();
    assert_eq!((opened.indexed.seq, opened.dropped_count), (Seq::ZERO, runs));
    assert_eq!(disk.names(), ["KEY"]);
}
