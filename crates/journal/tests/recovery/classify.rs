//! Every byte of a 64 KiB journal cut off, every bit of it flipped: always taken for what it is.
//!
//! The oracle knows where the groups lie and nothing of how recovery reads them. Damage in the
//! header, in a closed file or before the last group is refused; damage in the last group takes that
//! group and no other, and it is set aside; damage in the padding takes nothing; and where a
//! snapshot proves more than what is left, that is refused as well.
//!
//! `SALDO_EXHAUSTIVE=1` goes through every bit of every variant; the usual run goes through every bit
//! of one, and through a part of the others.

use journal::disk::SimDisk;
use journal::{ACTIVE, Damage, Fault, OpenError, Sizes};
use ledger::Seq;

use crate::book::Book;
use crate::layout::Layout;
use crate::patched::{Patch, Patched};

const FILE_BYTES: usize = 64 << 10;

/// How the journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With a group of events.
    Events,
    /// With an idle seal behind it.
    IdleSeal,
}

fn sizes(segment_bytes_max: u64) -> Sizes {
    Sizes {
        segment_bytes_max,
        pad_step_bytes_min: 512,
        pad_step_bytes_max: 512,
        ..Sizes::default()
    }
}

fn stage_some(book: &mut Book, count: i64) {
    const NAMES: [&str; 4] = ["alice", "bob", "josé", "a\"b\\c"];
    let name = |n: i64| NAMES[usize::try_from(n).expect("a few") % 4];
    for n in 0..count {
        if n % 3 == 0 {
            book.deposit(name(n), 1_000 + n);
        } else {
            book.transfer(name(n), name(n + 1), 700 * n);
        }
    }
    book.commit();
}

/// A journal that ends with a group of four events. The groups before are of 80 events, because
/// hashing them is what takes the time, and a dozen small ones behind those.
fn fill(book: &mut Book, bytes: u64) {
    let written = |book: &Book| book.writer.position().get().bytes_written;
    while written(book) < bytes / 3 * 2 {
        stage_some(book, 80);
    }
    let mut events = 1;
    while written(book) < bytes - (6 << 10) {
        events = events * 7 % 31;
        stage_some(book, events);
        if events % 5 == 0 {
            book.writer.seal_idle().expect("sealed");
        }
    }
    stage_some(book, 4);
}

/// One active file of 64 KiB, of which the end is padding.
fn journal(end: End, has_snapshot: bool) -> Patched {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, sizes(u64::MAX)).expect("a new folder");
    fill(&mut book, FILE_BYTES as u64);
    if end == End::IdleSeal {
        book.writer.seal_idle().expect("sealed");
    }
    if has_snapshot {
        book.checkpoint(&disk);
    }
    drop(book);
    let mut bytes = disk.cached_bytes(ACTIVE).expect("the active file");
    assert!((FILE_BYTES - (8 << 10)..FILE_BYTES).contains(&bytes.len()), "{}", bytes.len());
    bytes.resize(FILE_BYTES, b'\n');
    disk.set_file(ACTIVE, &bytes).expect("padded");
    Patched::of(&disk, ACTIVE)
}

/// A journal of several closed files and an active one; returns the closed ones, each with its
/// layout.
fn closed_files() -> Vec<(Patched, Layout)> {
    let disk = SimDisk::new();
    let mut book = Book::open(&disk, sizes(8 << 10)).expect("a new folder");
    fill(&mut book, 40 << 10);
    drop(book);
    let survey = journal::survey(&disk).expect("whole");
    let mut before = Seq::ZERO;
    let closed = survey.segments.iter().filter(|segment| segment.name != ACTIVE);
    let closed: Vec<_> = closed
        .map(|segment| {
            let file = Patched::of(&disk, &segment.name);
            let layout = Layout::of(file.whole(), before);
            before = layout.last();
            (file, layout)
        })
        .collect();
    assert!(closed.len() >= 2);
    closed
}

/// What recovery must make of a damaged file.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Refused at this byte, after this event.
    Refused { offset: u64, seq_good: Seq, kind: Refusal },
    /// Taken up to this event; these bytes are to be set aside.
    Taken { last: Seq, torn: Option<(u64, u64)> },
}

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Header,
    BeforeSeal,
    ShorterThanSnapshot,
    ClosedFileEnd,
}

impl Refusal {
    fn of(fault: &Fault) -> Option<Self> {
        if let Fault::BeforeSeal { .. } = fault {
            return Some(Self::BeforeSeal);
        }
        if let Fault::ShorterThanSnapshot { .. } = fault {
            return Some(Self::ShorterThanSnapshot);
        }
        let known = [(Fault::Header, Self::Header), (Fault::ClosedFileEnd, Self::ClosedFileEnd)];
        known.into_iter().find_map(|(known, kind)| (known == *fault).then_some(kind))
    }
}

fn judged(damaged: &Patched) -> Verdict {
    match journal::survey(damaged) {
        Ok(survey) => Verdict::Taken { last: survey.last(), torn: survey.torn_tail() },
        Err(OpenError::Corrupt(Damage { file, offset, seq_good, fault })) => {
            assert_eq!(file, damaged.file());
            let kind =
                Refusal::of(&fault).unwrap_or_else(|| panic!("an unexpected fault: {fault}"));
            Verdict::Refused { offset, seq_good, kind }
        }
        Err(error) => panic!("neither taken nor corrupt: {error}"),
    }
}

fn refused(offset: usize, seq_good: Seq, kind: Refusal) -> Verdict {
    Verdict::Refused { offset: offset as u64, seq_good, kind }
}

/// What is left of the active file up to byte `proven`.
fn left(layout: &Layout, damaged: &Patched, proven: usize, last: Seq, snapshot: bool) -> Verdict {
    if snapshot && last < layout.last() {
        return refused(proven, last, Refusal::ShorterThanSnapshot);
    }
    let bytes = damaged.bytes();
    let end = bytes[proven..].iter().rposition(|byte| *byte != b'\n');
    let torn = end.map(|end| (proven as u64, (proven + end + 1) as u64));
    Verdict::Taken { last, torn }
}

/// How many groups are whole in the first `len` bytes, and where the last of them ends. A seal at
/// the end of a file counts without its newline.
fn whole_groups(layout: &Layout, len: usize) -> (usize, usize) {
    let count = layout.groups.partition_point(|group| group.end <= len + 1);
    let end = count.checked_sub(1).map_or(layout.header_end, |n| layout.groups[n].end.min(len));
    (count, end)
}

fn of_a_cut(layout: &Layout, damaged: &Patched, len: usize, snapshot: bool) -> Verdict {
    if len < layout.header_end {
        return refused(0, layout.before, Refusal::Header);
    }
    let (count, proven) = whole_groups(layout, len);
    left(layout, damaged, proven, layout.last_before(count), snapshot)
}

fn of_a_flip(layout: &Layout, damaged: &Patched, at: usize, snapshot: bool) -> Verdict {
    if at < layout.header_end {
        return refused(0, layout.before, Refusal::Header);
    }
    let Some(n) = layout.group_at(at) else {
        return left(layout, damaged, layout.groups_end(), layout.last(), snapshot);
    };
    let (start, last) = (layout.groups[n].start, layout.last_before(n));
    if n + 1 < layout.groups.len() {
        refused(start, last, Refusal::BeforeSeal)
    } else {
        left(layout, damaged, start, last, snapshot)
    }
}

/// Opens a damaged folder for real, goes on with it, and proves it afterwards.
fn goes_on_from(damaged: &Patched, expected: &Verdict) {
    let disk = damaged.disk();
    let opened = Book::open(&disk, sizes(u64::MAX));
    let Verdict::Taken { last, torn } = expected else {
        assert!(opened.is_err());
        let bytes = disk.durable_bytes(damaged.file());
        assert_eq!(bytes, Some(damaged.bytes()), "what is refused is left as it is");
        return;
    };
    let mut book = opened.expect("taken");
    assert_eq!(book.report.last, *last);
    let aside = book.report.torn_tail.as_ref().and_then(|(_, name)| disk.durable_bytes(name));
    let cut = torn.map(|(start, end)| {
        let place = |byte| usize::try_from(byte).expect("small");
        damaged.bytes()[place(start)..place(end)].to_vec()
    });
    assert_eq!(aside, cut);
    let seq = book.deposit("alice", 1);
    assert_eq!(seq, last.next());
    book.close();
    let proof = journal::verify(&disk, None, |_| {}).expect("proven");
    assert_eq!(proof.last, seq);
}

/// No hash covers the balance of `@world` in a seal; the events do, and they are asked at opening.
fn is_refused_for_its_world(damaged: &Patched) {
    match Book::open(&damaged.disk(), sizes(u64::MAX)).map(|book| book.report) {
        Err(OpenError::Corrupt(Damage { fault: Fault::World | Fault::HeaderChain, .. })) => {}
        other => panic!("another balance of the world was taken for {other:?}"),
    }
}

fn is_exhaustive() -> bool {
    std::env::var_os("SALDO_EXHAUSTIVE").is_some()
}

/// Cuts the active file at every byte.
fn sweep_cuts(end: End, snapshot: bool) {
    let whole = journal(end, snapshot);
    let layout = Layout::of(whole.whole(), Seq::ZERO);
    for len in 0..whole.whole().len() {
        let damaged = whole.with(Patch::Cut { len });
        let expected = of_a_cut(&layout, &damaged, len, snapshot);
        assert_eq!(judged(&damaged), expected, "cut to {len} bytes");
        if len % 997 == 0 {
            goes_on_from(&damaged, &expected);
        }
    }
}

/// Flips those bits of the active file that `takes` says yes to, counted from the first.
fn sweep_flips(end: End, snapshot: bool, takes: impl Fn(&Layout, usize) -> bool) {
    let whole = journal(end, snapshot);
    let layout = Layout::of(whole.whole(), Seq::ZERO);
    for number in (0..whole.whole().len() * 8).filter(|number| takes(&layout, *number)) {
        let (at, mask) = (number / 8, 1 << (number % 8));
        let damaged = whole.with(Patch::Flip { at, mask });
        if layout.is_another_world(whole.whole(), at, mask) {
            is_refused_for_its_world(&damaged);
            continue;
        }
        let expected = of_a_flip(&layout, &damaged, at, snapshot);
        assert_eq!(judged(&damaged), expected, "bit {number}");
        if number % 4_999 == 0 {
            goes_on_from(&damaged, &expected);
        }
    }
}

/// Every bit from the third last group on, and a part of those before.
fn mostly_the_end(layout: &Layout, number: usize) -> bool {
    let from = layout.groups[layout.groups.len() - 3].start;
    is_exhaustive() || number >= from * 8 || number.is_multiple_of(61)
}

#[test]
fn damage_by_a_cut_is_classified_right_at_every_byte() {
    sweep_cuts(End::Events, false);
    sweep_cuts(End::IdleSeal, false);
}

#[test]
fn damage_by_a_cut_is_refused_where_a_snapshot_proves_more() {
    sweep_cuts(End::Events, true);
}

#[test]
fn damage_by_a_flipped_bit_is_classified_right_at_every_bit() {
    sweep_flips(End::Events, false, |_, _| true);
}

#[test]
fn damage_before_an_idle_seal_is_never_taken_for_a_torn_tail() {
    sweep_flips(End::IdleSeal, false, mostly_the_end);
}

#[test]
fn damage_by_a_flipped_bit_is_refused_where_a_snapshot_proves_more() {
    sweep_flips(End::Events, true, mostly_the_end);
}

#[test]
fn damage_to_a_closed_file_is_always_refused() {
    for (whole, layout) in closed_files() {
        let len_whole = whole.whole().len();
        for len in 0..len_whole - 1 {
            let damaged = whole.with(Patch::Cut { len });
            let (count, proven) = whole_groups(&layout, len);
            let expected = if len < layout.header_end {
                refused(0, layout.before, Refusal::Header)
            } else {
                refused(proven, layout.last_before(count), Refusal::ClosedFileEnd)
            };
            assert_eq!(judged(&damaged), expected, "{}: cut to {len} bytes", whole.file());
        }
        let takes = |number: &usize| is_exhaustive() || number.is_multiple_of(5);
        for number in (0..len_whole * 8).filter(takes) {
            let (at, mask) = (number / 8, 1 << (number % 8));
            let damaged = whole.with(Patch::Flip { at, mask });
            if layout.is_another_world(whole.whole(), at, mask) {
                is_refused_for_its_world(&damaged);
                continue;
            }
            let expected = match layout.group_at(at) {
                None => refused(0, layout.before, Refusal::Header),
                Some(n) => {
                    let is_last = n + 1 == layout.groups.len();
                    let kind = if is_last { Refusal::ClosedFileEnd } else { Refusal::BeforeSeal };
                    refused(layout.groups[n].start, layout.last_before(n), kind)
                }
            };
            assert_eq!(judged(&damaged), expected, "{}: bit {number}", whole.file());
        }
    }
}

#[test]
fn a_closed_file_may_have_lost_the_newline_of_its_last_seal() {
    for (whole, _) in closed_files() {
        let damaged = whole.with(Patch::Cut { len: whole.whole().len() - 1 });
        let last = journal::survey(&whole).expect("whole").last();
        assert_eq!(judged(&damaged), Verdict::Taken { last, torn: None });
    }
}
