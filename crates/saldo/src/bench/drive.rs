//! One thread and its connections: it waits for whichever of them has replies, counts those, and
//! sends as many new requests (closed loop) or those that are due (open loop).
//!
//! **Invariant:** it reads while it waits to write, so that a server which stops reading until its
//! replies are taken never stops for ever.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use super::clock::{SECOND_NS, thread_cpu_ns};
use super::expected::Sent;
use super::fault::Fault;
use super::lane::{Desk, Lane};
use super::pace::Pace;
use super::tally::Tally;

/// Most connections that one wait tells about.
const EVENTS_MAX: usize = 1_024;

/// How long a wait is at most: so late a stop is noticed when nothing comes.
const WAIT_NS_MAX: u64 = 50_000_000;

/// What all threads of a run share.
#[derive(Debug, Default)]
pub struct Shared {
    /// Replies so far, for the progress shown and for noticing a standstill.
    pub answered: AtomicU64,
    /// No new requests: what is in flight is still awaited.
    pub stop: AtomicBool,
    /// Nothing more at all.
    pub abandon: AtomicBool,
}

/// What a thread is to do. Times are nanoseconds of the run.
#[derive(Debug)]
pub struct Plan {
    /// The schedule of an open loop.
    pub pace: Option<Pace>,
    /// When the measurement begins.
    pub measure_ns: u64,
    /// When the last request is sent.
    pub end_ns: u64,
}

/// What a thread brought.
#[derive(Debug)]
pub struct Driven {
    /// Counts and latencies.
    pub tally: Tally,
    /// When the last reply came.
    pub ended_ns: u64,
    /// Whether it got as far as measuring.
    pub is_measured: bool,
    /// What each connection sent; all of it was answered.
    pub sent: Vec<Sent>,
}

/// One thread's work.
#[derive(Debug)]
pub struct Driver {
    epoll: OwnedFd,
    lanes: Vec<Lane>,
    desk: Desk,
    plan: Plan,
    shared: Arc<Shared>,
    /// Requests in flight on all lanes.
    in_flight: u64,
    /// The lane that gets what is due next, and those that have something to send.
    turn: usize,
    to_send: Vec<usize>,
}

impl Driver {
    /// Watches the lanes. Errors: the system gives no event queue.
    pub fn new(
        lanes: Vec<Lane>,
        desk: Desk,
        plan: Plan,
        shared: Arc<Shared>,
    ) -> Result<Self, Fault> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        for (place, lane) in lanes.iter().enumerate() {
            epoll::add(&epoll, lane.stream(), EventData::new_u64(place as u64), EventFlags::IN)?;
        }
        let to_send = Vec::with_capacity(lanes.len());
        Ok(Self { epoll, lanes, desk, plan, shared, in_flight: 0, turn: 0, to_send })
    }

    /// Sends, reads and measures until the end, then reads the replies that are still to come.
    pub fn drive(mut self) -> Result<Driven, Fault> {
        if self.plan.pace.is_some() {
            // Otherwise the system wakes a thread up to 50 µs late, to save power.
            rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
        } else {
            self.fill()?;
        }
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut cpu_ns = None;
        loop {
            let now_ns = self.desk.clock.now_ns();
            if cpu_ns.is_none() && now_ns >= self.plan.measure_ns {
                if self.plan.measure_ns > 0 {
                    self.desk.tally.start_over(now_ns);
                }
                cpu_ns = Some(thread_cpu_ns());
            }
            if self.shared.abandon.load(Ordering::Relaxed) {
                return Err(Fault::Interrupted);
            }
            let is_over = now_ns >= self.plan.end_ns || self.shared.stop.load(Ordering::Relaxed);
            if is_over && self.in_flight == 0 {
                self.desk.tally.cpu_ns = thread_cpu_ns() - cpu_ns.unwrap_or_default();
                if let Some(pace) = &mut self.plan.pace {
                    let tally = &mut self.desk.tally;
                    pace.give_up(now_ns.min(self.plan.end_ns), |waited_ns, count| {
                        tally.withhold(waited_ns, count);
                    });
                }
                let is_measured = cpu_ns.is_some();
                let sent = self.lanes.iter().map(Lane::sent).collect();
                return Ok(Driven { tally: self.desk.tally, ended_ns: now_ns, is_measured, sent });
            }
            let wait_ns = if is_over { WAIT_NS_MAX } else { self.send_due(now_ns)? };
            self.wait(&mut events, wait_ns)?;
            for event in events.drain(..) {
                self.serve(event, !is_over)?;
            }
        }
    }

    /// Fills every lane, at the beginning of a closed loop.
    fn fill(&mut self) -> Result<(), Fault> {
        for place in 0..self.lanes.len() {
            let now_ns = self.desk.clock.now_ns();
            let Some(lane) = self.lanes.get_mut(place) else { break };
            let count = lane.room();
            lane.make(count, now_ns);
            self.in_flight += count;
            self.send(place)?;
        }
        Ok(())
    }

    /// Sends what an open loop has due, lane after lane, as far as they have room; how long there is
    /// nothing more to send.
    fn send_due(&mut self, now_ns: u64) -> Result<u64, Fault> {
        let Some(pace) = &mut self.plan.pace else { return Ok(WAIT_NS_MAX) };
        let mut wait_ns = WAIT_NS_MAX;
        let mut full = 0;
        while full < self.lanes.len() {
            let due = pace.next();
            if due.intended_ns > now_ns {
                wait_ns = (due.intended_ns - now_ns).min(WAIT_NS_MAX);
                break;
            }
            let place = self.turn;
            self.turn = if place + 1 < self.lanes.len() { place + 1 } else { 0 };
            let Some(lane) = self.lanes.get_mut(place) else { break };
            let count = due.count.min(lane.room());
            if count == 0 {
                full += 1;
                continue;
            }
            full = 0;
            lane.make(count, due.intended_ns);
            pace.take(count);
            self.in_flight += count;
            self.desk.tally.late(now_ns - due.intended_ns, count);
            self.to_send.push(place);
        }
        while let Some(place) = self.to_send.pop() {
            self.send(place)?;
        }
        Ok(wait_ns)
    }

    /// Waits until something can be read or written, or for so long.
    fn wait(&self, events: &mut Vec<Event>, wait_ns: u64) -> Result<(), Fault> {
        let timeout = Timespec {
            tv_sec: i64::try_from(wait_ns / SECOND_NS).unwrap_or_default(),
            tv_nsec: i64::try_from(wait_ns % SECOND_NS).unwrap_or_default(),
        };
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads one lane, and in a closed loop sends as many requests as replies came.
    fn serve(&mut self, event: Event, is_open: bool) -> Result<(), Fault> {
        let place = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
        let Some(lane) = self.lanes.get_mut(place) else { return Ok(()) };
        let (flags, mut has_more) = (event.flags, false);
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            let came = lane.read(&mut self.desk)?;
            self.in_flight -= came.replies;
            self.shared.answered.fetch_add(came.replies, Ordering::Relaxed);
            if is_open && self.plan.pace.is_none() && came.now_ns < self.plan.end_ns {
                lane.make(came.replies, came.now_ns);
                self.in_flight += came.replies;
                has_more = came.replies > 0;
            }
        }
        if has_more || flags.contains(EventFlags::OUT) { self.send(place) } else { Ok(()) }
    }

    /// Hands over what a lane has made, and has the system tell when it takes the rest.
    fn send(&mut self, place: usize) -> Result<(), Fault> {
        let Some(lane) = self.lanes.get_mut(place) else { return Ok(()) };
        let had_to_wait = lane.has_to_wait();
        let is_sent = lane.flush()?;
        if had_to_wait == is_sent {
            let flags = if is_sent { EventFlags::IN } else { EventFlags::IN | EventFlags::OUT };
            epoll::modify(&self.epoll, lane.stream(), EventData::new_u64(place as u64), flags)?;
        }
        Ok(())
    }
}
