//! What an event waits for its durability at a steady rate, with and without the helper that pads
//! ahead, beside the disk's own write and sync of 4 KiB.
//!
//! `cargo run --release -p journal --example paced -- FOLDER [EVENTS_PER_SECOND [SECONDS [ROUNDS]]]`
//!
//! One thread stages transfers in small batches, another runs the writer; the variants take turns.
//! Not here: accounts, clients and replies (`saldo bench` measures those).

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use journal::disk::RealDisk;
use journal::{Currency, Genesis, LedgerId, OpenOptions, Staged, Staging};
use ledger::{AccountId, Amount, Balance, Command, Event, Seq, Transfer, decide};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Between two batches of the stager.
const TICK: Duration = Duration::from_micros(200);
const DISK_WRITES: usize = 2_000;

/// The last event of each batch, and when it was due.
type Due = Mutex<VecDeque<(Seq, Instant)>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let rate = arguments.next().map_or(Ok(300_000), |text| text.parse::<u32>())?;
    let seconds = arguments.next().map_or(Ok(8), |text| text.parse::<u64>())?;
    let rounds = arguments.next().map_or(Ok(3), |text| text.parse::<usize>())?;
    let folder = Path::new(&folder);
    let names = ["disk alone, 4 KiB", "writer alone", "writer and helper"];
    let mut figures: [Vec<[u64; 4]>; 3] = Default::default();
    for _ in 0..rounds {
        let [disk, alone, helped] = &mut figures;
        disk.push(percentiles(disk_alone(folder)?));
        alone.push(percentiles(paced(folder, rate, seconds, false)?));
        helped.push(percentiles(paced(folder, rate, seconds, true)?));
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{rate} events/s, {seconds} s, microseconds, medians of {rounds}")?;
    writeln!(out, "{:20} {:>8} {:>8} {:>8} {:>8}", "", "p50", "p99", "p99.9", "max")?;
    for (name, of_rounds) in names.iter().zip(&figures) {
        write!(out, "{name:20}")?;
        for place in 0..4 {
            let mut sorted: Vec<u64> = of_rounds.iter().map(|figures| figures[place]).collect();
            sorted.sort_unstable();
            write!(out, " {:>8}", sorted[sorted.len() / 2])?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// p50, p99, p99.9 and the greatest of latencies, in microseconds.
fn percentiles(mut latencies: Vec<u64>) -> [u64; 4] {
    latencies.sort_unstable();
    let last = latencies.len().saturating_sub(1);
    [500, 990, 999, 1_000].map(|place| {
        latencies.get((latencies.len() * place / 1_000).min(last)).copied().unwrap_or(0)
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn disk_alone(folder: &Path) -> Outcome<Vec<u64>> {
    let path = folder.join("disk-alone");
    let file = File::create(&path)?;
    let block = [b'\n'; 4 << 10];
    for number in 0..DISK_WRITES {
        file.write_all_at(&block, (number * block.len()) as u64)?;
    }
    file.sync_all()?;
    let mut latencies = Vec::with_capacity(DISK_WRITES);
    for number in 0..DISK_WRITES {
        let begun = Instant::now();
        file.write_all_at(&block, (number * block.len()) as u64)?;
        file.sync_data()?;
        latencies.push(micros(begun.elapsed()));
        std::thread::sleep(TICK);
    }
    std::fs::remove_file(&path)?;
    Ok(latencies)
}

/// Latencies of all batches, each from when it was due.
fn paced(folder: &Path, rate: u32, seconds: u64, has_helper: bool) -> Outcome<Vec<u64>> {
    let folder = folder.join("paced-journal");
    let (disk, _) = RealDisk::open_or_create(&folder)?;
    let currency = Currency::new("BRL").ok_or("a currency")?;
    let genesis_if_new = Genesis { ledger: LedgerId(1), currency };
    let options = OpenOptions::new(genesis_if_new);
    let lock = journal::lock_folder(&disk)?;
    let mut opened = journal::open(Arc::new(disk), lock, &options, &|_| {}, |_| Ok(()))?;
    let staging = Arc::clone(opened.writer.staging());
    let due = Arc::new(Due::default());
    let helper = has_helper.then(|| {
        let mut ahead = opened.writer.ahead();
        std::thread::spawn(move || ahead.run())
    });
    let stager = {
        let (staging, due) = (Arc::clone(&staging), Arc::clone(&due));
        std::thread::spawn(move || stage(&staging, &due, rate, seconds))
    };
    let mut latencies = Vec::new();
    opened.writer.run(|committed, _| {
        let now = Instant::now();
        let mut due = due.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        while let Some((_, begun)) = due.pop_front_if(|(seq, _)| *seq <= committed.head.seq) {
            latencies.push(micros(now.duration_since(begun)));
        }
    })?;
    stager.join().map_err(|_panic| "the stager panicked")??;
    opened.writer.close()?;
    if let Some(helper) = helper {
        helper.join().map_err(|_panic| "the helper panicked")?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(latencies)
}

/// Stages `rate` transfers a second, each batch when it is due or as soon as it can; stops the
/// staging at the end.
fn stage(staging: &Staging, due: &Due, rate: u32, seconds: u64) -> Outcome<()> {
    let event = transfer().ok_or("a transfer that the rules allow")?;
    let begun = Instant::now();
    let mut staged = 0_u64;
    let mut tx_id = String::new();
    loop {
        let elapsed = begun.elapsed();
        if elapsed.as_secs() >= seconds {
            break;
        }
        let wanted = u64::from(rate) * micros(elapsed) / 1_000_000;
        let mut seq = Seq::ZERO;
        while staged < wanted {
            tx_id.clear();
            std::fmt::Write::write_fmt(&mut tx_id, format_args!("5f53aa10-{staged:027}"))?;
            let one = Staged::unindexed(1_764_000_000_000_000, &tx_id, &event);
            seq = staging.stage(one, || ([17, 4_711], 0)).map_err(|_| "the journal stopped")?.seq;
            staged += 1;
        }
        if seq > Seq::ZERO {
            let at = begun + elapsed;
            due.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push_back((seq, at));
            staging.wake();
        }
        std::thread::sleep(TICK);
    }
    staging.stop();
    Ok(())
}

fn transfer() -> Option<Event<'static>> {
    let [from, to] = ["account-000017", "account-004711"].map(|name| AccountId::new(name).ok());
    let transfer = Transfer::new(from?, to?, Amount::new(777).ok()?).ok()?;
    let balance = Balance::new(100_000)?;
    decide(Command::Transfer(transfer), &[balance, balance]).ok()
}
