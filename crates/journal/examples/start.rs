//! How long a start takes: writes a folder with so many accounts, a snapshot of them and so many
//! events behind it, through the crate's own writer, and times `open` with a sink that only counts.
//!
//! ```sh
//! cargo run --release -p journal --example start -- ACCOUNTS EVENTS FOLDER
//! ```
//!
//! It opens the folder twice: with every event indexed up to the end, and with none, as after the
//! index was deleted. A folder that has a journal already is only opened. The last stop is an unclean
//! one on purpose, so that the time includes the copy of the active file. Remove the folder
//! afterwards.

use std::cell::RefCell;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use journal::disk::{Disk, RealDisk};
use journal::{
    ACTIVE, Currency, Found, Genesis, LedgerId, OpenOptions, Plants, Position, Progress,
    SnapshotHead, SnapshotWriter, Staged, Writer,
};
use ledger::{AccountId, Amount, Balance, Event, Leg, Seq};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What every account begins with, in minor units.
const OPENING: i64 = 1_000_000;
/// Staged events between two commits: a group of about 1 MiB.
const EVENTS_PER_COMMIT: u64 = 8_000;

fn options() -> Outcome<OpenOptions> {
    let currency = Currency::new("BRL").ok_or("three letters")?;
    let genesis_if_new = Genesis { ledger: LedgerId(0x5a1d0), currency };
    Ok(OpenOptions::new(genesis_if_new))
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [accounts, events, folder] = arguments.as_slice() else {
        return Err("usage: start ACCOUNTS EVENTS FOLDER".into());
    };
    let (disk, _) = RealDisk::open_or_create(Path::new(folder))?;
    let disk = Arc::new(disk);
    if !disk.list()?.iter().any(|name| name == ACTIVE) {
        let start = Instant::now();
        write(&disk, accounts.parse()?, events.parse()?)?;
        println!("written in {:.1} s", start.elapsed().as_secs_f64());
    }
    start("all indexed", &disk, journal::survey(&*disk)?.last())?;
    start("none indexed", &disk, Seq::ZERO)
}

/// Opens the folder, and says what that took.
fn start(what: &str, disk: &Arc<RealDisk>, indexed: Seq) -> Outcome<()> {
    // From here on the peak is that of the start alone.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let options = OpenOptions { indexed, ..options()? };
    let (mut accounts_count, mut events_count, mut sum) = (0_u64, 0_u64, 0_i128);
    let phases = RefCell::new(Vec::new());
    let (start, cpu_before) = (Instant::now(), cpu_seconds()?);
    let progress = |progress: Progress| {
        if progress.bytes_done == progress.bytes_total {
            phases.borrow_mut().push((progress.phase, start.elapsed().as_secs_f64()));
        }
    };
    let opened = journal::open(
        Arc::clone(disk),
        journal::lock_folder(&**disk)?,
        &options,
        &progress,
        |found| {
            match found {
                Found::Account { balance, .. } => {
                    accounts_count += 1;
                    sum += i128::from(balance.get());
                }
                Found::Event { .. } => events_count += 1,
            }
            Ok(())
        },
    )?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - cpu_before);
    println!("{what}: open {seconds:.2} s, cpu {cpu:.2} s, peak {}", peak()?);
    println!("  {accounts_count} accounts of the sum {sum}, {events_count} events");
    println!("  phases ended at {:.2?}, read {:?}", phases.into_inner(), opened.report.bytes_read);
    Ok(())
}

/// What this process has used of the processors, in all its threads.
fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let behind_name = stat.rsplit(')').next().ok_or("no name")?;
    // The 14th and 15th word of the line are user and system time in hundredths.
    let mut words = behind_name.split_ascii_whitespace().skip(11);
    let mut next = || words.next().ok_or("too short").map(str::parse::<f64>);
    Ok((next()?? + next()??) / 100.0)
}

/// The line of the kernel's that says how much memory there was at most.
fn peak() -> Outcome<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.ok_or("no peak")?.trim().to_owned())
}

fn name(number: u64) -> String {
    format!("acct{number:08}")
}

fn write(disk: &Arc<RealDisk>, accounts: u64, events: u64) -> Outcome<()> {
    let mut opened = journal::open(
        Arc::clone(disk),
        journal::lock_folder(&**disk)?,
        &options()?,
        &|_| {},
        |_| Ok(()),
    )?;
    let writer = &mut opened.writer;
    let balance = |minor_units| Balance::new(minor_units).ok_or("a balance out of range");
    let mut number = 0;
    while number < accounts {
        let leg = Leg {
            account: AccountId::new(name(number)).map_err(|fault| fault.to_string())?,
            before: Balance::ZERO,
            after: balance(OPENING)?,
        };
        let amount = Amount::new(OPENING).map_err(|fault| fault.to_string())?;
        number += 1;
        stage(writer, number, &Event::Deposit { leg, amount })?;
    }
    commit(writer)?;

    let Position { seq, seal, .. } = writer.position().get();
    let genesis = opened.report.genesis.clone();
    let head = SnapshotHead { genesis, seq, timestamp_us: 0, seal };
    // Twice, so that there is one before the newest, as in every bank that runs for a while.
    for _ in 0..2 {
        let start = Instant::now();
        let mut snapshot = SnapshotWriter::begin(Arc::clone(disk), &head, Plants::default())?;
        for number in 0..accounts {
            snapshot.account(&name(number), balance(OPENING)?, Seq::new(number + 1))?;
        }
        snapshot.finish()?.publish()?;
        println!("snapshot in {:.1} s", start.elapsed().as_secs_f64());
    }

    let mut held = vec![OPENING; usize::try_from(accounts)?];
    for number in 0..events {
        // Scattered over all accounts, never an account to itself.
        let from = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % accounts;
        let to = (from + 1 + number % (accounts - 1)) % accounts;
        let leg = |account: u64, change: i64, held: &mut Vec<i64>| -> Outcome<Leg<'static>> {
            let place = held.get_mut(usize::try_from(account)?).ok_or("no such account")?;
            let before = *place;
            *place += change;
            Ok(Leg {
                account: AccountId::new(name(account)).map_err(|fault| fault.to_string())?,
                before: balance(before)?,
                after: balance(before + change)?,
            })
        };
        let (from, to) = (leg(from, -1, &mut held)?, leg(to, 1, &mut held)?);
        let amount = Amount::new(1).map_err(|fault| fault.to_string())?;
        stage(writer, accounts + number + 1, &Event::Transfer { from, to, amount })?;
    }
    commit(writer)
}

fn stage(writer: &mut Writer<RealDisk>, number: u64, event: &Event<'_>) -> Outcome<()> {
    let tx_id = format!("00000000-0000-7000-8000-{number:012}");
    let at_us = 1_764_000_000_000_000 + number;
    let staged = Staged::unindexed(at_us, &tx_id, event);
    writer.staging().stage(staged, || ([], 0)).map_err(|_| "the journal has stopped")?;
    if number.is_multiple_of(EVENTS_PER_COMMIT) { commit(writer) } else { Ok(()) }
}

fn commit(writer: &mut Writer<RealDisk>) -> Outcome<()> {
    while writer.commit()?.is_some() {}
    Ok(())
}
