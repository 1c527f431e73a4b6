//! The snapshot before the newest: looked at as closely as it is needed.

use std::sync::Arc;

use ledger::{AccountId, Amount, Balance, Event, Leg, Seq};

use super::*;
use crate::disk::{Disk, SimDisk};
use crate::header::{Currency, LedgerId};
use crate::names::{SNAPSHOT, SNAPSHOT_PREVIOUS};
use crate::recover::{OpenOptions, lock_folder, open};
use crate::snapshot::{Depth, SnapshotHead, SnapshotWriter};
use crate::staging::Staged;

fn options() -> OpenOptions {
    let currency = Currency::new("BRL").unwrap();
    OpenOptions::new(Genesis { ledger: LedgerId(7), currency })
}

/// One deposit and two snapshots of it.
fn bank() -> Arc<SimDisk> {
    let disk = Arc::new(SimDisk::new());
    let mut opened = {
        let lock = lock_folder(&*disk).unwrap();
        open(disk.clone(), lock, &options(), &|_| {}, |_| Ok(())).unwrap()
    };
    let after = Balance::new(100).unwrap();
    let leg = Leg { account: AccountId::new("alice").unwrap(), before: Balance::ZERO, after };
    let event = Event::Deposit { leg, amount: Amount::new(100).unwrap() };
    opened.writer.staging().stage(Staged::unindexed(1, "t", &event), || ([], 0)).unwrap();
    opened.writer.commit().unwrap();
    let position = opened.writer.position().get();
    let genesis = opened.report.genesis.clone();
    let head = SnapshotHead { genesis, seq: position.seq, timestamp_us: 0, seal: position.seal };
    for _ in 0..2 {
        let mut writer = SnapshotWriter::begin(disk.clone(), &head, Plants::default()).unwrap();
        writer.account("alice", after, Seq::new(1)).unwrap();
        writer.finish().unwrap().publish().unwrap();
    }
    drop(opened);
    disk.process_crash();
    disk
}

/// Gives the snapshot `name` another line for alice, and the hash that goes with it.
fn break_line(disk: &SimDisk, name: &str) {
    let bytes = disk.cached_bytes(name).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (lines, _) = text.split_once(",\"hash\":").unwrap();
    let lines = lines.replace("\"balance\":100", "\"balance\":+10");
    let hash = Hash::of(lines.as_bytes());
    let bytes = format!("{lines},\"hash\":\"{hash}\"}}\n");
    disk.set_file(name, bytes.as_bytes()).unwrap();
}

fn surveyed(disk: &SimDisk) -> (Vec<&'static str>, Vec<&'static str>) {
    let options = SurveyOptions { previous: Depth::Bytes, ..SurveyOptions::default() };
    let survey = survey_with(disk, &options).unwrap();
    let whole = survey.snapshots.iter().map(|(name, _)| *name).collect();
    (whole, survey.snapshots_damaged)
}

#[test]
fn the_lines_of_the_snapshot_before_are_proven_once_the_newest_is_not_to_be_had() {
    let disk = bank();
    break_line(&disk, SNAPSHOT_PREVIOUS);
    assert_eq!(surveyed(&disk), (vec![SNAPSHOT, SNAPSHOT_PREVIOUS], vec![]));
    break_line(&disk, SNAPSHOT);
    assert_eq!(surveyed(&disk), (vec![], vec![SNAPSHOT, SNAPSHOT_PREVIOUS]));
}

#[test]
fn a_bit_of_the_snapshot_before_is_noticed_though_the_newest_is_whole() {
    let disk = bank();
    disk.flip_bit(SNAPSHOT_PREVIOUS, 200, 3).unwrap();
    assert_eq!(surveyed(&disk), (vec![SNAPSHOT], vec![SNAPSHOT_PREVIOUS]));
}

#[test]
fn without_a_whole_snapshot_every_event_is_replayed_whatever_is_indexed() {
    let disk = bank();
    disk.unlink(SNAPSHOT).unwrap();
    disk.unlink(SNAPSHOT_PREVIOUS).unwrap();
    let options = OpenOptions { indexed: Seq::new(1), ..options() };
    let mut seqs = Vec::new();
    let lock = lock_folder(&*disk).unwrap();
    let opened = open(disk, lock, &options, &|_| {}, |found| {
        if let Found::Event { transaction, .. } = found {
            seqs.push(transaction.seq);
        }
        Ok(())
    });
    assert_eq!(opened.unwrap().report.replayed_from, Seq::new(1));
    assert_eq!(seqs, [Seq::new(1)]);
}
