//! A crash at every call to the disk that flushes, merges and starts make.

use std::sync::Arc;

use history::Work;
use journal::disk::{Call, Fault, PowerLoss, SimDisk};

use crate::against_naive::{TINY, open, settle};
use crate::journal_like::{History, LEDGER};
use crate::naive::compare;
use crate::random::Random;

/// A life of an index from its first start on: appends all, with all work, then a start.
/// Errors are those of a disk that goes down on the way.
fn live(disk: &Arc<SimDisk>, history: &History) -> Result<(), history::HistoryError> {
    for _ in 0..2 {
        let (index, _) = history::History::open(Arc::clone(disk), LEDGER, TINY)?;
        let half = history.heads.len() / 2;
        while history.append(&index, half / 3) {
            while index.work(&|number| history.name_of(number), false)? != Work::Idle {}
        }
        while index.work(&|number| history.name_of(number), true)? != Work::Idle {}
        while index.work(&|number| history.name_of(number), false)? != Work::Idle {}
    }
    Ok(())
}

/// What a start finds after a crash at call `number` is a prefix that is whole, and the rest of the
/// journal makes it complete.
fn crash_at(number: u64, history: &History, crash: impl Fn(&SimDisk)) {
    let disk = Arc::new(SimDisk::new());
    disk.crash_at(number);
    live(&disk, history).expect_err("the disk goes down");
    assert!(disk.is_down());
    crash(&disk);
    let (index, opened) = open(&disk, TINY);
    assert!(
        opened.indexed.seq == ledger::Seq::ZERO || history.heads.contains(&opened.indexed),
        "crash at {number}: {opened:?}"
    );
    compare(&index, history, &mut Random(number));
    while history.append(&index, 7) {
        settle(&index, history, false);
    }
    settle(&index, history, true);
    compare(&index, history, &mut Random(number));
    let names = disk.names();
    assert!(names.iter().all(|name| !name.ends_with(".new")), "{names:?}");
    assert_eq!(names.len(), index.usage().runs_count + 1, "{names:?}");
}

fn history() -> (History, u64) {
    let history = History::random(&mut Random(42), 45, 5);
    let disk = Arc::new(SimDisk::new());
    live(&disk, &history).unwrap();
    assert!(disk.operations_of(Call::Rename) > 10, "too few runs to tell");
    assert!(disk.operations_of(Call::Unlink) > 10, "too few merges to tell");
    (history, disk.operations())
}

#[test]
fn a_power_cut_at_any_call_leaves_a_prefix_that_the_journal_completes() {
    let (history, calls) = history();
    for number in 1..=calls {
        for mode in [PowerLoss::Ordered, PowerLoss::Strict] {
            crash_at(number, &history, |disk| disk.power_loss(number, mode));
        }
    }
}

#[test]
fn a_dead_process_at_any_call_leaves_a_prefix_that_the_journal_completes() {
    let (history, calls) = history();
    for number in 1..=calls {
        crash_at(number, &history, SimDisk::process_crash);
    }
}

#[test]
fn a_run_that_was_published_survives_the_power_cut() {
    let history = History::random(&mut Random(1), 40, 5);
    for seed in 0..50 {
        let disk = Arc::new(SimDisk::new());
        let (index, _) = open(&disk, TINY);
        history.append(&index, 20 + seed as usize % 20);
        settle(&index, &history, seed % 2 == 0);
        let indexed = index.indexed();
        disk.power_loss(seed, PowerLoss::Strict);
        drop(index);
        let (_, opened) = open(&disk, TINY);
        assert_eq!(opened.indexed.seq, indexed);
    }
}

#[test]
fn what_finds_no_room_gives_back_what_it_took_and_the_rest_goes_on() {
    let history = History::random(&mut Random(3), 60, 5);
    let disk = Arc::new(SimDisk::new());
    let (index, _) = open(&disk, TINY);
    let is_aside = |name: &String| name.ends_with(".new");
    let mut failed = 0;
    while history.append(&index, 3) {
        // Room for the beginning of whatever comes next, and not for all of it.
        let names = disk.names();
        let bytes: usize = names.iter().map(|name| disk.cached_bytes(name).unwrap().len()).sum();
        disk.set_capacity(Some(bytes as u64 + 5_000));
        let work = || index.work(&|number| history.name_of(number), false);
        let mut last = work();
        while last.as_ref().is_ok_and(|work| *work != Work::Idle) {
            last = work();
        }
        failed += u32::from(last.is_err());
        assert!(!disk.names().iter().any(is_aside), "{:?}", disk.names());
        disk.set_capacity(None);
        settle(&index, &history, failed % 2 == 0);
        compare(&index, &history, &mut Random(5));
    }
    assert!(failed > 10, "{failed}");
    settle(&index, &history, false);
    compare(&index, &history, &mut Random(5));
}

#[test]
fn a_call_that_fails_is_an_error_and_the_next_step_makes_good() {
    let history = History::random(&mut Random(2), 40, 5);
    for call in
        [Call::Create, Call::WriteAt, Call::SyncAll, Call::Rename, Call::SyncDir, Call::Unlink]
    {
        for nth in 1..6 {
            let disk = Arc::new(SimDisk::new());
            let (index, _) = open(&disk, TINY);
            let made = disk.operations_of(call);
            disk.fail_call_at(call, made + nth, Fault::Io);
            let mut failed = 0;
            while history.append(&index, 3) {
                loop {
                    match index.work(&|number| history.name_of(number), false) {
                        Ok(Work::Idle) => break,
                        Ok(_) => {}
                        Err(error) => {
                            assert!(matches!(error, history::HistoryError::Disk(_)), "{error}");
                            failed += 1;
                        }
                    }
                }
                compare(&index, &history, &mut Random(nth));
            }
            assert_eq!(failed, 1, "{call:?} {nth}");
            settle(&index, &history, true);
            drop(index);
            let (index, opened) = open(&disk, TINY);
            assert_eq!(opened.indexed, *history.heads.last().unwrap());
            compare(&index, &history, &mut Random(nth));
        }
    }
}
