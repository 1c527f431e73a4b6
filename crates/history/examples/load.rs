//! What the index costs: appends transfers between random accounts with a new tx_id each, does all
//! background work, and says what each part took per event, what look-ups take then, and what lies in
//! memory and on the disk.
//!
//! ```sh
//! cargo run --release -p history --example load -- EVENTS [FOLDER]
//! ```
//!
//! Everything happens on one thread, so its CPU time, which the kernel counts in nanoseconds, is the
//! index's own; writing back to the disk is the kernel's and not in it. Without a FOLDER, which must
//! be empty and is left as it is then, it is a temporary one (`TMPDIR` says where) and is removed.
//! Linux only.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use history::{Group, History, Options, Work};
use journal::disk::RealDisk;
use journal::{Hash, Head, LedgerId, Traces};
use ledger::Seq;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ACCOUNTS: u64 = 10_000;
const EVENTS_PER_GROUP: u64 = 256;
const LINE_BYTES: u32 = 170;
/// Whole groups, about as many events as fit in a file of 256 MiB.
const FILE_EVENTS: u64 = 6_000 * EVENTS_PER_GROUP;

/// CPU time of this thread, in nanoseconds, by what it was spent on.
#[derive(Default)]
struct Spent {
    hash: u64,
    append: u64,
    sort: u64,
    flush: u64,
    merge: u64,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (events, kept) = match arguments.as_slice() {
        [events] => (events, None),
        [events, folder] => (events, Some(Path::new(folder))),
        _ => return Err("usage: load EVENTS [FOLDER]".into()),
    };
    let events: u64 = events.parse()?;
    let temporary = tempfile::tempdir()?;
    let disk = Arc::new(RealDisk::open(kept.unwrap_or(temporary.path()))?);
    let ledger = LedgerId(0x5a1d0);
    let (index, _) = History::open(Arc::clone(&disk), ledger, Options::default())?;

    let started = Instant::now();
    let spent = fill(&index, events)?;
    let seconds = started.elapsed().as_secs_f64();
    report(&spent, events, seconds);
    look_up(&index, events)?;
    let usage = index.usage();
    println!("runs {}", usage.runs_count);
    println!(
        "memory: fences {} kB, filter {} kB",
        usage.fences_bytes / 1_000,
        usage.filter_bytes / 1_000
    );
    println!("disk {} MB, {} bytes/event", usage.disk_bytes / 1_000_000, usage.disk_bytes / events);

    drop(index);
    let started = Instant::now();
    let (_, opened) = History::open(disk, ledger, Options::default())?;
    if opened.indexed.seq.get() != events {
        return Err("the index is not complete".into());
    }
    println!("start {} ms, all threads", started.elapsed().as_millis());
    Ok(())
}

/// Appends `events` events and does all work in between and afterwards.
fn fill(index: &History<RealDisk>, events: u64) -> Outcome<Spent> {
    let mut spent = Spent::default();
    let mut random = Random(1);
    let mut traces = Traces::default();
    let mut seq = 0;
    while seq < events {
        let first = seq + 1;
        let count = EVENTS_PER_GROUP.min(events - seq);
        let tx_ids: Vec<String> = (first..first + count).map(tx_id).collect();
        let before = cpu_ns()?;
        let hashes: Vec<u64> = tx_ids.iter().map(|tx_id| index.hash(tx_id)).collect();
        spent.hash += cpu_ns()? - before;
        traces.clear();
        for hash in hashes {
            let accounts = [random.account()?, random.account()?];
            traces.push(hash, LINE_BYTES, &accounts);
        }
        seq += count;
        // The first event of all is taken to have opened every account.
        let accounts_count = ACCOUNTS;
        let head = Head { seq: Seq::new(seq), at_us: seq, accounts_count, ..Head::default() };
        let slice = traces.slice(0, traces.len(), Seq::new(first));
        let file_first = (first - 1) / FILE_EVENTS * FILE_EVENTS + 1;
        let offset = 200 + (first - file_first) * u64::from(LINE_BYTES);
        let before = cpu_ns()?;
        index.append(Group {
            head,
            seal: Hash::ZERO,
            traces: slice,
            file_first: Seq::new(file_first),
            offset,
        });
        spent.append += cpu_ns()? - before;
        work(index, &mut spent, false)?;
    }
    work(index, &mut spent, true)?;
    work(index, &mut spent, false)?;
    Ok(spent)
}

fn work(index: &History<RealDisk>, spent: &mut Spent, flush_all: bool) -> Outcome<()> {
    loop {
        let before = cpu_ns()?;
        let done = index.work(&|number| Some(format!("acct-{number:07}")), flush_all)?;
        let took = cpu_ns()? - before;
        match done {
            Work::Idle => return Ok(()),
            Work::Sorted => spent.sort += took,
            Work::Flushed(_) => spent.flush += took,
            Work::Merged => spent.merge += took,
        }
    }
}

fn report(spent: &Spent, events: u64, seconds: f64) {
    let Spent { hash, append, sort, flush, merge } = *spent;
    println!("{events} events in {seconds:.1} s, the making of them included");
    println!("CPU per event, in ns:");
    println!("  hash of the tx_id {}", hash / events);
    println!("  append {}", append / events);
    println!("  sort {}", sort / events);
    println!("  flush {}", flush / events);
    println!("  merge {}", merge / events);
    println!("  append, sort, flush and merge {}", (append + sort + flush + merge) / events);
}

fn look_up(index: &History<RealDisk>, events: u64) -> Outcome<()> {
    const MANY: u64 = 1_000_000;
    let fresh: Vec<u64> = (0..MANY).map(|n| index.hash(&format!("new-{n}"))).collect();
    let before = cpu_ns()?;
    let passed = fresh.iter().filter(|hash| index.may_hold(**hash)).count();
    println!("new tx_id: {} ns, {passed} of {MANY} pass", (cpu_ns()? - before) / MANY);

    const SOME: u64 = 10_000;
    let mut random = Random(2);
    let before = Instant::now();
    for _ in 0..SOME {
        let seq = random.number() % events + 1;
        let hash = index.hash(&tx_id(seq));
        let found = index.may_hold(hash) && index.seqs_of_hash(hash)?.contains(&Seq::new(seq));
        if !found {
            return Err(format!("the tx_id of seq {seq} is not found").into());
        }
    }
    println!("old tx_id: {} us", micros(before) / SOME);

    let before = Instant::now();
    for _ in 0..SOME {
        let to = Seq::new(random.number() % events + 1);
        black_box(index.seqs_of_account(random.account()?, Seq::ZERO, to, true, 100)?);
    }
    println!("100 events of an account, newest first: {} us", micros(before) / SOME);

    let before = Instant::now();
    for _ in 0..SOME {
        black_box(index.place_of(Seq::new(random.number() % events + 1))?);
    }
    println!("place of an event: {} us", micros(before) / SOME);
    Ok(())
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn tx_id(seq: u64) -> String {
    format!("bench-7f3a-{seq:012}")
}

/// CPU time of this thread in nanoseconds: the first figure of its `schedstat`.
fn cpu_ns() -> Outcome<u64> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(stat.split(' ').next().ok_or("no figure")?.parse()?)
}

/// `SplitMix64`, after G. L. Steele, D. Lea and C. H. Flood, OOPSLA 2014.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn account(&mut self) -> Outcome<u32> {
        Ok(u32::try_from(self.number() % ACCOUNTS)?)
    }
}
