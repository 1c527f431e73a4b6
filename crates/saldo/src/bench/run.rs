//! Opens the connections, drives them all, and watches that something moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use client::Address;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Load;
use super::fault::Fault;
use super::lane::Lane;
use super::names::Names;
use super::progress::Progress;
use super::requests::Requests;
use super::tally::Tally;

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A run in which nothing was answered for so long is over.
const STALL_MAX: Duration = Duration::from_secs(30);

/// What a run brought.
#[derive(Debug)]
pub struct Done {
    /// Counts and latencies of all connections.
    pub tally: Tally,
    /// From the first request to the last reply.
    pub elapsed: Duration,
}

/// Runs the load. `patience`: most time to open one connection.
pub async fn run(
    load: &Load,
    address: &Address,
    patience: Duration,
    run: &str,
    names: &Arc<Names>,
    mut progress: Progress,
) -> Result<Done, Fault> {
    let mut lanes = Vec::new();
    for lane in 0..load.conns {
        let stream = open(address, patience).await.map_err(Fault::NotOpened)?;
        let requests = Requests::new(load, lane, Arc::clone(names), run);
        lanes.push(Lane::new(stream, requests, Tally::new().map_err(|_| Fault::NoRoom)?));
    }
    let answered = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let end = begin + Duration::from_secs(u64::from(load.secs));
    let mut driving = JoinSet::new();
    for lane in lanes {
        let (depth, answered) = (load.depth, Arc::clone(&answered));
        driving.spawn(async move { lane.drive(depth, end, &answered).await });
    }
    let mut tally = Tally::new().map_err(|_| Fault::NoRoom)?;
    let mut watch = Watch { count: 0, since: begin };
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            joined = driving.join_next() => match joined {
                Some(Ok(lane)) => tally.merge(lane?).map_err(|_| Fault::NoRoom)?,
                Some(Err(_)) => return Err(Fault::Crashed),
                None => break,
            },
            _ = ticks.tick() => {
                let count = answered.load(Ordering::Relaxed);
                watch.look(count, Instant::now())?;
                progress.show(begin.elapsed(), count);
            }
        }
    }
    let elapsed = begin.elapsed();
    progress.finish(elapsed, tally.answered());
    Ok(Done { tally, elapsed })
}

async fn open(address: &Address, patience: Duration) -> std::io::Result<TcpStream> {
    let stream = timeout(patience, TcpStream::connect(address.as_str())).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Since when nothing has moved.
struct Watch {
    count: u64,
    since: Instant,
}

impl Watch {
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

    #[test]
    fn a_run_that_stands_still_is_ended_and_one_that_moves_is_not() {
        let begin = Instant::now();
        let mut watch = Watch { count: 0, since: begin };
        let at = |secs| begin + Duration::from_secs(secs);
        assert!(watch.look(10, at(29)).is_ok());
        assert!(watch.look(10, at(59)).is_ok());
        assert!(matches!(watch.look(10, at(60)), Err(Fault::Stalled(_))));
    }
}
