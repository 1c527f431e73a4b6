//! What an editor, a copy or a bad block does to a journal: sectors of NUL, lines taken out, doubled
//! or swapped, and a file that belongs elsewhere. No such change passes for another history.

use journal::disk::SimDisk;
use journal::{ACTIVE, Damage, Fault, OpenError, Sizes};
use ledger::Seq;

use crate::book::Book;
use crate::layout::Layout;

const SECTOR_BYTES: usize = 512;

fn sizes() -> Sizes {
    Sizes { pad_step_bytes_min: 512, pad_step_bytes_max: 512, ..Sizes::default() }
}

/// A journal of a few groups, with an idle seal in the middle.
fn journal() -> Vec<u8> {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, sizes()).expect("a new folder");
    for n in 1..=12 {
        for _ in 0..n % 4 {
            book.deposit("alice", n);
            book.transfer("alice", "bob", 2 * n);
        }
        book.commit();
        if n == 6 {
            book.writer.seal_idle().expect("sealed");
        }
    }
    book.deposit("alice", 1);
    book.commit();
    disk.cached_bytes(ACTIVE).expect("the active file")
}

fn folder_with(bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    disk.set_file(ACTIVE, bytes).expect("a plain name");
    disk
}

/// Refused as damaged, or taken with every group before byte `from`, what is missing set aside.
fn is_never_another_history(layout: &Layout, damaged: &[u8], from: usize, what: &str) {
    let disk = folder_with(damaged);
    let report = match Book::open(&disk, sizes()) {
        Ok(book) => book.report.clone(),
        Err(OpenError::Corrupt(_)) => return,
        Err(error) => panic!("{what}: {error:?}"),
    };
    let untouched = layout.group_at(from).map_or(layout.last(), |n| layout.last_before(n));
    let last = report.last;
    assert!(untouched <= last && last <= layout.last(), "{what}: {report:?}");
    let in_silence = last < layout.last() && report.torn_tail.is_none();
    assert!(!in_silence, "{what}: shorter in silence: {report:?}");
}

#[test]
fn damage_of_a_sector_of_nul_is_never_taken_for_another_history() {
    let whole = journal();
    let layout = Layout::of(&whole, Seq::ZERO);
    for start in (0..whole.len()).step_by(SECTOR_BYTES) {
        let mut damaged = whole.clone();
        let end = whole.len().min(start + SECTOR_BYTES);
        damaged[start..end].fill(0);
        is_never_another_history(&layout, &damaged, start, &format!("NUL from byte {start}"));
    }
}

#[test]
fn damage_by_lines_out_of_place_is_never_taken_for_another_history() {
    let whole = journal();
    let layout = Layout::of(&whole, Seq::ZERO);
    let lines: Vec<&[u8]> = whole[..layout.groups_end()].split_inclusive(|b| *b == b'\n').collect();
    assert!(lines.len() > 30);
    let mut from = 0;
    for (n, line) in lines.iter().enumerate() {
        let mut without = lines.clone();
        without.remove(n);
        is_never_another_history(&layout, &without.concat(), from, &format!("without line {n}"));
        let mut doubled = lines.clone();
        doubled.insert(n, line);
        is_never_another_history(&layout, &doubled.concat(), from, &format!("line {n} twice"));
        if n + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(n, n + 1);
            is_never_another_history(&layout, &swapped.concat(), from, &format!("line {n} later"));
        }
        from += line.len();
    }
}

#[test]
fn a_closed_file_of_another_ledger_is_refused() {
    let closed = |amount: i64| {
        let disk = SimDisk::new();
        let sizes = Sizes { segment_bytes_max: 1_024, ..sizes() };
        let mut book = Book::open(&disk, sizes).expect("a new folder");
        for _ in 0..8 {
            book.deposit("alice", amount);
            book.commit();
        }
        disk
    };
    let (ours, theirs) = (closed(10), closed(20));
    let names: Vec<String> =
        ours.names().into_iter().filter(|name| name.starts_with("transactions.")).collect();
    let same = |name: &&String| theirs.names().contains(name);
    let stolen: Vec<&String> = names.iter().filter(same).collect();
    assert!(stolen.len() > 2);
    for name in stolen {
        let disk = closed(10);
        disk.set_file(name, &theirs.cached_bytes(name).expect("theirs")).expect("a plain name");
        let refused = Book::open(&disk, sizes()).map(|book| book.report);
        assert!(
            matches!(refused, Err(OpenError::Corrupt(Damage { fault: Fault::HeaderChain, .. }))),
            "{name}: {refused:?}"
        );
    }
}
