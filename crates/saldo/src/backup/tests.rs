//! Whatever ends a run, the folder holds a whole backup.

use std::path::Path;
use std::sync::Arc;

use journal::disk::{Disk, PowerLoss, SimDisk};
use journal::{
    Currency, Genesis, LedgerId, OpenOptions, Plants, SnapshotHead, SnapshotWriter, Staged, Writer,
    lock_folder,
};
use ledger::{AccountId, Amount, Balance, Event, Leg, Seq};

use super::{Archive, Backed, Job, run};
use crate::failure::Failure;

/// A bank of deposits of 1 to alice, in files of a few events each.
struct Bank {
    disk: Arc<SimDisk>,
    writer: Writer<SimDisk>,
    _lock: <SimDisk as Disk>::File,
    last: u64,
    genesis: Genesis,
}

impl Bank {
    fn new(ledger: u128) -> Self {
        let disk = Arc::new(SimDisk::new());
        let currency = Currency::new("BRL").unwrap();
        let mut options = OpenOptions::new(Genesis { ledger: LedgerId(ledger), currency });
        options.sizes.segment_bytes_max = 3_000;
        let lock = lock_folder(&*disk).unwrap();
        let opened = journal::open(Arc::clone(&disk), lock, &options, &|_| {}, |_| Ok(())).unwrap();
        let (writer, lock) = (opened.writer, opened.lock);
        let genesis = opened.report.genesis;
        Self { disk, writer, _lock: lock, last: 0, genesis }
    }

    fn deposit(&mut self, count: u64) {
        for _ in 0..count {
            let balance = |amount: u64| Balance::new(i64::try_from(amount).unwrap()).unwrap();
            let (before, after) = (balance(self.last), balance(self.last + 1));
            let leg = Leg { account: AccountId::new("alice").unwrap(), before, after };
            let event = Event::Deposit { leg, amount: Amount::new(1).unwrap() };
            self.last += 1;
            let tx_id = format!("t-{}", self.last);
            let staged = Staged::unindexed(self.last, &tx_id, &event);
            self.writer.staging().stage(staged, || ([], 0)).unwrap();
            self.writer.commit().unwrap();
        }
    }

    fn checkpoint(&mut self) {
        let position = self.writer.position().get();
        let (seq, seal) = (position.seq, position.seal);
        let head = SnapshotHead { genesis: self.genesis.clone(), seq, timestamp_us: 0, seal };
        let disk = Arc::clone(&self.disk);
        let mut writer = SnapshotWriter::begin(disk, &head, Plants::default()).unwrap();
        let balance = Balance::new(i64::try_from(self.last).unwrap()).unwrap();
        writer.account("alice", balance, Seq::new(self.last)).unwrap();
        writer.finish().unwrap().publish().unwrap();
    }

    fn back_up(&self, target: &Arc<SimDisk>) -> Result<Backed, Failure> {
        run(&Job {
            source: Arc::clone(&self.disk),
            from: Path::new("bank"),
            target: Arc::clone(target),
            to: Path::new("backup"),
            is_live: false,
            at_us: 7,
            told: &|_| {},
        })
    }
}

/// Proves what the folder holds; its last event.
fn proven(target: &Arc<SimDisk>) -> u64 {
    let archive = Archive::open(Arc::clone(target), &|_| {}).unwrap();
    let proof = journal::verify(&archive, None, |_| {}).unwrap();
    assert_eq!(proof.last.get(), archive.manifest.last);
    proof.last.get()
}

fn listed(target: &SimDisk) -> Vec<String> {
    let mut names = target.names();
    names.retain(|name| name.ends_with(".zst"));
    names
}

#[test]
fn a_second_run_writes_only_what_is_new() {
    let (mut bank, target) = (Bank::new(7), Arc::new(SimDisk::new()));
    bank.deposit(40);
    bank.checkpoint();
    let first = bank.back_up(&target).unwrap();
    assert_eq!((first.files_kept, proven(&target)), (0, 40));
    let before = listed(&target);
    assert!(before.len() > 4 && first.manifest.files.len() == before.len(), "{before:?}");
    bank.deposit(40);
    let second = bank.back_up(&target).unwrap();
    assert_eq!(proven(&target), 80);
    // All closed files and the snapshot stay; the tail is another one.
    assert_eq!(second.files_kept, before.len() - 1);
    assert_eq!(listed(&target).len(), second.manifest.files.len());
    let third = bank.back_up(&target).unwrap();
    assert_eq!((third.files_kept, third.bytes_written), (third.manifest.files.len(), 0));
}

#[test]
fn power_lost_at_any_call_leaves_the_backup_before_or_the_one_that_was_made() {
    // The second is the first, gone on: both are made the same way.
    let (mut early, mut late) = (Bank::new(7), Bank::new(7));
    for (bank, rounds) in [(&mut early, 1), (&mut late, 2)] {
        for _ in 0..rounds {
            bank.deposit(30);
            bank.checkpoint();
        }
    }
    let mut ends = [0, 0];
    for mode in [PowerLoss::Ordered, PowerLoss::Strict] {
        for call in 1.. {
            let target = Arc::new(SimDisk::seeded(call));
            early.back_up(&target).unwrap();
            target.crash_at(target.operations() + call);
            let ended = late.back_up(&target);
            let is_over = !target.is_down();
            target.power_loss(call, mode);
            let found = proven(&target);
            assert!(found == 30 || found == 60, "call {call}: {found}");
            assert!(ended.is_err() || found == 60, "call {call}: told, and then lost");
            ends[usize::from(found == 60)] += 1;
            // What is left over is in nobody's way.
            late.back_up(&target).unwrap();
            assert_eq!(proven(&target), 60);
            if is_over {
                break;
            }
        }
    }
    assert!(ends.iter().all(|count| *count > 2), "{ends:?}");
}

#[test]
fn every_file_is_held_against_its_hash() {
    let (mut bank, target) = (Bank::new(7), Arc::new(SimDisk::new()));
    bank.deposit(40);
    bank.checkpoint();
    bank.back_up(&target).unwrap();
    let names: Vec<String> =
        target.names().into_iter().filter(|name| name != journal::LOCK).collect();
    for name in &names {
        let bytes = target.cached_bytes(name).unwrap().len() as u64;
        for byte in (0..bytes).step_by(7).chain([bytes - 1]) {
            let bit = u8::try_from(byte % 8).unwrap();
            target.flip_bit(name, byte, bit).unwrap();
            assert!(Archive::open(Arc::clone(&target), &|_| {}).is_err(), "{name} {byte}");
            target.flip_bit(name, byte, bit).unwrap();
        }
    }
    assert_eq!(proven(&target), 40);
}

#[test]
fn another_ledger_another_history_and_a_folder_of_somebodys_are_refused() {
    let (mut bank, target) = (Bank::new(7), Arc::new(SimDisk::new()));
    bank.deposit(3);
    bank.back_up(&target).unwrap();
    let refused = |bank: &Bank, target| bank.back_up(target).unwrap_err().parts().1.to_owned();
    let mut other = Bank::new(8);
    other.deposit(3);
    assert_eq!(refused(&other, &target), "another_ledger");
    // The same ledger, gone another way: its groups are others.
    let mut other = Bank::new(7);
    other.last = 0;
    other.deposit(2);
    assert_eq!(refused(&other, &target), "another_history");
    assert_eq!(proven(&target), 3);
    let foreign = Arc::new(SimDisk::new());
    foreign.set_file("letter.txt", b"dear").unwrap();
    assert_eq!(refused(&bank, &foreign), "backup_folder");
    assert_eq!(foreign.names(), ["letter.txt"]);
}

#[test]
fn a_full_disk_ends_the_run_and_costs_nothing_of_the_backup_before() {
    let (mut bank, target) = (Bank::new(7), Arc::new(SimDisk::new()));
    bank.deposit(20);
    bank.back_up(&target).unwrap();
    bank.deposit(40);
    target.set_capacity(Some(100));
    let failure = bank.back_up(&target).unwrap_err();
    assert_eq!((failure.parts().0, failure.parts().1), (75, "disk_full"));
    target.set_capacity(None);
    assert_eq!(proven(&target), 20);
}
