//! What a start does with the index beside the journal: it makes good what is missing or damaged,
//! and refuses a journal that has less.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::Cell;
use std::sync::Arc;

use engine::embedded::{Executed, Now, Options, Parts, open, open_telling};
use engine::{Outcome, Request};
use history::{Group, Work};
use journal::disk::{Disk, SimDisk};
use journal::{ACTIVE, Committed, Currency, Fault, Genesis, LedgerId, OpenError, Phase, Progress};
use ledger::{AccountId, Amount, Command, Seq, TxId};

const CHUNK_EVENTS: usize = 16;
const RUN_EVENTS: usize = 64;

fn options() -> Options {
    let currency = Currency::new("BRL").unwrap();
    let mut options = Options::new(Genesis { ledger: LedgerId(7), currency });
    options.index.chunk_events = CHUNK_EVENTS;
    options.index.run_events = RUN_EVENTS;
    options.index.merge_fan_in = 4;
    options.recent_slots = 64;
    options
}

fn opened(disk: &SimDisk, index_disk: &SimDisk) -> Parts<SimDisk> {
    open(Arc::new(disk.clone()), Arc::new(index_disk.clone()), &options()).unwrap()
}

/// An empty folder for an index, in which no new tx_id looks like an old one by chance.
fn index_disk() -> SimDisk {
    let disk = SimDisk::new();
    history::fix_key(&disk, LedgerId(7), 1).unwrap();
    disk
}

/// Deposits, each in a group of its own, which are appended to the index. The index writes what is
/// due, and merges nothing.
fn deposit(parts: &mut Parts<SimDisk>, count: u64) {
    deposit_as(parts, "d", count);
}

/// The same under tx_ids that begin so.
fn deposit_as(parts: &mut Parts<SimDisk>, begins: &str, count: u64) {
    let Parts { core, writer, history, .. } = parts;
    for _ in 0..count {
        let number = core.staging().head().seq.get() + 1;
        let account = AccountId::new(format!("customer-{}", number % 10)).unwrap();
        let command = Command::Deposit { account, amount: Amount::new(1).unwrap() };
        let tx_id = TxId::new(format!("{begins}-{number}")).unwrap();
        let request =
            Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None };
        let now = Now { us: 1_764_000_000_000_000 + number, seq_durable: Seq::ZERO };
        let executed = core.execute(request, None, now);
        assert!(matches!(executed, Executed::Outcome(Outcome::Done { .. })), "{executed:?}");
        let committed = writer.commit().unwrap().unwrap();
        let Committed { head, seal, traces, file_first, offset, .. } = committed;
        history.append(Group { head, seal, traces, file_first, offset });
    }
}

/// Every file of a disk with its bytes.
fn image(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let named = |name: String| (name.clone(), disk.cached_bytes(&name).unwrap());
    disk.names().into_iter().map(named).collect()
}

/// Writes everything that was appended to the disk of the index.
fn write_index(parts: &Parts<SimDisk>) {
    let name_of = |number: u32| parts.core.name_of(number).map(str::to_owned);
    while parts.history.work(&name_of, true).unwrap() != Work::Idle {}
    assert_eq!(parts.history.indexed(), parts.history.appended().seq);
}

#[test]
fn a_journal_that_is_shorter_than_its_index_is_refused_before_anything_is_changed() {
    let (disk, index_disk) = (SimDisk::new(), index_disk());
    let mut parts = opened(&disk, &index_disk);
    deposit(&mut parts, 100);
    let older = disk.cached_bytes(ACTIVE).unwrap();
    deposit(&mut parts, 100);
    write_index(&parts);
    drop(parts);
    disk.process_crash();
    let torn = [older.trim_ascii_end(), b"\n{\"seq\":101"].concat();
    for cut in [older, torn] {
        disk.set_file(ACTIVE, &cut).unwrap();
        let before = [image(&disk), image(&index_disk)];
        let refused = open(Arc::new(disk.clone()), Arc::new(index_disk.clone()), &options());
        let Err(OpenError::Corrupt(damage)) = refused else { panic!("it was opened") };
        assert_eq!(damage.seq_good, Seq::new(100));
        assert_eq!(damage.fault, Fault::ShorterThanIndex { seq: Seq::new(200) });
        assert!([image(&disk), image(&index_disk)] == before, "something was changed");
    }
    // Without the index the older journal is taken as it is.
    assert_eq!(opened(&disk, &SimDisk::new()).report.last, Seq::new(100));
}

#[test]
fn an_index_made_anew_is_written_while_the_journal_is_read_however_small_its_groups() {
    const EVENTS: u64 = 10_000;
    /// A start writes what is due after so many events.
    const UNWRITTEN_MAX: u64 = 4_096 + 2 * RUN_EVENTS as u64;
    let disk = SimDisk::new();
    let mut parts = opened(&disk, &index_disk());
    deposit(&mut parts, EVENTS);
    drop(parts);
    disk.process_crash();
    let parts = opened(&disk, &SimDisk::new());
    assert_eq!(parts.report.last.get(), EVENTS);
    let indexed = parts.history.indexed().get();
    assert!(indexed >= EVENTS - UNWRITTEN_MAX, "{indexed} events are on the disk");
    assert!(parts.history.usage().runs_count > 0);
    assert_eq!(parts.history.appended().seq.get(), EVENTS);
}

/// A bank whose index has three runs, and so many events behind it that an index is written at the
/// next start.
fn bank_behind_three_runs() -> (SimDisk, SimDisk) {
    let (disk, index_disk) = (SimDisk::new(), index_disk());
    let mut parts = opened(&disk, &index_disk);
    for _ in 0..3 {
        deposit(&mut parts, RUN_EVENTS as u64);
        write_index(&parts);
    }
    deposit(&mut parts, 5_000);
    drop(parts);
    disk.process_crash();
    assert_eq!(runs(&index_disk), ["run.1-64.idx", "run.129-192.idx", "run.65-128.idx"]);
    (disk, index_disk)
}

fn runs(index_disk: &SimDisk) -> Vec<String> {
    index_disk.names().into_iter().filter(|name| name.starts_with("run.")).collect()
}

/// A page of a run: 1 is the first of its ids, and 2 that of its legs, in a run as small as here.
fn damage(index_disk: &SimDisk, name: &str, page: u64) {
    index_disk.flip_bit(name, page * 4_096 + 9, 2).unwrap();
}

#[test]
fn a_folder_that_lost_its_journal_is_refused_and_its_index_stays() {
    let (disk, index) = (SimDisk::new(), index_disk());
    let mut parts = opened(&disk, &index);
    deposit(&mut parts, 10);
    write_index(&parts);
    drop(parts);
    // Of the ledger nothing but the lock file tells, and the index.
    disk.unlink(ACTIVE).unwrap();
    let before = image(&index);
    let mut options = options();
    options.genesis_if_new.ledger = LedgerId(8);
    let refused = open(Arc::new(disk), Arc::new(index.clone()), &options);
    let Err(OpenError::Corrupt(damage)) = refused else { panic!("it was opened") };
    assert_eq!(damage.fault, Fault::MissingJournal);
    assert!(image(&index) == before, "the index was changed");
}

#[test]
fn the_index_of_another_history_is_made_anew() {
    let (disk, index) = (SimDisk::new(), index_disk());
    let mut parts = opened(&disk, &index);
    deposit(&mut parts, 50);
    let common = disk.cached_bytes(ACTIVE).unwrap();
    deposit(&mut parts, 50);
    write_index(&parts);
    drop(parts);
    // Another server went on from a copy, and reached further.
    let other = SimDisk::new();
    other.set_file(ACTIVE, &common).unwrap();
    let mut parts = opened(&other, &index_disk());
    deposit_as(&mut parts, "other", 150);
    drop(parts);
    other.process_crash();
    for written in [false, true] {
        let parts = opened(&other, &index);
        let history = &parts.history;
        assert_eq!(
            (history.appended().seq, history.indexed()),
            match written {
                false => (Seq::new(200), Seq::ZERO),
                true => (Seq::new(200), Seq::new(200)),
            }
        );
        let found = |tx_id: &str| {
            let hash = history.hash(tx_id);
            [history.seqs_of_hash(hash).unwrap(), history.seqs_of_hash_in_memory(hash)].concat()
        };
        assert_eq!(found("d-50"), [Seq::new(50)]);
        assert_eq!(found("other-51"), [Seq::new(51)]);
        assert_eq!(found("d-51"), []);
        write_index(&parts);
        drop(parts);
        other.process_crash();
    }
}

#[test]
fn an_index_without_room_at_a_start_is_told_as_a_full_disk() {
    let index_disk = SimDisk::new();
    index_disk.set_capacity(Some(10));
    let refused = open(Arc::new(SimDisk::new()), Arc::new(index_disk), &options());
    let Err(OpenError::DiskFull { .. }) = refused else { panic!("{:?}", refused.err()) };
}

#[test]
fn damage_that_only_a_merge_would_meet_does_not_end_a_start() {
    let (disk, index_disk) = bank_behind_three_runs();
    damage(&index_disk, "run.65-128.idx", 2);
    // With runs so large that all of them would be merged into one.
    let mut options = options();
    options.index.run_events = 2_048;
    let parts = open(Arc::new(disk), Arc::new(index_disk), &options).unwrap();
    assert_eq!(parts.history.appended().seq, parts.report.last);
    assert!(parts.history.indexed().get() > 3 * RUN_EVENTS as u64);
}

#[test]
fn damage_met_while_the_index_is_written_at_a_start_is_made_good_in_that_start() {
    let (disk, index_disk) = bank_behind_three_runs();
    // The filter has room for 256 hashes, and is filled anew from all runs when that is too few.
    let is_damaged = Cell::new(false);
    let progress = |progress: Progress| {
        if progress.phase == Phase::Events && !is_damaged.replace(true) {
            damage(&index_disk, "run.65-128.idx", 1);
        }
    };
    let disks = [&disk, &index_disk].map(|disk| Arc::new(disk.clone()));
    let [journal, index] = disks;
    let parts = open_telling(journal, index, &options(), &progress).unwrap();
    assert!(is_damaged.get());
    let history = &parts.history;
    assert_eq!(history.appended().seq, parts.report.last);
    for seq in [1, 64, 65, 100, 128, 129, 200].map(Seq::new) {
        assert_eq!(history.seqs_of_hash(history.hash(&format!("d-{seq}"))).unwrap(), [seq]);
    }
}
