//! What one durable write costs on a disk: latencies of groups written and synced into padded
//! bytes, by size, by way of syncing, and with the padding extended beside them.
//!
//! `cargo run --release -p journal --example sync -- FOLDER [ROUNDS]`
//!
//! The variants take turns in every round, so that what else the machine does meets all of them;
//! printed are medians over the rounds. Not here: the bank itself (`saldo bench` measures that).

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::io::{ReadWriteFlags, pwritev2};

/// Groups of each size that one variant writes in a round, and the most bytes of them.
const GROUPS: usize = 1_000;
const ROUND_BYTES: usize = 32 << 20;
/// A busy bank pauses between two groups while the next one gathers.
const PAUSE: Duration = Duration::from_micros(100);
/// What is padded before the first group where a helper extends it.
const FIRST_PADDING: u64 = 4 << 20;
/// How far ahead of the writer a helper keeps the padding.
const AHEAD: u64 = 4 << 20;

static NEWLINES: [u8; 1 << 20] = [b'\n'; 1 << 20];

/// How bytes become durable.
#[derive(Clone, Copy)]
enum Way {
    /// `pwrite`, then `fdatasync` of the whole file.
    Sync,
    /// One `pwritev2` with `RWF_DSYNC`.
    Dsync,
}

/// Who extends the padding.
#[derive(Clone, Copy)]
enum Padding {
    /// Nobody: all of it is there before the first group.
    Before,
    /// The writer itself, between two groups, in steps of so many bytes.
    Inline(u64),
    /// A second thread, in steps of so many bytes.
    Helper(Way, u64),
    /// As [`Padding::Before`], while a second thread pads another file as fast as this one fills,
    /// in steps of so many bytes.
    Aside(u64),
}

impl Way {
    fn write(self, file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        match self {
            Self::Sync => {
                file.write_all_at(bytes, offset)?;
                file.sync_data()
            }
            Self::Dsync => {
                while !bytes.is_empty() {
                    let slices = [IoSlice::new(bytes)];
                    let count = pwritev2(file, &slices, offset, ReadWriteFlags::DSYNC)?;
                    bytes = bytes.get(count..).unwrap_or_default();
                    offset += count as u64;
                }
                Ok(())
            }
        }
    }
}

/// The names of the variants, and what they are.
fn variants() -> Vec<(String, Way, Padding)> {
    let mut all = Vec::new();
    for (name, way) in [("fdatasync", Way::Sync), ("RWF_DSYNC", Way::Dsync)] {
        all.push((format!("{name}, padded before"), way, Padding::Before));
        all.push((format!("{name}, extends by 16 MiB"), way, Padding::Inline(16 << 20)));
        for (helper_name, helper) in [("fdatasync", Way::Sync), ("RWF_DSYNC", Way::Dsync)] {
            for kib in [64, 256, 1024] {
                let text = format!("{name}, helper {helper_name} {kib} KiB");
                all.push((text, way, Padding::Helper(helper, kib << 10)));
            }
        }
        for kib in [256, 1024] {
            all.push((format!("{name}, other file {kib} KiB"), way, Padding::Aside(kib << 10)));
        }
    }
    all
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "which folder?"));
    };
    let rounds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(5_usize);
    let mut out = io::stdout().lock();
    for group_bytes in [4 << 10, 16 << 10, 64 << 10, 256 << 10] {
        let variants = variants();
        let mut figures: Vec<[Vec<u64>; 3]> = vec![Default::default(); variants.len()];
        for _ in 0..rounds {
            for ((_, way, padding), figures) in variants.iter().zip(&mut figures) {
                let mut latencies = round(Path::new(&folder), group_bytes, *way, *padding)?;
                latencies.sort_unstable();
                for (figure, place) in figures.iter_mut().zip([50, 99, 100]) {
                    figure.push(percentile(&latencies, place));
                }
            }
        }
        writeln!(out, "groups of {} KiB, microseconds, medians of {rounds}", group_bytes >> 10)?;
        writeln!(out, "{:36} {:>8} {:>8} {:>8}", "", "p50", "p99", "max")?;
        for ((name, _, _), figures) in variants.iter().zip(&mut figures) {
            let [p50, p99, max] = figures.each_mut().map(|of_rounds| {
                of_rounds.sort_unstable();
                percentile(of_rounds, 50)
            });
            writeln!(out, "{name:36} {p50:>8} {p99:>8} {max:>8}")?;
        }
    }
    Ok(())
}

fn percentile(sorted: &[u64], place: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * place / 100).min(last)).copied().unwrap_or(0)
}

/// Writes groups into a new file; returns what each took, in microseconds. What the writer waits for
/// its padding is part of the group that waited.
fn round(folder: &Path, group_bytes: usize, way: Way, padding: Padding) -> io::Result<Vec<u64>> {
    let path = folder.join("sync-example");
    let file = Arc::new(File::create(&path)?);
    let groups = GROUPS.min(ROUND_BYTES / group_bytes);
    let total = (groups * group_bytes) as u64;
    let first = match padding {
        Padding::Before | Padding::Aside(_) => total,
        Padding::Inline(_) | Padding::Helper(..) => FIRST_PADDING,
    };
    extend(&file, 0, first, 1 << 20, Way::Sync)?;
    file.sync_all()?;
    let padded_to = Arc::new(AtomicU64::new(first));
    let end = Arc::new(AtomicU64::new(0));
    let helper = match padding {
        Padding::Helper(helper, step) => {
            // A handle of its own: a failed sync is told to each handle once.
            let own = File::options().write(true).open(&path)?;
            let (padded_to, end) = (Arc::clone(&padded_to), Arc::clone(&end));
            Some(std::thread::spawn(move || {
                keep_ahead(&own, helper, step, total, &padded_to, &end)
            }))
        }
        Padding::Aside(step) => {
            let other = File::create(folder.join("sync-example-aside"))?;
            let end = Arc::clone(&end);
            let padded_to = AtomicU64::new(0);
            Some(std::thread::spawn(move || {
                keep_ahead(&other, Way::Sync, step, total, &padded_to, &end)
            }))
        }
        Padding::Before | Padding::Inline(_) => None,
    };
    let group = vec![b'x'; group_bytes];
    let mut latencies = Vec::with_capacity(groups);
    for number in 0..groups {
        let offset = (number * group_bytes) as u64;
        let begun = Instant::now();
        let needed = offset + group_bytes as u64;
        if let (Padding::Inline(step), true) = (padding, needed > padded_to.load(Ordering::Acquire))
        {
            let from = padded_to.fetch_add(step, Ordering::AcqRel);
            extend(&file, from, from + step, 1 << 20, Way::Sync)?;
            file.sync_all()?;
        }
        while needed > padded_to.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        way.write(&file, &group, offset)?;
        end.store(needed, Ordering::Release);
        latencies.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
        std::thread::sleep(PAUSE);
    }
    if let Some(helper) = helper {
        helper.join().map_err(|_panic| io::Error::other("the helper panicked"))??;
    }
    drop(file);
    std::fs::remove_file(&path)?;
    if matches!(padding, Padding::Aside(_)) {
        std::fs::remove_file(folder.join("sync-example-aside"))?;
    }
    Ok(latencies)
}

/// The helper: extends the padding until `total`, never further ahead than it must be.
fn keep_ahead(
    file: &File,
    way: Way,
    step: u64,
    total: u64,
    padded_to: &AtomicU64,
    end: &AtomicU64,
) -> io::Result<()> {
    loop {
        let from = padded_to.load(Ordering::Acquire);
        if from >= total {
            return Ok(());
        }
        if from < end.load(Ordering::Acquire) + AHEAD {
            extend(file, from, from + step, step, way)?;
            padded_to.store(from + step, Ordering::Release);
        } else {
            std::thread::sleep(PAUSE);
        }
    }
}

/// Writes newlines from `from` to `to`, `piece` bytes at a time.
fn extend(file: &File, from: u64, to: u64, piece: u64, way: Way) -> io::Result<()> {
    let mut offset = from;
    while offset < to {
        let len = usize::try_from(piece.min(to - offset)).unwrap_or(NEWLINES.len());
        let newlines = NEWLINES.get(..len).unwrap_or(&NEWLINES);
        way.write(file, newlines, offset)?;
        offset += newlines.len() as u64;
    }
    Ok(())
}
