//! The load: one and the same program for every peer. A few threads, each with several connections
//! that it waits for with `poll`.
//!
//! **Invariant:** every request is answered before a measurement ends, so that the books can be
//! compared to the last transfer.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::lane::Lane;
use super::latency::Latencies;
use super::wire::Dialect;
use super::workload::{Draw, Row};

/// Threads of the generator. Two, as one alone could be the bottleneck at a million a second, and
/// more would only take cores from the server.
const THREADS: u32 = 2;

/// How often a thread looks whether it should stop when nothing comes.
const LOOK_NANOS: i64 = 20_000_000;

/// How long the last answers may take.
const LAST_ANSWERS_TIME_MAX: Duration = Duration::from_secs(60);

/// How long a row runs.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Not counted, at the beginning.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

/// What one run of one row gave.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Transfers acknowledged per second, while it counted.
    pub per_second: u64,
    /// Transfers acknowledged in all, warm-up and last answers included.
    pub acknowledged: u64,
    /// Half of the answers came within this time.
    pub p50: Duration,
    /// 99 of 100 answers came within this time.
    pub p99: Duration,
    /// Processor time of the generator per transfer, where the system tells it.
    pub generator_nanos: Option<u64>,
}

/// What the threads share with the one that holds the clock.
#[derive(Debug, Default)]
struct Board {
    acknowledged: AtomicU64,
    counts: AtomicBool,
    stop: AtomicBool,
}

/// What a thread comes back with.
struct Share {
    acknowledged: u64,
    latencies: Latencies,
    processor_nanos: Option<u64>,
}

/// Runs one row.
pub fn run(
    address: SocketAddr,
    dialect: Dialect,
    row: Row,
    accounts: u32,
    times: Times,
) -> Result<Measured> {
    let mut groups: Vec<Vec<Lane>> = (0..THREADS).map(|_| Vec::new()).collect();
    for connection in 0..row.connections {
        let draw = Draw::new(row, connection, accounts);
        let lane = Lane::open(address, dialect, draw, row.depth)
            .with_context(|| format!("connection {connection}"))?;
        let group = usize::try_from(connection % THREADS)?;
        groups.get_mut(group).context("there is a group for each thread")?.push(lane);
    }
    let board = Board::default();
    thread::scope(|scope| {
        let threads: Vec<_> = groups
            .into_iter()
            .map(|lanes| scope.spawn(|| drive(lanes, row.depth, &board)))
            .collect();
        wait(times.warm_up, &board);
        let (began, before) = (Instant::now(), board.acknowledged.load(Ordering::Relaxed));
        board.counts.store(true, Ordering::Relaxed);
        wait(times.measured, &board);
        let (took, after) = (began.elapsed(), board.acknowledged.load(Ordering::Relaxed));
        board.counts.store(false, Ordering::Relaxed);
        board.stop.store(true, Ordering::Relaxed);
        let mut whole =
            Share { acknowledged: 0, latencies: Latencies::new(), processor_nanos: Some(0) };
        for thread in threads {
            let Ok(share) = thread.join() else { bail!("a thread of the generator panicked") };
            let share = share?;
            whole.acknowledged += share.acknowledged;
            whole.latencies.add(&share.latencies);
            whole.processor_nanos =
                whole.processor_nanos.zip(share.processor_nanos).map(|(one, more)| one + more);
        }
        let per_second = u128::from(after - before) * 1_000_000_000 / took.as_nanos().max(1);
        Ok(Measured {
            per_second: u64::try_from(per_second)?,
            acknowledged: whole.acknowledged,
            p50: whole.latencies.within(500),
            p99: whole.latencies.within(990),
            generator_nanos: whole
                .processor_nanos
                .and_then(|nanos| nanos.checked_div(whole.acknowledged)),
        })
    })
}

/// Waits for `time`, or until a thread has failed.
fn wait(time: Duration, board: &Board) {
    let end = Instant::now() + time;
    while !board.stop.load(Ordering::Relaxed) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(Duration::from_millis(100)));
    }
}

/// A thread: keeps `depth` requests in flight on every lane until it is told to stop, then reads
/// the answers that are still to come.
fn drive(mut lanes: Vec<Lane>, depth: u32, board: &Board) -> Result<Share> {
    let result = drive_lanes(&mut lanes, depth, board);
    if result.is_err() {
        board.stop.store(true, Ordering::Relaxed); // nobody waits for a measurement that failed
    }
    result
}

fn drive_lanes(lanes: &mut [Lane], depth: u32, board: &Board) -> Result<Share> {
    let nanos_before = processor_nanos();
    let mut latencies = Latencies::new();
    for lane in &mut *lanes {
        lane.refill(depth, Instant::now())?;
    }
    let mut ready = vec![PollFlags::empty(); lanes.len()];
    let mut stopped: Option<Instant> = None;
    loop {
        if stopped.is_none() && board.stop.load(Ordering::Relaxed) {
            stopped = Some(Instant::now());
        }
        if let Some(stopped) = stopped {
            if lanes.iter().all(Lane::is_idle) {
                break;
            }
            ensure!(
                stopped.elapsed() < LAST_ANSWERS_TIME_MAX,
                "the last answers did not come within {LAST_ANSWERS_TIME_MAX:?}"
            );
        }
        wait_for_any(lanes, &mut ready)?;
        for (lane, ready) in lanes.iter_mut().zip(&ready) {
            if ready.is_empty() {
                continue;
            }
            if lane.has_unsent() && ready.intersects(PollFlags::OUT) {
                lane.send()?;
            }
            if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                let wanted = board.counts.load(Ordering::Relaxed).then_some(&mut latencies);
                let done = lane.receive(wanted)?;
                board.acknowledged.fetch_add(u64::from(done), Ordering::Relaxed);
                if stopped.is_none() {
                    lane.refill(done, Instant::now())?;
                }
            }
        }
    }
    let processor_nanos = processor_nanos().zip(nanos_before).map(|(after, before)| after - before);
    let acknowledged = lanes.iter().map(|lane| lane.acknowledged).sum();
    Ok(Share { acknowledged, latencies, processor_nanos })
}

/// Waits until a lane can go on, and says for each what it can do.
fn wait_for_any(lanes: &[Lane], ready: &mut [PollFlags]) -> Result<()> {
    // On the stack: this is called for every few requests.
    const LANES_MAX: usize = 64;
    ensure!(lanes.len() <= LANES_MAX, "too many connections for one thread");
    let Some(first) = lanes.first() else { return Ok(()) };
    let mut waited: [PollFd<'_>; LANES_MAX] =
        std::array::from_fn(|_| PollFd::new(first.stream(), PollFlags::IN));
    let waited = waited.get_mut(..lanes.len()).unwrap_or_default();
    for (lane, waited) in lanes.iter().zip(&mut *waited) {
        let unsent = if lane.has_unsent() { PollFlags::OUT } else { PollFlags::empty() };
        *waited = PollFd::new(lane.stream(), PollFlags::IN | unsent);
    }
    match poll(waited, Some(&Timespec { tv_sec: 0, tv_nsec: LOOK_NANOS })) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error).context("poll"),
    }
    for (ready, waited) in ready.iter_mut().zip(waited) {
        *ready = waited.revents();
    }
    Ok(())
}

/// Processor time of this thread so far; only Linux tells.
fn processor_nanos() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use super::{Times, run};
    use crate::peers::wire::Dialect;
    use crate::peers::workload::{ROWS, Row};

    const SHORT: Times = Times { warm_up: Duration::ZERO, measured: Duration::from_millis(50) };

    /// Answers every line with `answer`, and gives how many lines came on all connections.
    fn serve(listener: TcpListener, connections: u32, answer: &'static [u8]) -> u64 {
        let clients: Vec<_> = (0..connections)
            .map(|_| {
                let (stream, _) = listener.accept().unwrap();
                thread::spawn(move || {
                    let mut lines = 0;
                    for line in BufReader::new(&stream).split(b'\n') {
                        if line.is_err() || (&stream).write_all(answer).is_err() {
                            break; // the load was refused and has gone
                        }
                        lines += 1;
                    }
                    lines
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    }

    #[test]
    fn every_request_is_acknowledged_before_a_run_ends() {
        let row = Row { connections: 3, depth: 5, ..ROWS[0] };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || serve(listener, 3, b"{\"ok\":true}\n"));
        let measured = run(address, Dialect::Lines, row, 10, SHORT).unwrap();
        assert_eq!(server.join().unwrap(), measured.acknowledged);
        assert!(measured.acknowledged >= 15, "{measured:?}");
    }

    #[test]
    fn a_refusal_ends_the_run_with_its_text() {
        let row = Row { connections: 2, depth: 1, ..ROWS[0] };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || serve(listener, 2, b"{\"ok\":false}\n"));
        let fault = run(address, Dialect::Lines, row, 10, SHORT).unwrap_err();
        assert!(fault.to_string().contains("refused"), "{fault}");
        server.join().unwrap();
    }
}
