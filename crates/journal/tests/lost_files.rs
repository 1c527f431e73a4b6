//! Folders that lost something which no crash takes.

use std::sync::Arc;

use journal::disk::{Disk, SimDisk};
use journal::{ACTIVE, Currency, Fault, Genesis, LedgerId, OpenError, OpenOptions, Opened, Staged};
use ledger::{AccountId, Amount, Balance, Event, Leg};

fn open(disk: Arc<SimDisk>) -> Result<Opened<SimDisk>, OpenError> {
    let lock = journal::lock_folder(&*disk)?;
    journal::open(disk, lock, &options(), &|_| {}, |_| Ok(()))
}

fn options() -> OpenOptions {
    let genesis = Genesis { ledger: LedgerId(7), currency: Currency::new("BRL").expect("letters") };
    OpenOptions::new(genesis)
}

/// Opens the folder, writes `deposits` groups of one deposit and an idle seal each, and stops
/// without any order.
fn bank_of(deposits: i64) -> Arc<SimDisk> {
    let disk = Arc::new(SimDisk::new());
    let mut opened = open(disk.clone()).expect("a new bank");
    for n in 0..deposits {
        let balance = |minor_units| Balance::new(minor_units).expect("in range");
        let account = AccountId::new("alice").expect("a name");
        let leg = Leg { account, before: balance(n), after: balance(n + 1) };
        let event = Event::Deposit { leg, amount: Amount::new(1).expect("positive") };
        let tx_id = format!("t-{n}");
        let staged = Staged::unindexed(1, &tx_id, &event);
        opened.writer.staging().stage(staged, || ([], 0)).expect("staged");
        opened.writer.commit().expect("committed");
        opened.writer.seal_idle().expect("sealed");
    }
    drop(opened);
    disk.process_crash();
    Arc::new((*disk).clone())
}

#[test]
fn a_folder_that_lost_its_journal_is_not_begun_anew() {
    let disk = bank_of(1);
    disk.unlink(ACTIVE).expect("taken away");
    match open(disk) {
        Err(OpenError::Corrupt(damage)) => assert_eq!(damage.fault, Fault::MissingJournal),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("an empty ledger took the place of the lost one"),
    }
}

#[test]
fn a_journal_that_was_cut_at_a_seal_is_opened_with_a_warning() {
    let disk = bank_of(3);
    let bytes = disk.cached_bytes(ACTIVE).expect("the journal");
    let seals: Vec<usize> = memchr::memmem::find_iter(&bytes, b"{\"seal\":").collect();
    // The second seal is the idle one behind the first deposit; the file ends with its line.
    let end = seals[1] + memchr::memchr(b'\n', &bytes[seals[1]..]).expect("a line") + 1;
    disk.set_file(ACTIVE, &bytes[..end]).expect("cut");
    let opened = open(disk).expect("it ends at a seal");
    assert_eq!(opened.report.last.get(), 1);
    assert!(opened.report.is_short, "two acknowledged events are gone: that must be told");
    assert!(!opened.report.was_clean);
}

#[test]
fn a_journal_that_a_crash_left_is_not_called_short() {
    let opened = open(bank_of(3)).expect("a crash");
    assert!(!opened.report.is_short);
    assert_eq!(opened.report.last.get(), 3);
}
