//! The end of the active file: what counts as a clean stop, and what only looks like one.

use journal::disk::{Call, Fault, PowerLoss, SimDisk};
use journal::{ACTIVE, Sizes};
use ledger::Seq;

use crate::book::Book;

fn sizes(pad_step_bytes: u64) -> Sizes {
    Sizes {
        pad_step_bytes_min: pad_step_bytes,
        pad_step_bytes_max: pad_step_bytes,
        ..Sizes::default()
    }
}

/// Bytes of one deposit's group and of the idle seal behind it.
fn bytes_of_a_group_and_an_idle_seal() -> u64 {
    let mut book = Book::open(&SimDisk::new(), sizes(4_096)).expect("a new folder");
    book.deposit("alice", 100);
    book.commit();
    book.writer.seal_idle().expect("sealed");
    book.writer.position().get().bytes_written
}

#[test]
fn an_idle_seal_that_fills_the_padding_is_no_clean_stop_when_its_sync_failed() {
    let sizes = sizes(bytes_of_a_group_and_an_idle_seal());
    for seed in 0..32 {
        let disk = SimDisk::seeded(seed);
        let mut book = Book::open(&disk, sizes).expect("a new folder");
        book.deposit("alice", 100);
        book.commit();
        // As before a clean stop: a snapshot of exactly the end.
        book.checkpoint(&disk);
        disk.fail_call_at(Call::SyncData, disk.operations_of(Call::SyncData) + 1, Fault::Io);
        book.writer.seal_idle().expect_err("its sync fails");
        disk.process_crash();

        // The cache shows the seal, and no sync will make it durable any more.
        let mut book = Book::open(&disk, sizes).expect("what a failed sync leaves is no damage");
        book.deposit("alice", 1);
        book.commit();
        disk.power_loss(seed, PowerLoss::Ordered);

        let book = Book::open(&disk, sizes).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!((book.report.last, book.balance("alice")), (Seq::new(2), 101));
    }
}

#[test]
fn the_newline_of_the_last_seal_may_be_missing_and_comes_back() {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, Sizes::default()).expect("a new folder");
    book.deposit("alice", 100);
    book.close();
    let bytes = disk.cached_bytes(ACTIVE).expect("the active file");
    assert_eq!(bytes.last(), Some(&b'\n'));
    disk.set_file(ACTIVE, &bytes[..bytes.len() - 1]).expect("cut");

    let mut book = Book::open(&disk, Sizes::default()).expect("a seal counts without its newline");
    assert_eq!(book.report.last, Seq::new(1));
    book.deposit("alice", 1);
    book.close();
    let book = Book::open(&disk, Sizes::default()).expect("and the next group stands on its own");
    assert_eq!((book.report.last, book.balance("alice")), (Seq::new(2), 101));
}
