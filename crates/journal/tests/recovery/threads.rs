//! What a folder is found to be does not depend on how many threads look at it.

use journal::disk::{Disk, SimDisk};
use journal::{ACTIVE, OpenError, Sizes, Workers, survey_by};

use crate::book::Book;
use crate::patched::{Patch, Patched};

fn sizes() -> Sizes {
    Sizes {
        segment_bytes_max: 3 << 10,
        pad_step_bytes_min: 512,
        pad_step_bytes_max: 512,
        ..Sizes::default()
    }
}

/// Several closed files, an active one, and two snapshots.
fn folder() -> SimDisk {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, sizes()).expect("a new folder");
    for n in 1..=60 {
        book.deposit("alice", n);
        book.transfer("alice", "bob", n / 2 + 1);
        book.commit();
        if n % 7 == 0 {
            book.writer.seal_idle().expect("sealed");
        }
        if n == 20 || n == 40 {
            book.checkpoint(&disk);
        }
    }
    disk
}

/// All that is known of the folder afterwards, or why it is refused.
fn judged<D: Disk>(disk: &D, workers: Workers) -> String {
    match survey_by(disk, workers) {
        Ok(survey) => format!("{survey:?}"),
        Err(OpenError::Corrupt(damage)) => format!("{damage:?}"),
        Err(error) => format!("{error:?}"),
    }
}

fn is_judged_the_same<D: Disk>(disk: &D, what: &str) -> String {
    let alone = judged(disk, Workers::NONE);
    for count in [1, 2, 5] {
        assert_eq!(judged(disk, Workers::always(count)), alone, "{what}, {count} workers");
    }
    alone
}

#[test]
fn every_damaged_file_is_judged_the_same_by_one_thread_and_by_many() {
    let disk = folder();
    let names = disk.names();
    let closed = names.iter().filter(|name| name.starts_with("transactions.1")).count();
    assert!(closed >= 1 && names.len() >= 7, "{names:?}");
    let whole = is_judged_the_same(&disk, "whole");
    let (mut noticed, mut tried) = (0, 0);
    for name in names.iter().filter(|name| name.contains('.')) {
        let file = Patched::of(&disk, name);
        for len in (0..file.whole().len()).step_by(149) {
            is_judged_the_same(&file.with(Patch::Cut { len }), &format!("{name} cut to {len}"));
        }
        for bit in (0..file.whole().len() * 8).step_by(307) {
            let damaged = file.with(Patch::Flip { at: bit / 8, mask: 1 << (bit % 8) });
            let judged = is_judged_the_same(&damaged, &format!("{name} bit {bit}"));
            noticed += usize::from(judged != whole);
            tried += 1;
        }
    }
    // What lies in padding is nobody's, and the balance of `@world` the events tell.
    assert!(noticed > tried / 10 * 9, "{noticed} of {tried} flipped bits were noticed");
}

#[test]
fn a_missing_or_a_strange_file_is_judged_the_same_by_one_thread_and_by_many() {
    let names = folder().names();
    for name in names.iter().filter(|name| name.contains('.')) {
        let disk = folder();
        disk.unlink(name).expect("taken away");
        is_judged_the_same(&disk, &format!("without {name}"));
        for other in names.iter().filter(|other| other.contains('.')) {
            let disk = folder();
            let bytes = disk.cached_bytes(other).expect("its bytes");
            disk.set_file(name, &bytes).expect("a plain name");
            is_judged_the_same(&disk, &format!("{other} under the name {name}"));
        }
    }
}

#[test]
fn a_file_that_stands_under_both_names_is_judged_the_same_by_one_thread_and_by_many() {
    let disk = folder();
    let survey = journal::survey(&disk).expect("whole");
    let closed = &survey.segments[survey.segments.len() - 2].name;
    let bytes = disk.cached_bytes(closed).expect("its bytes");
    disk.set_file(ACTIVE, &bytes).expect("a plain name");
    // Without the snapshots, which may know of more.
    for name in [journal::SNAPSHOT, journal::SNAPSHOT_PREVIOUS] {
        disk.unlink(name).expect("taken away");
    }
    let judged = is_judged_the_same(&disk, "closed and active");
    assert!(judged.contains("active_missing: true"), "{judged}");
}
