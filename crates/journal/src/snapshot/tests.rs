//! Snapshots written, proven and handed out again.

use std::sync::Arc;

use ledger::{Balance, Seq};

use super::*;
use crate::disk::{Call, Disk, Fault, SimDisk, write_all_at};
use crate::header::{Currency, LedgerId};
use crate::names::{SNAPSHOT, SNAPSHOT_NEW};
use crate::planted::Plants;
use crate::workers::Workers;

fn head() -> SnapshotHead {
    let genesis = Genesis { ledger: LedgerId(7), currency: Currency::new("BRL").unwrap() };
    SnapshotHead { genesis, seq: Seq::new(5), timestamp_us: 1, seal: Hash::of(b"seal") }
}

/// Plain names, names in two alphabets, and names that are escaped.
fn name(number: u64) -> String {
    match number % 50 {
        7 => format!("josé {number}"),
        8 => format!("\"{number}\\"),
        9 => format!("счёт-{number}"),
        _ => format!("account-{number}"),
    }
}

fn account(number: u64) -> (String, Balance, Seq) {
    let minor_units = i64::try_from(number).unwrap() * 3 - 1_000;
    (name(number), Balance::new(minor_units).unwrap(), Seq::new(number % 1_000))
}

fn written(disk: &Arc<SimDisk>, accounts_count: u64) -> Finished<SimDisk> {
    let mut writer = SnapshotWriter::begin(Arc::clone(disk), &head(), Plants::default()).unwrap();
    for (name, balance, seq) in (0..accounts_count).map(account) {
        writer.account(&name, balance, seq).unwrap();
    }
    writer.finish().unwrap()
}

fn state(disk: &SimDisk, depth: Depth) -> State {
    let candidate = find(disk, SNAPSHOT).unwrap().unwrap();
    let mut bytes_read = 0;
    let state = examine(disk, &candidate, depth, |bytes| bytes_read += bytes).unwrap();
    assert!(bytes_read <= candidate.bytes);
    state
}

fn read(disk: &SimDisk, workers: Workers) -> Vec<(String, Balance, Seq)> {
    let mut accounts = Vec::new();
    let sink = |account: ledger::AccountId<'_>, balance, seq| {
        accounts.push((account.as_str().to_owned(), balance, seq));
        Ok::<(), ()>(())
    };
    assert_eq!(read_accounts(disk, SNAPSHOT, workers, &|_| {}, sink).unwrap(), Ok(()));
    accounts
}

/// Overwrites the snapshot with `lines` and the hash that they have.
fn forge(disk: &SimDisk, name: &str, lines: &[u8]) {
    let mut bytes = lines.to_vec();
    let hash = Hash::of(&bytes);
    Pen(&mut bytes).literal(HASH_KEY).bytes(&hash.to_hex()).literal("\"}\n");
    disk.set_file(name, &bytes).unwrap();
}

#[test]
fn accounts_come_in_the_order_they_were_written_whoever_reads_them() {
    for accounts_count in [0, 1, 2, 40_000] {
        let disk = Arc::new(SimDisk::new());
        written(&disk, accounts_count).publish().unwrap();
        let expected: Vec<_> = (0..accounts_count).map(account).collect();
        for workers in [Workers::NONE, Workers::always(1), Workers::always(3)] {
            assert_eq!(read(&disk, workers), expected, "{accounts_count}, {workers:?}");
        }
    }
}

#[test]
fn every_way_a_line_can_meet_the_end_of_a_piece_is_read_right() {
    // The head has another length each time, so that the lines are shifted byte by byte.
    for shift in 0..64 {
        let disk = Arc::new(SimDisk::new());
        let mut head = head();
        head.timestamp_us = 10_u64.pow(shift % 19);
        let mut writer =
            SnapshotWriter::begin(Arc::clone(&disk), &head, Plants::default()).unwrap();
        let first = "f".repeat(usize::try_from(shift / 19).unwrap() * 19 + 1);
        writer.account(&first, Balance::ZERO, Seq::ZERO).unwrap();
        for (name, balance, seq) in (0..13_000).map(account) {
            writer.account(&name, balance, seq).unwrap();
        }
        writer.finish().unwrap().publish().unwrap();
        let read = read(&disk, Workers::NONE);
        assert_eq!(read[0].0, first);
        assert!(read[1..].iter().cloned().eq((0..13_000).map(account)), "shift {shift}");
    }
}

#[test]
fn a_snapshot_is_proven_by_its_bytes_as_by_its_lines() {
    for accounts_count in [0, 1, 1_000] {
        let disk = Arc::new(SimDisk::new());
        let finished = written(&disk, accounts_count);
        let (seq_max, bytes) = (finished.seq_max, finished.bytes);
        finished.publish().unwrap();
        let State::Whole(snapshot) = state(&disk, Depth::Lines) else { panic!("it is whole") };
        assert_eq!(snapshot.accounts_count, accounts_count);
        assert_eq!((snapshot.seq_max, snapshot.bytes), (seq_max, bytes));
        assert_eq!(state(&disk, Depth::Bytes), State::Whole(snapshot));
    }
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_snapshot_is_noticed_at_either_depth() {
    let disk = Arc::new(SimDisk::new());
    written(&disk, 9).publish().unwrap();
    let whole = disk.cached_bytes(SNAPSHOT).unwrap();
    let is_refused = |bytes: &[u8], what: &str| {
        disk.set_file(SNAPSHOT, bytes).unwrap();
        for depth in [Depth::Bytes, Depth::Lines] {
            let state = state(&disk, depth);
            assert!(matches!(state, State::Damaged | State::Foreign), "{what}: {state:?}");
        }
    };
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        is_refused(&damaged, &format!("bit {bit}"));
    }
    for len in 0..whole.len() {
        is_refused(&whole[..len], &format!("cut to {len}"));
    }
}

#[test]
fn a_line_that_is_no_account_is_noticed_though_the_hash_is_right() {
    let disk = SimDisk::new();
    let mut lines = Vec::new();
    head().encode(&mut lines);
    lines.extend_from_slice(b"\"alice\":{\"balance\":1,\"seq\":1},\n\"bob\":{\"balance\":007}\n");
    lines.extend_from_slice(b"},\"seq_max\":5");
    forge(&disk, SNAPSHOT, &lines);
    assert_eq!(state(&disk, Depth::Lines), State::Damaged);
    assert!(matches!(state(&disk, Depth::Bytes), State::Whole(_)));
    let sink = |_: ledger::AccountId<'_>, _, _| Ok::<(), ()>(());
    let read = read_accounts(&disk, SNAPSHOT, Workers::NONE, &|_| {}, sink);
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
}

#[test]
fn a_newer_format_is_told_apart_from_damage() {
    let disk = SimDisk::new();
    forge(&disk, SNAPSHOT, b"{\"format\":2,\"everything\":\"else\",\n\"is\":\"new\"");
    for depth in [Depth::Bytes, Depth::Lines] {
        assert_eq!(state(&disk, depth), State::Newer { format: 2 });
    }
}

#[test]
fn a_large_snapshot_is_synced_while_it_is_written() {
    let disk = Arc::new(SimDisk::new());
    let finished = written(&disk, 600_000);
    let steps = finished.bytes / (8 << 20);
    assert!(steps >= 2, "{} bytes", finished.bytes);
    assert!((1..=steps).contains(&disk.operations_of(Call::SyncData)));
    finished.publish().unwrap();
}

#[test]
fn a_sync_that_fails_in_the_middle_of_a_snapshot_stops_the_journal() {
    let disk = Arc::new(SimDisk::new());
    disk.fail_call_at(Call::SyncData, 1, Fault::Io);
    let mut writer = SnapshotWriter::begin(Arc::clone(&disk), &head(), Plants::default()).unwrap();
    let failed = (0..600_000)
        .map(account)
        .find_map(|(name, balance, seq)| writer.account(&name, balance, seq).err());
    assert!(matches!(failed, Some(CheckpointError::Fatal(_))), "{failed:?}");
}

#[test]
fn a_snapshot_that_reads_back_as_another_is_not_taken_for_this_one() {
    let disk = Arc::new(SimDisk::new());
    written(&disk, 3).publish().unwrap();
    let other = disk.cached_bytes(SNAPSHOT).unwrap();
    let finished = written(&disk, 4);
    let file = disk.open(SNAPSHOT_NEW).unwrap();
    disk.set_len(&file, 0).unwrap();
    write_all_at(&*disk, &file, &other, 0).unwrap();
    let published = finished.publish();
    assert!(matches!(published, Err(CheckpointError::Fatal(_))), "{published:?}");
}
