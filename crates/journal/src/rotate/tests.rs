//! What an earlier format has no room for goes into the next file.

use std::sync::Arc;

use ledger::{By, Event, Seq};

use crate::disk::{Disk, SimDisk};
use crate::hash::Hash;
use crate::header::{Currency, FORMAT, Genesis, Header, LedgerId};
use crate::history::Found;
use crate::names::ACTIVE;
use crate::recover::{OpenOptions, Opened, lock_folder, open};
use crate::scan::header_of;
use crate::staging::Staged;

type Bank = (Opened<SimDisk>, Vec<(u64, Option<String>)>);

fn genesis() -> Genesis {
    Genesis { ledger: LedgerId(7), currency: Currency::new("BRL").unwrap() }
}

/// A folder as a program of format 1 begins it.
fn begun_in_format_1() -> Arc<SimDisk> {
    let disk = Arc::new(SimDisk::new());
    let mut line = Vec::new();
    Header::of_format(1, genesis(), Seq::new(1), 0, Hash::ZERO).encode(&mut line);
    disk.set_file(ACTIVE, &line).unwrap();
    disk
}

/// Opens it; also says which events it holds, and by whom.
fn opened(disk: &Arc<SimDisk>) -> Bank {
    let lock = lock_folder(&**disk).unwrap();
    let mut events = Vec::new();
    let opened = open(disk.clone(), lock, &OpenOptions::new(genesis()), &|_| {}, |found| {
        if let Found::Event { transaction, .. } = found {
            let by = transaction.by.as_ref().map(|by| by.as_str().to_owned());
            events.push((transaction.seq.get(), by));
        }
        Ok(())
    });
    (opened.unwrap(), events)
}

/// Writes a void under this name, a group of its own.
fn write(bank: &mut Bank, tx_id: &str, by: Option<&By<'_>>) {
    let staged = Staged { by, ..Staged::unindexed(5, tx_id, &Event::Void) };
    bank.0.writer.staging().stage(staged, || ([0_u32; 0], 0)).unwrap();
    bank.0.writer.commit().unwrap().unwrap();
}

/// Each journal file by name, with its format.
fn formats(disk: &SimDisk) -> Vec<(String, u64)> {
    let mut names = disk.list().unwrap();
    names.retain(|name| name.starts_with("transactions") && !name.ends_with(".new"));
    names.sort();
    let format =
        |name: &String| header_of(disk, &disk.open_read(name).unwrap()).unwrap().unwrap().format;
    names.into_iter().map(|name| (name.clone(), format(&name))).collect()
}

#[test]
fn the_first_event_that_says_who_did_it_closes_a_file_of_the_format_before() {
    let disk = begun_in_format_1();
    let ana = By::new("user:ana").unwrap();
    let mut bank = opened(&disk);
    write(&mut bank, "t-1", None);
    drop(bank);
    disk.process_crash();
    let mut bank = opened(&disk);
    write(&mut bank, "t-2", None);
    assert_eq!(formats(&disk), [(ACTIVE.to_owned(), 1)]);
    write(&mut bank, "t-3", Some(&ana));
    write(&mut bank, "t-4", Some(&ana));
    let files = [("transactions.1-2.log".to_owned(), 1), (ACTIVE.to_owned(), FORMAT)];
    assert_eq!(formats(&disk), files);
    drop(bank);
    disk.process_crash();
    let by = Some("user:ana".to_owned());
    let expected = [(1, None), (2, None), (3, by.clone()), (4, by)];
    assert_eq!(opened(&disk).1, expected);
}

#[test]
fn a_file_of_the_format_before_that_holds_no_event_has_nothing_to_be_closed_for() {
    let disk = begun_in_format_1();
    let ana = By::new("user:ana").unwrap();
    let mut bank = opened(&disk);
    write(&mut bank, "t-1", Some(&ana));
    assert_eq!(formats(&disk), [(ACTIVE.to_owned(), 1)]);
    write(&mut bank, "t-2", Some(&ana));
    let found = formats(&disk);
    assert!(found.contains(&(ACTIVE.to_owned(), FORMAT)), "{found:?}");
    drop(bank);
    disk.process_crash();
    let by = Some("user:ana".to_owned());
    assert_eq!(opened(&disk).1, [(1, by.clone()), (2, by)]);
}
