//! A sync that fails once, at every place in turn: the journal stops, and what was acknowledged
//! before and after the next start survives a power cut, though the cache showed more than the disk
//! held.

use journal::disk::{Call, Fault, PowerLoss, SimDisk};
use journal::{JournalError, Sizes};
use ledger::Seq;

use crate::book::Book;

const SIZES: Sizes = Sizes {
    group_bytes_max: 1_000,
    segment_bytes_max: 1_600,
    pad_step_bytes_min: 512,
    pad_step_bytes_max: 512,
};

/// Groups, idle seals and rotations until a call fails; returns the last event acknowledged.
fn work(book: &mut Book) -> Seq {
    let mut acknowledged = book.report.last;
    for n in 1..=10 {
        book.deposit("alice", n);
        match book.writer.commit() {
            Ok(committed) => acknowledged = committed.map_or(acknowledged, |one| one.head.seq),
            Err(_) => break,
        }
        if n % 3 == 0 && book.writer.seal_idle().is_err() {
            break;
        }
    }
    acknowledged
}

/// Opens the folder; a planned fault may fail the first attempts.
fn open(disk: &SimDisk) -> Book {
    for _ in 0..3 {
        match Book::open(disk, SIZES) {
            Ok(book) => return book,
            Err(error) => {
                assert!(disk.faults_met() > 0, "refused without a fault: {error:?}");
                disk.process_crash();
            }
        }
    }
    panic!("one fault fails one opening");
}

#[test]
fn wherever_a_sync_fails_nothing_acknowledged_is_lost() {
    for call in [Call::SyncData, Call::SyncAll, Call::SyncDir] {
        let mut number = 1;
        // Until a run is through before the fault is met.
        while try_all_chances(call, number) {
            number += 1;
        }
        assert!(number > 5, "{call}: only {number} places");
    }
}

fn try_all_chances(call: Call, number: u64) -> bool {
    let mut met = false;
    for seed in 0..16 {
        let disk = SimDisk::seeded(seed);
        disk.fail_call_at(call, number, Fault::Io);
        let acknowledged = work(&mut open(&disk));
        met = disk.faults_met() > 0;
        disk.process_crash();

        let mut book = open(&disk);
        assert!(book.report.last >= acknowledged, "{call} {number}, seed {seed}");
        let acknowledged = work(&mut book);
        disk.power_loss(seed, PowerLoss::Ordered);

        let book = open(&disk);
        assert!(book.report.last >= acknowledged, "{call} {number}, seed {seed}, after the cut");
        let expected: i64 = proven_balance(&disk);
        assert_eq!(book.balance("alice"), expected, "{call} {number}, seed {seed}");
    }
    met
}

/// What `verify`, which shares nothing with the sink of these tests, says that alice holds.
fn proven_balance(disk: &SimDisk) -> i64 {
    let proof = journal::verify(disk, None, |_| {}).expect("proven");
    i64::try_from(proof.sum).expect("small")
}

#[test]
fn after_a_failed_sync_the_journal_writes_nothing_more() {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, SIZES).expect("a new folder");
    book.deposit("alice", 1);
    disk.fail_call_at(Call::SyncData, disk.operations_of(Call::SyncData) + 1, Fault::Io);
    let failed = book.writer.commit();
    assert!(matches!(failed, Err(JournalError::Failed { .. })), "{failed:?}");
    let operations = disk.operations();
    assert!(matches!(book.writer.commit(), Err(JournalError::Stopped)));
    assert!(matches!(book.writer.seal_idle(), Err(JournalError::Stopped)));
    assert!(matches!(book.writer.close(), Err(JournalError::Stopped)));
    assert_eq!(disk.operations(), operations);
    assert!(book.writer.staging().is_stopped());
}
