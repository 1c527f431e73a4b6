//! Many seeds, on several threads.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::config::Config;
use crate::run::run;
use crate::stats::Stats;
use crate::violation::Violation;

/// What stopped a sweep.
#[derive(Debug, thiserror::Error)]
pub enum Caught {
    /// A promise was broken.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// The code under test stopped itself.
    #[error(
        "seed {seed}: a panic: {message}\n\
         to repeat it: SALDO_SEED={seed} cargo test -p sim --test power_loss"
    )]
    Panic {
        /// The seed of the run.
        seed: u64,
        /// What the panic said.
        message: String,
    },
}

impl Caught {
    /// The seed that repeats it.
    pub fn seed(&self) -> u64 {
        match self {
            Self::Violation(violation) => violation.seed,
            Self::Panic { seed, .. } => *seed,
        }
    }
}

/// Runs every seed of `seeds` on `threads` threads; `progress` is told now and then how many are
/// done. Returns the counts of all runs together, or what the first seed caught that was not well.
pub fn sweep(
    seeds: Range<u64>,
    threads: usize,
    config: Config,
    progress: impl Fn(u64) + Sync,
) -> Result<Stats, Caught> {
    let next = AtomicU64::new(seeds.start);
    let done = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let outcome: Mutex<(Stats, Option<Caught>)> = Mutex::default();
    let work = || {
        let mut stats = Stats::default();
        let mut caught = None;
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            match run_one(seed, config) {
                Ok(one) => stats += one,
                Err(one) => {
                    stop.store(true, Ordering::Relaxed);
                    caught = Some(one);
                }
            }
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
        let mut outcome = outcome.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        outcome.0 += stats;
        if let Some(caught) = caught
            && outcome.1.as_ref().is_none_or(|first| caught.seed() < first.seed())
        {
            outcome.1 = Some(caught);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (stats, caught) = outcome.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    caught.map_or(Ok(stats), Err)
}

fn run_one(seed: u64, config: Config) -> Result<Stats, Caught> {
    match catch_unwind(AssertUnwindSafe(|| run(seed, config))) {
        Ok(result) => result.map_err(Caught::Violation),
        Err(panic) => Err(Caught::Panic { seed, message: message(&*panic) }),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
