//! A start from a position in history hands out the end of what a start from the first event hands
//! out, every line where it is said to be, whoever helps to read.

use std::cell::RefCell;
use std::sync::Arc;

use journal::disk::{Disk, SimDisk, read_full_at};
use journal::{
    Currency, Fault, Found, Genesis, Head, LedgerId, LinePlace, OpenError, OpenOptions, Phase,
    Progress, Sizes, Workers, decode_record,
};
use ledger::{Seq, Transaction};
use proptest::prelude::*;

use crate::book::Book;

/// What one start handed out.
#[derive(Debug, PartialEq)]
struct Told {
    accounts: Vec<(String, i64, Seq)>,
    events: Vec<(Transaction<'static>, LinePlace)>,
    head: Head,
    from: Seq,
}

fn tiny(group_bytes_max: usize, segment_bytes_max: u64) -> Sizes {
    Sizes { group_bytes_max, segment_bytes_max, pad_step_bytes_min: 512, pad_step_bytes_max: 512 }
}

fn start(disk: &SimDisk, sizes: Sizes, indexed: Seq, workers: Workers) -> Told {
    let currency = Currency::new("BRL").expect("three upper-case letters");
    let genesis = Genesis { ledger: LedgerId(0x5a1d0), currency };
    let options = OpenOptions { sizes, indexed, workers, ..OpenOptions::new(genesis) };
    let (mut accounts, mut events) = (Vec::new(), Vec::new());
    let progress = RefCell::new(Vec::new());
    let lock = journal::lock_folder(disk).expect("nobody has it");
    let opened = journal::open(
        Arc::new(disk.clone()),
        lock,
        &options,
        &|told| progress.borrow_mut().push(told),
        |found| {
            match found {
                Found::Account { account, balance, seq } => {
                    accounts.push((account.as_str().to_owned(), balance.get(), seq));
                }
                Found::Event { transaction, place, .. } => {
                    events.push((owned(disk, &transaction, place), place));
                }
            }
            Ok(())
        },
    );
    let opened = opened.expect("a whole folder");
    is_told_in_order(&progress.into_inner());
    assert_eq!(opened.report.bytes_read.snapshot > 0, !accounts.is_empty());
    let head = opened.writer.staging().head();
    let from = opened.report.replayed_from;
    drop(opened);
    disk.process_crash();
    Told { accounts, events, head, from }
}

/// The event again, read from the place where its line is said to be.
fn owned(disk: &SimDisk, expected: &Transaction<'_>, place: LinePlace) -> Transaction<'static> {
    let prefix = format!("transactions.{}-", place.file_first);
    let names = disk.names();
    let closed = names.iter().find(|name| name.starts_with(&prefix));
    let file = disk.open_read(closed.map_or(journal::ACTIVE, |name| name)).expect("a file");
    let mut line = vec![0; place.bytes as usize];
    read_full_at(disk, &file, &mut line, place.offset).expect("read");
    assert_eq!(line.pop(), Some(b'\n'));
    let line: &'static [u8] = line.leak();
    let read = decode_record(line).expect("an event");
    assert_eq!(&read, expected);
    read
}

/// Phase by phase, each rising to its total.
fn is_told_in_order(told: &[Progress]) {
    assert!(told.is_sorted_by_key(|one| one.phase), "{told:?}");
    for phase in [Phase::Proving, Phase::Accounts, Phase::Events] {
        let of_phase = || told.iter().filter(move |one| one.phase == phase);
        let Some(last) = of_phase().next_back() else { continue };
        assert_eq!(last.bytes_done, last.bytes_total, "{phase:?} does not end at its total");
        assert!(of_phase().all(|one| one.bytes_total == last.bytes_total), "{phase:?}");
        assert!(of_phase().is_sorted_by_key(|one| one.bytes_done), "{phase:?} falls: {told:?}");
    }
}

/// What a start from `position` must tell, given what one from the first event told.
fn behind(whole: &Told, position: Seq) -> Vec<(Transaction<'static>, LinePlace)> {
    whole.events.iter().filter(|(event, _)| event.seq > position).cloned().collect()
}

fn is_the_same_from(disk: &SimDisk, sizes: Sizes, positions: &[u64], snapshot: Option<Seq>) {
    let whole = start(disk, sizes, Seq::ZERO, Workers::NONE);
    assert_eq!(whole.events.len() as u64, whole.head.seq.get());
    for indexed in positions.iter().map(|position| Seq::new(*position).min(whole.head.seq)) {
        let position = snapshot.map_or(Seq::ZERO, |snapshot| snapshot.min(indexed));
        for workers in [Workers::NONE, Workers::always(1), Workers::always(3)] {
            let told = start(disk, sizes, indexed, workers);
            assert_eq!(told.from, position.next());
            assert_eq!(told.accounts, whole.accounts, "{indexed}, {workers:?}");
            assert_eq!(told.head, whole.head, "{indexed}, {workers:?}");
            assert_eq!(told.events, behind(&whole, position), "{indexed}, {workers:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_start_from_a_position_tells_the_end_of_a_whole_start(
        groups in prop::collection::vec((1_i64..9, any::<bool>()), 1..14),
        checkpoint_after in prop::option::of(0_usize..14),
        group_bytes_max in 150_usize..1_500,
        segment_bytes_max in 700_u64..4_000,
        indexed in prop::collection::vec(0_u64..90, 1..4),
    ) {
        let sizes = tiny(group_bytes_max, segment_bytes_max);
        let disk = SimDisk::new();
        let mut book = Book::open(&disk, sizes).expect("a new folder");
        let mut snapshot = None;
        for (number, (events, idles)) in groups.iter().enumerate() {
            for n in 0..*events {
                if n % 2 == 0 {
                    book.deposit("alice", 1_000 + n);
                } else {
                    book.transfer("alice", "jos\u{e9} \"o\\", 3 * n);
                }
            }
            book.commit();
            if *idles {
                book.writer.seal_idle().expect("sealed");
            }
            if checkpoint_after == Some(number) {
                book.checkpoint(&disk);
                snapshot = Some(book.writer.position().get().seq);
            }
        }
        drop(book);
        disk.process_crash();
        is_the_same_from(&disk, sizes, &indexed, snapshot);
    }
}

/// A file of several stretches, so that most of it is passed over unread, and read ahead from the
/// middle on.
#[test]
fn a_position_deep_in_a_large_file_tells_the_same_end() {
    let sizes = Sizes { segment_bytes_max: 5 << 20, ..Sizes::default() };
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, sizes).expect("a new folder");
    let long = "x".repeat(60);
    for n in 0..45_000_u32 {
        book.deposit(&format!("{long}{}", n % 7), 1);
        if n % 500 == 0 {
            book.commit();
        }
    }
    book.commit();
    book.checkpoint(&disk);
    book.deposit("behind the snapshot", 1);
    book.commit();
    drop(book);
    disk.process_crash();
    let survey = journal::survey(&disk).expect("whole");
    assert!(survey.bytes() > 7 << 20 && survey.segments.len() == 2, "{}", survey.bytes());
    is_the_same_from(&disk, sizes, &[1, 20_000, 44_000, u64::MAX], Some(Seq::new(45_000)));
}

/// The balance of `@world` in a seal is in no hash. From the group of the position on the events
/// tell it; before that `verify` does.
#[test]
fn another_world_in_a_seal_before_the_position_is_found_by_verify() {
    let disk = SimDisk::new();
    let sizes = Sizes::default();
    let mut book = Book::open(&disk, sizes).expect("a new folder");
    for n in 1..=3 {
        book.deposit("alice", 100 * n);
        book.commit();
    }
    book.checkpoint(&disk);
    drop(book);
    disk.process_crash();
    let mut bytes = disk.cached_bytes(journal::ACTIVE).expect("the journal");
    let world = memchr::memmem::find(&bytes, b"\"world\":-100,").expect("the first seal");
    bytes[world + 9] = b'4';
    disk.set_file(journal::ACTIVE, &bytes).expect("a plain name");
    let told = start(&disk, sizes, Seq::new(3), Workers::NONE);
    assert_eq!((told.head.world, told.head.seq), (-600, Seq::new(3)));
    let refused = journal::verify(&disk, None, |_| {}).map(|proof| proof.last);
    let Err(OpenError::Corrupt(damage)) = refused else { panic!("{refused:?}") };
    assert_eq!(damage.fault, Fault::World);
}
