//! How much a checkpoint disturbs the journal: commits groups as fast as the disk takes them, alone
//! and then beside a thread that writes and publishes snapshots, and says how many it got through
//! and how long they took. Nothing is executed here, so this is the disk's share, and the share of a
//! core that the snapshot takes.
//!
//! ```sh
//! cargo run --release -p journal --example checkpoint -- ACCOUNTS SECONDS MB_PER_SECOND FOLDER
//! ```
//!
//! `MB_PER_SECOND`: how fast the snapshot is written at most; 0: as fast as it goes. Remove the folder afterwards.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use journal::disk::RealDisk;
use journal::{
    Currency, Genesis, LedgerId, OpenOptions, Plants, Position, SnapshotHead, SnapshotWriter,
    Staged, Writer,
};
use ledger::{AccountId, Amount, Balance, Event, Leg, Seq};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Events of one group: about 64 KiB.
const EVENTS_PER_GROUP: u32 = 512;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [accounts, seconds, pace, folder] = arguments.as_slice() else {
        return Err("usage: checkpoint ACCOUNTS SECONDS MB_PER_SECOND FOLDER".into());
    };
    let (accounts, seconds) = (accounts.parse()?, Duration::from_secs(seconds.parse()?));
    let pace: u64 = pace.parse()?;
    let (disk, _) = RealDisk::open_or_create(Path::new(folder))?;
    let disk = Arc::new(disk);
    let currency = Currency::new("BRL").ok_or("three letters")?;
    let options = OpenOptions::new(Genesis { ledger: LedgerId(0x5a1d0), currency });
    let mut opened =
        journal::open(Arc::clone(&disk), journal::lock_folder(&*disk)?, &options, &|_| {}, |_| {
            Ok(())
        })?;
    let genesis = opened.report.genesis.clone();
    let writer = &mut opened.writer;
    commit_until(writer, "not counted", &|elapsed| elapsed >= seconds / 4)?;
    for _ in 0..3 {
        commit_until(writer, "alone", &|elapsed| elapsed >= seconds)?;
        let Position { seq, seal, .. } = writer.position().get();
        let head = SnapshotHead { genesis: genesis.clone(), seq, timestamp_us: 0, seal };
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| -> Outcome<()> {
            let snapshot = scope.spawn(|| {
                let written = write_snapshot(&disk, &head, accounts, pace);
                done.store(true, Ordering::Release);
                written
            });
            let is_done = |_| done.load(Ordering::Acquire);
            commit_until(writer, "beside a checkpoint", &is_done)?;
            snapshot.join().map_err(|_| "the snapshot's thread panicked")?
        })?;
    }
    Ok(())
}

/// Commits groups until the time is over, and says what came of it.
fn commit_until(
    writer: &mut Writer<RealDisk>,
    what: &str,
    is_over: &dyn Fn(Duration) -> bool,
) -> Outcome<()> {
    let (start, mut took) = (Instant::now(), Vec::new());
    let balance = |minor_units| Balance::new(minor_units).ok_or("a balance out of range");
    let leg = Leg {
        account: AccountId::new("somebody").map_err(|fault| fault.to_string())?,
        before: Balance::ZERO,
        after: balance(1)?,
    };
    let amount = Amount::new(1).map_err(|fault| fault.to_string())?;
    let event = Event::Deposit { leg, amount };
    while !is_over(start.elapsed()) {
        for _ in 0..EVENTS_PER_GROUP {
            let staged = Staged::unindexed(1, "00000000-0000-7000-8000-000000000000", &event);
            writer.staging().stage(staged, || ([], 0)).map_err(|_| "the journal has stopped")?;
        }
        let before = Instant::now();
        while writer.commit()?.is_some() {}
        took.push(before.elapsed());
    }
    let seconds = start.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |hundredths: usize| took.get(took.len().saturating_sub(1) * hundredths / 100);
    println!(
        "{what}: {} groups in {seconds:.1} s, p50 {:.2?}, p99 {:.2?}, max {:.2?}",
        took.len(),
        at(50).ok_or("no group")?,
        at(99).ok_or("no group")?,
        at(100).ok_or("no group")?,
    );
    println!("  {:.0} groups/s", took.len() as f64 / seconds);
    Ok(())
}

fn write_snapshot(
    disk: &Arc<RealDisk>,
    head: &SnapshotHead,
    accounts: u32,
    pace: u64,
) -> Outcome<()> {
    /// Accounts between two looks at the clock, and the bytes of each.
    const ACCOUNTS_PER_LOOK: u32 = 20_000;
    const ACCOUNT_BYTES: u64 = 44;
    let start = Instant::now();
    let balance = Balance::new(1_000_000).ok_or("a balance out of range")?;
    let mut snapshot = SnapshotWriter::begin(Arc::clone(disk), head, Plants::default())?;
    for number in 0..accounts {
        snapshot.account(&format!("acct{number:08}"), balance, Seq::ZERO)?;
        if pace > 0 && number.is_multiple_of(ACCOUNTS_PER_LOOK) {
            let due = Duration::from_micros(u64::from(number) * ACCOUNT_BYTES / pace);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
    }
    let finished = snapshot.finish()?;
    println!("  snapshot of {} MB", finished.bytes / 1_000_000);
    Ok(finished.publish()?)
}
