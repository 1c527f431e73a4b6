//! `docs/formats.md` says what is on the disk; here its examples are compared with it.

use std::sync::Arc;

use ledger::{AccountId, Amount, Balance, Command, Event, Leg, Refused, Rejection, Seq, Transfer};

use crate::disk::{Disk, SimDisk};
use crate::hash::Hash;
use crate::header::{Currency, Genesis, Header, LedgerId};
use crate::limits;
use crate::names;
use crate::planted::Plants;
use crate::record::encode;
use crate::seal::Seal;
use crate::snapshot::{SnapshotHead, SnapshotWriter};

/// The seq of the page's event that says who did it.
const BY_ANA: u64 = 4;

const PAGE: &str = include_str!("../../../docs/formats.md");

/// The page's example lines that begin with `start`, hashes shortened as they are there.
fn examples(start: &str) -> Vec<&'static str> {
    PAGE.lines().filter(|line| line.starts_with(start)).collect()
}

/// `line` as the page shows it: every hash that is not all zeros as an ellipsis.
fn shortened(line: &str) -> String {
    let mut shown = String::new();
    let mut parts = line.split('"').peekable();
    while let Some(part) = parts.next() {
        let is_hash = part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let zeros = part.bytes().all(|byte| byte == b'0');
        shown.push_str(if is_hash && !zeros { "…" } else { part });
        if parts.peek().is_some() {
            shown.push('"');
        }
    }
    shown
}

fn account(name: &'static str) -> AccountId<'static> {
    AccountId::new(name).unwrap()
}

fn amount(minor_units: i64) -> Amount {
    Amount::new(minor_units).unwrap()
}

fn leg(name: &'static str, before: i64, after: i64) -> Leg<'static> {
    let balance = |minor_units| Balance::new(minor_units).unwrap();
    Leg { account: account(name), before: balance(before), after: balance(after) }
}

fn events() -> Vec<Event<'static>> {
    let rejection = Rejection::InsufficientFunds { balance: Balance::new(50_677).unwrap() };
    let withdraw = Command::Withdraw { account: account("bob"), amount: amount(60_000) };
    let transfer = Transfer::new(account("bob"), account("carol"), amount(60_000)).unwrap();
    vec![
        Event::Init { legs: vec![leg("alice", 0, 100_000), leg("bob", 0, 50_000)] },
        Event::Deposit { leg: leg("alice", 100_000, 102_500), amount: amount(2_500) },
        Event::Withdraw { leg: leg("bob", 50_000, 49_900), amount: amount(100) },
        Event::Transfer {
            from: leg("alice", 102_500, 101_723),
            to: leg("bob", 49_900, 50_677),
            amount: amount(777),
        },
        Event::Refused(Refused { command: withdraw, rejection: rejection.clone() }),
        Event::Refused(Refused { command: Command::Transfer(transfer), rejection }),
    ]
}

fn lines(from: usize) -> Vec<u8> {
    let mut lines = Vec::new();
    for (n, event) in (1..).zip(events()).skip(from) {
        let by = (n == BY_ANA).then_some("user:ana");
        let at_us = 1_763_999_999_999_999 + n;
        encode(&mut lines, Seq::new(n), &format!("t-{n}"), by, &event, at_us);
    }
    lines
}

fn genesis() -> Genesis {
    Genesis { ledger: LedgerId(0x7f3a), currency: Currency::new("BRL").unwrap() }
}

#[test]
fn the_header_on_the_page_is_the_one_that_is_written() {
    let mut line = Vec::new();
    Header::new(genesis(), Seq::new(1), 0, Hash::ZERO).encode(&mut line);
    let line = String::from_utf8(line).unwrap();
    assert_eq!(examples("{\"saldo\":"), [shortened(line.trim_end())]);
}

#[test]
fn every_kind_of_event_stands_on_the_page_as_it_is_written() {
    let written = String::from_utf8(lines(0)).unwrap();
    assert_eq!(examples("{\"seq\":"), written.lines().collect::<Vec<_>>());
}

#[test]
fn the_seal_on_the_page_is_the_one_over_its_events() {
    let world = events().iter().map(Event::world_delta).sum();
    let seal = Seal::over(Seq::new(2), Seq::new(6), world, Hash::of(b"before"), &lines(1));
    let mut line = Vec::new();
    seal.encode(&mut line);
    let line = String::from_utf8(line).unwrap();
    assert_eq!(examples("{\"seal\":"), [shortened(line.trim_end())]);
}

#[test]
fn the_snapshot_on_the_page_is_the_one_that_is_written() {
    let disk = Arc::new(SimDisk::new());
    let head = SnapshotHead {
        genesis: genesis(),
        seq: Seq::new(6),
        timestamp_us: 1_764_000_000_000_006,
        seal: Hash::of(b"seal"),
    };
    let mut writer = SnapshotWriter::begin(disk.clone(), &head, Plants::default()).unwrap();
    writer.account("alice", Balance::new(101_723).unwrap(), Seq::new(4)).unwrap();
    writer.account("bob", Balance::new(50_677).unwrap(), Seq::new(4)).unwrap();
    writer.finish().unwrap().publish().unwrap();
    let file = disk.open_read(names::SNAPSHOT).unwrap();
    let mut bytes = vec![0; 4096];
    let count = disk.read_at(&file, &mut bytes, 0).unwrap();
    bytes.truncate(count);
    let written = shortened(&String::from_utf8(bytes).unwrap());
    assert!(PAGE.contains(&format!("```json\n{written}```")), "{written}");
}

#[test]
fn the_page_states_the_names_and_the_limits() {
    for name in [
        names::ACTIVE,
        names::ACTIVE_NEW,
        names::SNAPSHOT,
        names::SNAPSHOT_NEW,
        names::SNAPSHOT_PREVIOUS,
        names::SNAPSHOT_PREVIOUS_NEW,
        names::LOCK,
    ] {
        assert!(PAGE.contains(&format!("`{name}`")), "{name}");
    }
    let sizes = limits::Sizes::default();
    for (figure, text) in [
        (limits::RECORD_BYTES_MAX, "A line has at most 7 MiB"),
        (sizes.group_bytes_max, "A group has at most 1 MiB"),
        (usize::try_from(sizes.segment_bytes_max).unwrap(), "rotation (past 256 MiB)"),
        (usize::try_from(sizes.pad_step_bytes_max).unwrap(), "at most 16 MiB"),
    ] {
        let stated = text.split_ascii_whitespace().find_map(|word| {
            word.trim_matches(|letter: char| !letter.is_ascii_digit()).parse::<usize>().ok()
        });
        assert_eq!(stated.map(|mib| mib << 20), Some(figure), "{text}");
        assert!(PAGE.contains(text), "{text}");
    }
}
