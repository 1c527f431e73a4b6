//! The helper that pads ahead of the writer: whatever it has done when the machine goes down, when
//! the disk is full and when a sync fails, and that it leaves no trace in the bytes.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use journal::disk::{Call, Fault, PowerLoss, RealDisk, SimDisk};
use journal::{ACTIVE, Ahead, JournalError, Sizes};
use ledger::Seq;

use crate::between::Between;
use crate::book::Book;

const SIZES: Sizes = Sizes {
    group_bytes_max: 1_000,
    segment_bytes_max: 1_600,
    pad_step_bytes_min: 512,
    pad_step_bytes_max: 768,
};
const NEXT: &str = "transactions.log.new";

/// Numbers that follow from a seed (xorshift64*).
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic elsewhere")
}

/// Opens the folder with a helper that takes steps between any two calls of the writer, as the
/// seed likes.
fn open_with_helper(disk: &SimDisk, seed: u64) -> (Book<Between>, Arc<Mutex<Ahead<Between>>>) {
    let between = Arc::new(Between::new(disk));
    let book = Book::open_on(Arc::clone(&between), SIZES).expect("a folder that recovery takes");
    let ahead = Arc::new(Mutex::new(book.writer.ahead()));
    let helper: Weak<Mutex<Ahead<Between>>> = Arc::downgrade(&ahead);
    let chance = Mutex::new(Chance::new(seed));
    // Some helpers are lazy, so that the writer overtakes them.
    let one_in = 1 + seed % 6;
    between.set(move || {
        let Some(helper) = helper.upgrade() else { return };
        // The helper's own calls come here too.
        let Ok(mut helper) = helper.try_lock() else { return };
        while lock(&chance).below(one_in + 1) == 0 && helper.step() {}
    });
    (book, ahead)
}

/// Groups, idle seals and rotations until a call fails; returns the last event acknowledged.
fn work(book: &mut Book<Between>, deposits: i64) -> Seq {
    let mut acknowledged = book.report.last;
    for n in 1..=deposits {
        if book.try_deposit("alice", n).is_none() {
            break;
        }
        match book.writer.commit() {
            Ok(committed) => acknowledged = committed.map_or(acknowledged, |one| one.head.seq),
            Err(_) => break,
        }
        if n % 4 == 0 && book.writer.seal_idle().is_err() {
            break;
        }
    }
    acknowledged
}

fn proven_balance(disk: &SimDisk) -> i64 {
    let proof = journal::verify(disk, None, |_| {}).expect("proven");
    i64::try_from(proof.sum).expect("small")
}

#[test]
fn wherever_the_machine_goes_down_beside_a_helper_nothing_acknowledged_is_lost() {
    let mut crashes = 0;
    for seed in 0..48 {
        let mut number = 1;
        while crash_at(seed, number) {
            number += 1;
        }
        crashes += number;
    }
    assert!(crashes > 48 * 60, "only {crashes} crashes");
}

/// Goes down at call `number` behind the opening; `false` when the run ended before.
fn crash_at(seed: u64, number: u64) -> bool {
    let disk = SimDisk::seeded(seed);
    let (mut book, ahead) = open_with_helper(&disk, seed);
    disk.crash_at(disk.operations() + number);
    let acknowledged = work(&mut book, 14);
    let met = disk.is_down();
    match (seed + number) % 3 {
        0 => disk.process_crash(),
        1 => disk.power_loss(seed ^ number, PowerLoss::Ordered),
        _ => disk.power_loss(seed ^ number, PowerLoss::Strict),
    }
    drop((book, ahead));

    let (mut book, ahead) = open_with_helper(&disk, seed + number);
    let place = format!("seed {seed}, call {number}");
    assert!(book.report.last >= acknowledged, "{place}");
    assert_eq!(book.balance("alice"), proven_balance(&disk), "{place}");
    assert!(!disk.names().iter().any(|name| name == NEXT), "{place}: a leftover stayed");
    let acknowledged = work(&mut book, 5);
    disk.power_loss(number, PowerLoss::Ordered);
    drop((book, ahead));

    let book = Book::open(&disk, SIZES).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert!(book.report.last >= acknowledged, "{place}, the second time");
    assert_eq!(book.balance("alice"), proven_balance(&disk), "{place}, the second time");
    met
}

#[test]
fn wherever_a_sync_fails_beside_a_helper_nothing_acknowledged_is_lost() {
    for call in [Call::SyncData, Call::SyncAll, Call::SyncDir] {
        for seed in 0..24 {
            let mut number = 1;
            while fail_sync(seed, call, number) {
                number += 1;
            }
            assert!(number > 5, "{call}: only {number} places");
        }
    }
}

fn fail_sync(seed: u64, call: Call, number: u64) -> bool {
    let disk = SimDisk::seeded(seed);
    let (mut book, ahead) = open_with_helper(&disk, seed);
    disk.fail_call_at(call, disk.operations_of(call) + number, Fault::Io);
    let acknowledged = work(&mut book, 14);
    if disk.faults_met() == 0 {
        return false;
    }
    assert!(book.writer.commit().is_err(), "{call} {number}, seed {seed}: it went on");
    let operations = disk.operations();
    assert!(!lock(&ahead).step());
    assert!(book.writer.commit().is_err());
    assert_eq!(disk.operations(), operations, "nothing more is written");
    disk.power_loss(seed, PowerLoss::Ordered);
    drop((book, ahead));
    let book = Book::open(&disk, SIZES).expect("no damage");
    assert!(book.report.last >= acknowledged, "{call} {number}, seed {seed}");
    assert_eq!(book.balance("alice"), proven_balance(&disk), "{call} {number}, seed {seed}");
    true
}

#[test]
fn a_failed_sync_of_the_helper_stops_the_journal_and_is_what_the_writer_reports() {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, SIZES).expect("a new folder");
    let mut ahead = book.writer.ahead();
    book.deposit("alice", 1);
    book.commit();
    disk.fail_call_at(Call::SyncAll, disk.operations_of(Call::SyncAll) + 1, Fault::Io);
    assert!(ahead.step());
    assert_eq!(disk.faults_met(), 1, "the helper met it");
    assert!(book.writer.staging().is_stopped());
    let operations = disk.operations();
    let failed = book.writer.commit();
    assert!(matches!(failed, Err(JournalError::Failed { what: "sync", .. })), "{failed:?}");
    assert!(matches!(book.writer.close(), Err(JournalError::Stopped)));
    assert!(!ahead.step());
    assert_eq!(disk.operations(), operations);
}

/// Deposits until the disk is full; returns how many were acknowledged.
fn fill(disk: &SimDisk, has_helper: bool) -> Seq {
    let mut book = Book::open(disk, SIZES).expect("a new folder");
    let mut ahead = has_helper.then(|| book.writer.ahead());
    let mut acknowledged = Seq::ZERO;
    loop {
        while ahead.as_mut().is_some_and(Ahead::step) {}
        book.deposit("alice", 1);
        match book.writer.commit() {
            Ok(committed) => acknowledged = committed.expect("one group").head.seq,
            Err(JournalError::DiskFull { .. }) => return acknowledged,
            Err(error) => panic!("a full disk is told apart: {error}"),
        }
    }
}

#[test]
fn with_a_helper_a_full_disk_takes_no_fewer_events_than_without() {
    for capacity in (2_400..9_000).step_by(41) {
        let [without, with] = [false, true].map(|has_helper| {
            let disk = SimDisk::new();
            disk.set_capacity(Some(capacity));
            let acknowledged = fill(&disk, has_helper);
            disk.power_loss(capacity, PowerLoss::Ordered);
            disk.set_capacity(None);
            let book = Book::open(&disk, SIZES).expect("a full disk damages nothing");
            assert!(book.report.last >= acknowledged, "{capacity} bytes");
            acknowledged
        });
        assert!(with >= without, "{capacity} bytes: {with} with, {without} without a helper");
    }
}

#[test]
fn a_helper_leaves_the_same_bytes_behind() {
    let [without, with] = [false, true].map(|has_helper| {
        let disk = SimDisk::new();
        let mut book = Book::open(&disk, SIZES).expect("a new folder");
        let mut ahead = has_helper.then(|| book.writer.ahead());
        for n in 1..=40 {
            while ahead.as_mut().is_some_and(Ahead::step) {}
            book.deposit("alice", n);
            book.commit();
        }
        book.close();
        let journals = disk.names().into_iter().filter(|name| name.starts_with("transactions."));
        let files: Vec<_> = journals.map(|name| (disk.cached_bytes(&name), name)).collect();
        assert!(files.len() > 3, "rotated");
        files
    });
    assert_eq!(without, with);
}

#[test]
fn beside_a_helper_the_writer_neither_pads_nor_creates() {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, SIZES).expect("a new folder");
    let mut ahead = book.writer.ahead();
    disk.record_operations();
    let (mut rotations, mut creates) = (0, 0);
    for n in 1..=40 {
        while ahead.step() {}
        let pads_active = disk.take_operations().iter().any(|one| one.name == ACTIVE);
        assert!(rotations == 0 || !pads_active, "a file that was prepared is padded to its end");
        book.deposit("alice", n);
        book.commit();
        let calls: Vec<_> = disk.take_operations().iter().map(|one| one.call).collect();
        let group = [Call::WriteAt, Call::SyncData];
        if calls != group {
            rotations += 1;
            creates += calls.iter().filter(|call| **call == Call::Create).count();
            let syncs = calls.iter().filter(|call| matches!(call, Call::SyncAll)).count();
            assert_eq!(syncs, 1, "the file that is closed: {calls:?}");
            assert!(calls.starts_with(&group), "answered first: {calls:?}");
        }
    }
    assert!(rotations > 3);
    assert_eq!(creates, 0, "every next file was there");
}

#[test]
fn a_prepared_file_that_is_left_over_goes_at_the_next_start_and_at_a_clean_stop() {
    let prepare = |disk: &SimDisk| {
        let mut book = Book::open(disk, SIZES).expect("a folder");
        let mut ahead = book.writer.ahead();
        while !disk.names().iter().any(|name| name == NEXT) {
            book.deposit("alice", 1);
            book.commit();
            while ahead.step() {}
        }
        (book, ahead)
    };
    let disk = SimDisk::new();
    drop(prepare(&disk));
    disk.process_crash();
    assert!(disk.names().iter().any(|name| name == NEXT));
    drop(Book::open(&disk, SIZES).expect("a leftover is no damage"));
    assert!(!disk.names().iter().any(|name| name == NEXT));
    disk.process_crash();

    let (book, ahead) = prepare(&disk);
    book.close();
    drop(ahead);
    assert!(!disk.names().iter().any(|name| name == NEXT));
}

#[test]
fn a_new_folder_stays_small_beside_a_helper_with_nothing_to_do() {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, Sizes::default()).expect("a new folder");
    let mut ahead = book.writer.ahead();
    while ahead.step() {}
    book.deposit("alice", 1);
    book.commit();
    while ahead.step() {}
    let bytes = disk.cached_bytes(ACTIVE).expect("the active file").len();
    assert!((1 << 20..3 << 19).contains(&bytes), "{bytes} bytes");
    assert!(!disk.names().iter().any(|name| name == NEXT));
}

#[test]
fn a_helper_that_gets_no_handle_leaves_the_work_to_the_writer() {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, SIZES).expect("a new folder");
    let mut ahead = book.writer.ahead();
    for n in 1..=40 {
        for call in [Call::Open, Call::Create] {
            disk.fail_call_at(call, disk.operations_of(call) + 1, Fault::TooManyFiles);
        }
        // Once in a while: a writer that rotates creates a file as well.
        if n % 5 != 0 {
            ahead.step();
        }
        for call in [Call::Open, Call::Create] {
            disk.fail_call_at(call, disk.operations_of(call) + 1, Fault::Short);
        }
        book.deposit("alice", n);
        book.commit();
    }
    assert!(disk.faults_met() > 4);
    book.close();
    assert_eq!(Book::open(&disk, SIZES).expect("whole").balance("alice"), 820);
}

#[test]
fn writer_and_helper_on_threads_of_their_own_leave_a_whole_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut expected = 0;
    for _ in 0..4 {
        let disk = Arc::new(RealDisk::open(folder.path()).expect("the folder"));
        let mut book = Book::open_on(Arc::clone(&disk), SIZES).expect("a folder");
        assert_eq!(book.balance("alice"), expected);
        let mut ahead = book.writer.ahead();
        let helper = std::thread::spawn(move || ahead.run());
        for n in 1..=100 {
            book.deposit("alice", n);
            book.commit();
            expected += n;
        }
        book.close();
        helper.join().expect("it ends with the writer");
        assert!(!disk.lock_is_held().expect("asked"));
        let proof = journal::verify(&*disk, None, |_| {}).expect("proven");
        assert_eq!(proof.sum, i128::from(expected));
    }
}
