//! Work spread over threads, its results taken one after the other in the order of the jobs.
//!
//! **Invariant:** no more than `ahead` results wait for the taker, so that memory is bounded
//! whatever the number of jobs.
//! **Invariant:** without workers the jobs run on the calling thread, each when its result is asked
//! for: so a simulation counts the same disk operations in every run.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::progress::Meter;
use crate::sync::{Condvar, Mutex, lock};

/// Below so many bytes threads cost more than they give.
const BYTES_MIN: u64 = 8 << 20;

/// How long the taker waits before it looks how far the jobs have come. Bounds nothing else.
const LOOK_AFTER: Duration = Duration::from_millis(50);

/// How many threads help to read a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    count: usize,
    /// They help with so many bytes or more.
    bytes_min: u64,
}

impl Workers {
    /// None: everything happens on the calling thread, in the same order every time.
    pub const NONE: Self = Self { count: 0, bytes_min: 0 };

    /// One for every core of this machine; none for a small folder.
    pub fn of_this_machine() -> Self {
        // Asked once: the answer takes several system calls, and a small folder needs none of it.
        static CORES: LazyLock<usize> =
            LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
        Self { count: *CORES, bytes_min: BYTES_MIN }
    }

    /// So many, however small the folder is.
    pub const fn always(count: usize) -> Self {
        Self { count, bytes_min: 0 }
    }

    /// How many help with `bytes`.
    pub(crate) fn for_bytes(self, bytes: u64) -> usize {
        if bytes < self.bytes_min { 0 } else { self.count }
    }
}

/// What is to be done by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How many threads; 0: the calling one.
    pub(crate) workers: usize,
    /// How many jobs, numbered from 0.
    pub(crate) jobs: usize,
    /// How many results may wait or be under way.
    pub(crate) ahead: usize,
}

/// Counts the bytes that the jobs have done.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    /// So many more are done.
    pub(crate) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs the jobs of `plan`: `work` gets the number of a job and, to use its memory again, a result
/// that was given back. `take` takes the results in order. What is not taken may not have been
/// done.
pub(crate) fn in_order<T: Send, R>(
    plan: Plan,
    meter: &mut Meter<'_>,
    work: impl Fn(usize, Option<T>, &Tally) -> T + Sync,
    take: impl FnOnce(&mut Results<'_, '_, T>) -> R,
) -> R {
    let tally = Tally::default();
    if plan.workers == 0 {
        let work = &|job, spare| work(job, spare, &tally);
        let source = Source::Here { work, next: 0, spare: None };
        take(&mut Results { plan, source, tally: &tally, meter })
    } else {
        let shared = Shared { state: Mutex::default(), done: Condvar::new(), room: Condvar::new() };
        std::thread::scope(|scope| {
            for _ in 0..plan.workers.min(plan.jobs) {
                scope.spawn(|| shared.work(plan, |job, spare| work(job, spare, &tally)));
            }
            // However taking ends, whoever waits for room learns that nobody takes any more.
            let _end = End(&shared);
            let source = Source::Workers(&shared);
            take(&mut Results { plan, source, tally: &tally, meter })
        })
    }
}

/// The results of the jobs, in order.
pub(crate) struct Results<'r, 'p, T> {
    plan: Plan,
    source: Source<'r, T>,
    tally: &'r Tally,
    meter: &'r mut Meter<'p>,
}

enum Source<'r, T> {
    Here { work: &'r dyn Fn(usize, Option<T>) -> T, next: usize, spare: Option<T> },
    Workers(&'r Shared<T>),
}

impl<T> Results<'_, '_, T> {
    /// The next one; `None` behind the last.
    pub(crate) fn next(&mut self) -> Option<T> {
        match &mut self.source {
            Source::Here { work, next, spare } => {
                if *next == self.plan.jobs {
                    return None;
                }
                let result = work(*next, spare.take());
                *next += 1;
                self.meter.at(self.tally.get());
                Some(result)
            }
            Source::Workers(shared) => shared.take(self.plan, || self.meter.at(self.tally.get())),
        }
    }

    /// Gives a result back, so that a later job can use its memory.
    pub(crate) fn give_back(&mut self, result: T) {
        match &mut self.source {
            Source::Here { spare, .. } => *spare = Some(result),
            Source::Workers(shared) => lock(&shared.state).spare.push(result),
        }
    }
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// Told when a result is there, or a worker is lost.
    done: Condvar,
    /// Told when there is room for another result, or nobody takes any more.
    room: Condvar,
}

struct State<T> {
    /// The next job that nobody has.
    next: usize,
    /// How many results were taken.
    taken: usize,
    /// The results from `taken` on, as far as they are there.
    results: VecDeque<Option<T>>,
    spare: Vec<T>,
    ended: bool,
    worker_lost: bool,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        let (results, spare) = (VecDeque::new(), Vec::new());
        Self { next: 0, taken: 0, results, spare, ended: false, worker_lost: false }
    }
}

impl<T> Shared<T> {
    fn work(&self, plan: Plan, work: impl Fn(usize, Option<T>) -> T) {
        let lost = Lost(self);
        loop {
            let (job, spare) = {
                let mut state = lock(&self.state);
                while state.next < plan.jobs
                    && state.next >= state.taken + plan.ahead
                    && !state.ended
                {
                    state = waited(self.room.wait(state));
                }
                if state.ended || state.next == plan.jobs {
                    break;
                }
                let job = state.next;
                state.next += 1;
                state.results.push_back(None);
                (job, state.spare.pop())
            };
            let result = work(job, spare);
            let mut state = lock(&self.state);
            let place = job - state.taken;
            if let Some(slot) = state.results.get_mut(place) {
                *slot = Some(result);
            }
            drop(state);
            self.done.notify_one();
        }
        std::mem::forget(lost);
    }

    fn take(&self, plan: Plan, mut look: impl FnMut()) -> Option<T> {
        let mut state = lock(&self.state);
        if state.taken == plan.jobs {
            return None;
        }
        while !matches!(state.results.front(), Some(Some(_))) {
            assert!(!state.worker_lost, "a thread that read ahead panicked");
            state = waited(self.done.wait_timeout(state, LOOK_AFTER)).0;
            // Told without the lock: nobody waits for whoever listens.
            drop(state);
            look();
            state = lock(&self.state);
        }
        let result = state.results.pop_front().flatten();
        state.taken += 1;
        drop(state);
        self.room.notify_one();
        look();
        result
    }
}

fn waited<T>(waited: Result<T, std::sync::PoisonError<T>>) -> T {
    match waited {
        Ok(waited) => waited,
        Err(_) => panic!("another thread panicked while it held this lock"),
    }
}

/// Ends the work when it is dropped.
struct End<'s, T>(&'s Shared<T>);

impl<T> Drop for End<'_, T> {
    fn drop(&mut self) {
        lock(&self.0.state).ended = true;
        self.0.room.notify_all();
    }
}

/// Says that a worker is lost when it is dropped, which only a panic does.
struct Lost<'s, T>(&'s Shared<T>);

impl<T> Drop for Lost<'_, T> {
    fn drop(&mut self) {
        lock(&self.0.state).worker_lost = true;
        self.0.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::progress::Phase;

    fn plan(workers: usize, jobs: usize, ahead: usize) -> Plan {
        Plan { workers, jobs, ahead }
    }

    fn quiet() -> Meter<'static> {
        Meter::begin(&|_| {}, Phase::Proving, 0)
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs_whoever_does_them() {
        for (workers, ahead) in [(0, 1), (1, 1), (2, 1), (3, 2), (4, 100)] {
            let taken = in_order(
                plan(workers, 100, ahead),
                &mut quiet(),
                |job, _spare, _tally| job * 3,
                |results| std::iter::from_fn(|| results.next()).collect::<Vec<_>>(),
            );
            let expected: Vec<usize> = (0..100).map(|job| job * 3).collect();
            assert_eq!(taken, expected, "{workers} workers, {ahead} ahead");
        }
    }

    #[test]
    fn no_job_is_begun_further_ahead_than_the_plan_allows() {
        let begun = AtomicUsize::new(0);
        in_order(
            plan(3, 50, 4),
            &mut quiet(),
            |_, _spare, _tally| begun.fetch_add(1, Ordering::SeqCst),
            |results| {
                let mut taken = 0;
                while results.next().is_some() {
                    taken += 1;
                    assert!(begun.load(Ordering::SeqCst) <= taken + 4);
                }
            },
        );
        assert_eq!(begun.into_inner(), 50);
    }

    #[test]
    fn whoever_takes_no_more_leaves_the_rest_undone() {
        let begun = AtomicUsize::new(0);
        let first = in_order(
            plan(2, 1_000_000, 2),
            &mut quiet(),
            |job, _spare, _tally| {
                begun.fetch_add(1, Ordering::SeqCst);
                job
            },
            |results| results.next(),
        );
        assert_eq!(first, Some(0));
        assert!(begun.into_inner() <= 3);
    }

    #[test]
    fn what_is_given_back_is_used_again() {
        for workers in [0, 1] {
            let fresh = AtomicUsize::new(0);
            in_order(
                plan(workers, 20, 1),
                &mut quiet(),
                |_, spare: Option<Vec<u8>>, _tally| {
                    spare.unwrap_or_else(|| {
                        fresh.fetch_add(1, Ordering::SeqCst);
                        Vec::new()
                    })
                },
                |results| {
                    while let Some(result) = results.next() {
                        results.give_back(result);
                    }
                },
            );
            // The second may be begun before the first is given back.
            assert!(fresh.into_inner() <= 2 + workers, "{workers} workers");
        }
    }
}
