//! One run: opens the connections, deals them out to threads, watches that something moves, and ends
//! early when somebody presses Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use client::{Pipe, Route};
use tokio::signal::ctrl_c;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::Load;
use super::choice::Choice;
use super::clock::{Clock, SECOND_NS};
use super::drive::{Driven, Driver, Plan, Shared};
use super::expected::Sent;
use super::fault::Fault;
use super::lane::{Desk, Lane};
use super::names::Names;
use super::pace::Pace;
use super::progress::Progress;
use super::replies::Room;
use super::requests::Requests;
use super::tally::Tally;
use super::workload::Script;

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A run in which nothing was answered for so long is over.
const STALL_MAX: Duration = Duration::from_secs(30);

/// Where and with what runs are made.
#[derive(Debug)]
pub struct Field<'a> {
    /// What to do.
    pub load: &'a Load,
    /// The server, and what is shown to it.
    pub route: Route,
    /// Most time to open one connection.
    pub patience: Duration,
    /// What names the accounts and the tx_ids of all runs.
    pub run: &'a str,
    /// The accounts.
    pub names: Arc<Names>,
    /// Which of them are chosen.
    pub choice: Choice,
}

/// What a run brought.
#[derive(Debug)]
pub struct Done {
    /// Counts and latencies of all connections.
    pub tally: Tally,
    /// From the beginning of the measurement to the last reply.
    pub elapsed: Duration,
    /// Whether it got as far as measuring.
    pub is_measured: bool,
    /// Whether somebody ended it early.
    pub is_interrupted: bool,
    /// What each connection sent; all of it was answered.
    pub sent: Vec<Sent>,
}

/// Makes run number `number`, from 0.
pub async fn run(field: &Field<'_>, number: u32, progress: &mut Progress) -> Result<Done, Fault> {
    let load = field.load;
    let streams = tokio::select! {
        streams = connect(field) => streams?,
        pressed = ctrl_c() => {
            pressed?;
            return Err(Fault::Interrupted);
        }
    };
    let shared = Arc::new(Shared::default());
    let begin = Instant::now();
    let measure_ns = u64::from(load.warmup_secs) * SECOND_NS;
    let clock = Clock::start();
    let threads = threads(load);
    let (results, mut ended) = mpsc::channel(threads.len());
    for (thread, streams) in deal(streams, threads.len()).into_iter().enumerate() {
        let rate = threads.get(thread).copied().flatten();
        let lanes = streams
            .into_iter()
            .map(|(place, stream)| lane(field, number * load.conns + place, stream))
            .collect();
        let plan = Plan {
            pace: rate.map(Pace::new),
            measure_ns,
            end_ns: measure_ns + u64::from(load.secs) * SECOND_NS,
        };
        let tally = Tally::new(load.secs).map_err(|_| Fault::NoRoom)?;
        let desk = Desk { room: Room::new(), tally, clock };
        let driver = Driver::new(lanes, desk, plan, Arc::clone(&shared))?;
        let results = results.clone();
        thread::Builder::new().name(format!("load-{thread}")).spawn(move || {
            // Nobody waits for the result of a run that was given up.
            drop(results.blocking_send(driver.drive()));
        })?;
    }
    drop(results);
    let watched = watch(&shared, &mut ended, begin, progress).await;
    if watched.is_err() {
        shared.abandon.store(true, Ordering::Relaxed);
    }
    let (driven, is_interrupted) = watched?;
    if driven.len() < threads.len() {
        return Err(Fault::Crashed);
    }
    sum_up(driven, load, measure_ns, is_interrupted)
}

/// Waits for all threads. Ctrl-C once: no new requests. Twice: an error.
async fn watch(
    shared: &Shared,
    ended: &mut mpsc::Receiver<Result<Driven, Fault>>,
    begin: Instant,
    progress: &mut Progress,
) -> Result<(Vec<Driven>, bool), Fault> {
    let mut all = Vec::new();
    let mut still = Still { count: 0, since: begin };
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            driven = ended.recv() => match driven {
                Some(driven) => all.push(driven?),
                None => return Ok((all, shared.stop.load(Ordering::Relaxed))),
            },
            pressed = ctrl_c() => {
                pressed?;
                if shared.stop.swap(true, Ordering::Relaxed) {
                    return Err(Fault::Interrupted);
                }
            }
            _ = ticks.tick() => {
                let count = shared.answered.load(Ordering::Relaxed);
                still.look(count, Instant::now())?;
                progress.show(begin.elapsed(), count);
            }
        }
    }
}

fn sum_up(
    driven: Vec<Driven>,
    load: &Load,
    measure_ns: u64,
    is_interrupted: bool,
) -> Result<Done, Fault> {
    let mut tally = Tally::new(load.secs).map_err(|_| Fault::NoRoom)?;
    let (mut ended_ns, mut is_measured, mut sent) = (measure_ns, true, Vec::new());
    for one in driven {
        sent.extend(one.sent);
        ended_ns = ended_ns.max(one.ended_ns);
        is_measured &= one.is_measured;
        tally.merge(one.tally).map_err(|_| Fault::NoRoom)?;
    }
    let elapsed = Duration::from_nanos(ended_ns - measure_ns);
    Ok(Done { tally, elapsed, is_measured, is_interrupted, sent })
}

/// The rate of each thread, `None` in a closed loop; no thread is without connection or rate.
fn threads(load: &Load) -> Vec<Option<u32>> {
    let count = load.threads.min(load.conns).min(load.rate.unwrap_or(u32::MAX)).max(1);
    let up_to = |rate: u32, thread: u32| {
        let share = u64::from(rate) * u64::from(thread) / u64::from(count);
        u32::try_from(share).unwrap_or(rate)
    };
    (0..count)
        .map(|thread| load.rate.map(|rate| up_to(rate, thread + 1) - up_to(rate, thread)))
        .collect()
}

/// Deals connections out, each with its place.
fn deal(streams: Vec<Pipe>, threads: usize) -> Vec<Vec<(u32, Pipe)>> {
    let mut dealt: Vec<Vec<(u32, Pipe)>> = (0..threads).map(|_| Vec::new()).collect();
    for ((place, stream), thread) in (0..).zip(streams).zip((0..threads).cycle()) {
        if let Some(hand) = dealt.get_mut(thread) {
            hand.push((place, stream));
        }
    }
    dealt
}

fn lane(field: &Field<'_>, number: u32, stream: Pipe) -> Lane {
    let script = Script::new(field.load, number, field.choice.clone());
    let requests = Requests::new(script, number, Arc::clone(&field.names), field.run);
    Lane::new(stream, requests, field.load.depth)
}

async fn connect(field: &Field<'_>) -> Result<Vec<Pipe>, Fault> {
    let mut streams = Vec::new();
    for _ in 0..field.load.conns {
        let (route, patience) = (field.route.clone(), field.patience);
        let opening = tokio::task::spawn_blocking(move || Pipe::open(&route, patience));
        let opened = opening.await.map_err(|_| Fault::Crashed)?;
        streams.push(opened.map_err(Fault::NotOpened)?);
    }
    Ok(streams)
}

/// Since when nothing has moved.
struct Still {
    count: u64,
    since: Instant,
}

impl Still {
    fn look(&mut self, count: u64, now: Instant) -> Result<(), Fault> {
        if count != self.count {
            *self = Self { count, since: now };
        }
        if now - self.since > STALL_MAX { Err(Fault::Stalled(STALL_MAX)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workload::Workload;

    #[test]
    fn a_run_that_stands_still_is_ended_and_one_that_moves_is_not() {
        let begin = Instant::now();
        let mut still = Still { count: 0, since: begin };
        let at = |secs| begin + Duration::from_secs(secs);
        assert!(still.look(10, at(29)).is_ok());
        assert!(still.look(10, at(59)).is_ok());
        assert!(matches!(still.look(10, at(60)), Err(Fault::Stalled(_))));
    }

    #[test]
    fn threads_share_the_rate_and_none_is_idle() {
        let load =
            |threads, conns, rate| Load { threads, conns, rate, ..Load::of(Workload::Transfer, 2) };
        assert_eq!(
            threads(&load(3, 16, Some(100_000))),
            [Some(33_333), Some(33_333), Some(33_334)]
        );
        assert_eq!(threads(&load(8, 2, None)), [None, None]);
        assert_eq!(threads(&load(8, 16, Some(2))), [Some(1), Some(1)]);
    }
}
