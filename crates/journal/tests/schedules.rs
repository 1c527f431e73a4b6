//! Writer and helper under a schedule explorer, which decides at every lock and at every call of
//! the disk that changes something which of the two goes on: thousands of schedules, by chance and
//! by priorities with few changes (PCT). A schedule that ends in a deadlock has failed.
//!
//! `cargo test -p journal --features shuttle --test schedules`. `SALDO_SCHEDULES` sets how many
//! schedules a scenario gets from each explorer. A failing one is printed with its seed, and
//! `SHUTTLE_RANDOM_SEED` repeats it.

#[path = "recovery/between.rs"]
mod between;
#[path = "recovery/book.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod book;

use std::sync::Arc;

use between::Between;
use book::Book;
use journal::Sizes;
use journal::disk::{Call, Fault, PowerLoss, SimDisk};
use ledger::Seq;
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

/// Schedules of a scenario from each of the two explorers.
const SCHEDULES: usize = 2_000;

/// Changes of priority in a PCT schedule.
const PRIORITY_CHANGES: usize = 3;

const SIZES: Sizes = Sizes {
    group_bytes_max: 1_000,
    segment_bytes_max: 1_600,
    pad_step_bytes_min: 1_024,
    pad_step_bytes_max: 1_024,
};

fn explore(scenario: fn()) {
    let count = std::env::var("SALDO_SCHEDULES")
        .map_or(SCHEDULES, |count| count.parse().expect("a number of schedules"));
    runner(RandomScheduler::new(count)).run(scenario);
    runner(PctScheduler::new(PRIORITY_CHANGES, count)).run(scenario);
}

fn runner<S: Scheduler + 'static>(scheduler: S) -> Runner<S> {
    let mut config = Config::new();
    // Opening a ledger takes more than the explorer's default.
    config.stack_size = 512 << 10;
    Runner::new(scheduler, config)
}

/// Deposits beside a helper until a call fails or all are made; then the power goes.
fn run(plan: impl FnOnce(&SimDisk)) {
    let disk = SimDisk::seeded(shuttle::rand::thread_rng().gen_range(0..u64::MAX));
    let between = Arc::new(Between::new(&disk));
    let mut book = Book::open_on(Arc::clone(&between), SIZES).expect("a new folder");
    between.set(thread::yield_now);
    plan(&disk);
    let mut ahead = book.writer.ahead();
    let helper = thread::spawn(move || ahead.run());
    let mut acknowledged = Seq::ZERO;
    let mut is_whole = true;
    for n in 1..=12 {
        let staged = book.try_deposit("alice", n);
        match staged.map(|_| book.writer.commit()) {
            Some(Ok(committed)) => {
                acknowledged = committed.map_or(acknowledged, |one| one.head.seq);
            }
            Some(Err(_)) | None => {
                is_whole = false;
                break;
            }
        }
    }
    if is_whole {
        book.writer.staging().stop();
        is_whole = book.writer.close().is_ok();
    }
    drop(book);
    helper.join().expect("it ends with the writer");
    assert!(is_whole || disk.is_down() || disk.faults_met() > 0, "stopped without a reason");
    disk.power_loss(acknowledged.get(), PowerLoss::Strict);
    let book = Book::open(&disk, SIZES).expect("a folder that recovery takes");
    assert!(book.report.last >= acknowledged);
    let proof = journal::verify(&disk, None, |_| {}).expect("proven");
    assert_eq!(i128::from(book.balance("alice")), proof.sum);
}

#[test]
fn writer_and_helper_never_wait_for_each_other_for_ever() {
    explore(|| run(|_| {}));
}

#[test]
fn a_failed_sync_of_either_leaves_nothing_acknowledged_behind() {
    explore(|| {
        run(|disk| {
            let call = if shuttle::rand::thread_rng().gen_bool(0.5) {
                Call::SyncAll
            } else {
                Call::SyncData
            };
            let number = shuttle::rand::thread_rng().gen_range(1..16);
            disk.fail_call_at(call, disk.operations_of(call) + number, Fault::Io);
        });
    });
}

#[test]
fn a_machine_that_goes_down_in_between_loses_nothing_acknowledged() {
    explore(|| {
        run(|disk| {
            let number = shuttle::rand::thread_rng().gen_range(1..120);
            disk.crash_at(disk.operations() + number);
        });
    });
}
