//! Where events get their place: the buffer between the threads that execute and the one that
//! writes.
//!
//! **Invariant:** a seq is given here and nowhere else, while the caller holds the locks of the
//! accounts concerned; the order of the bytes in the buffer is the order of the seqs.
//! **Invariant:** the balance of `@world` is accumulated here, in that same order.
//! **Invariant:** no event gets a time that was settled before, whatever the clock says.
//! Not here: a bound on the buffer. Whoever stages has reserved room before it took any lock.

use std::time::Duration;

use ledger::{By, Event, Seq};

use crate::record;
use crate::sync::{Condvar, Mutex, lock};
use crate::trace::Traces;

/// The open half of the double buffer.
pub struct Staging {
    inner: Mutex<Inner>,
    /// Told when something was staged and the writer waits, and when staging stops.
    staged: Condvar,
    group_bytes_max: usize,
}

/// Why an event was not staged. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unstaged {
    /// The journal takes nothing more: it was closed, or a write failed.
    Stopped,
    /// The time that the event would have got lies behind its deadline.
    Late,
}

/// An event on its way to its place.
#[derive(Clone, Copy, Debug)]
pub struct Staged<'s, 'e> {
    /// The clock, in microseconds since the Unix epoch.
    pub now_us: u64,
    /// The latest time that the event may get; `None`: any.
    pub not_after_us: Option<u64>,
    /// Its idempotency key.
    pub tx_id: &'s str,
    /// The engine's hash of `tx_id`.
    pub tx_hash: u64,
    /// Who did it, if anybody is named.
    pub by: Option<&'s By<'s>>,
    /// What happened.
    pub event: &'s Event<'e>,
}

impl<'s, 'e> Staged<'s, 'e> {
    /// An event without a deadline, of a bank that has no index: numbers and hashes stand for
    /// nothing.
    pub fn unindexed(now_us: u64, tx_id: &'s str, event: &'s Event<'e>) -> Self {
        Self { now_us, not_after_us: None, tx_id, tx_hash: 0, by: None, event }
    }
}

/// Where an event was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its place in the one order.
    pub seq: Seq,
    /// Its time in microseconds since the Unix epoch.
    pub at_us: u64,
}

/// Staged lines, cut into groups; what the writer swaps out.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) bytes: Vec<u8>,
    pub(crate) cuts: Vec<Cut>,
    pub(crate) traces: Traces,
    /// Whether one of the lines says who did it.
    pub(crate) named: bool,
}

/// The end of one group in [`Taken::bytes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) end: usize,
    pub(crate) first: Seq,
    /// How many of [`Taken::traces`] stand before its end.
    pub(crate) traces_end: usize,
    /// The journal after its last event.
    pub(crate) head: Head,
}

/// Where the journal stands: the last event, and what the bank is as a whole after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Seq of the last event; zero before the first.
    pub seq: Seq,
    /// Balance of `@world` after it, in minor units.
    pub world: i128,
    /// Its time in microseconds since the Unix epoch.
    pub at_us: u64,
    /// All money that ever came in, in minor units: deposits, and balances that were set higher.
    /// What went out is `money_in + world`.
    pub money_in: i128,
    /// How many accounts were opened.
    pub accounts_count: u64,
}

struct Inner {
    bytes: Vec<u8>,
    cuts: Vec<Cut>,
    traces: Traces,
    /// Whether a line in `bytes` says who did it.
    named: bool,
    /// Where the open group begins in `bytes`, and its first seq.
    group_start: usize,
    group_first: Seq,
    head: Head,
    /// No event gets an earlier time, in microseconds since the Unix epoch.
    at_us_min: u64,
    stopped: bool,
    writer_waits: bool,
}

impl Staging {
    /// Staging that goes on after `head`.
    pub(crate) fn new(head: Head, group_bytes_max: usize) -> Self {
        let inner = Inner {
            bytes: Vec::new(),
            cuts: Vec::new(),
            traces: Traces::default(),
            named: false,
            group_start: 0,
            group_first: head.seq.next(),
            head,
            at_us_min: 0,
            stopped: false,
            writer_waits: false,
        };
        Self { inner: Mutex::new(inner), staged: Condvar::new(), group_bytes_max }
    }

    /// Says what the bank is as a whole, which the journal's lines do not: to be called once,
    /// before anything is staged.
    pub fn set_totals(&self, money_in: i128, accounts_count: u64) {
        let mut inner = lock(&self.inner);
        inner.head = Head { money_in, accounts_count, ..inner.head };
    }

    /// Gives an event its seq and its time (the clock's; if the clock went back, the last event's, or
    /// the first that is not settled) and appends its line to the open group. Call it with the
    /// accounts' locks held, then [`Staging::wake`] once they are released.
    /// `changed`: called once it is certain that the event gets its place; it opens the accounts
    /// that the event opens, says how many these are, and gives the numbers of all that the event
    /// changes. It may take no lock that another thread can hold.
    /// Errors: `Stopped`, `Late`; then nothing was staged and `changed` was not called.
    pub fn stage<N: AsRef<[u32]>>(
        &self,
        staged: Staged<'_, '_>,
        changed: impl FnOnce() -> (N, u32),
    ) -> Result<Placed, Unstaged> {
        let Staged { now_us, not_after_us, tx_id, tx_hash, by, event } = staged;
        let (world_delta, money_in) = (event.world_delta(), event.money_in());
        let mut guard = lock(&self.inner);
        let inner = &mut *guard;
        if inner.stopped {
            return Err(Unstaged::Stopped);
        }
        let seq = inner.head.seq.next();
        let at_us = inner.time_at(now_us);
        if not_after_us.is_some_and(|not_after_us| at_us > not_after_us) {
            return Err(Unstaged::Late);
        }
        let (accounts, opened_count) = changed();
        let line_start = inner.bytes.len();
        record::encode(&mut inner.bytes, seq, tx_id, by.map(By::as_str), event, at_us);
        inner.named |= by.is_some();
        let end = inner.bytes.len();
        if end - inner.group_start > self.group_bytes_max && line_start > inner.group_start {
            inner.cut(line_start);
            inner.group_first = seq;
        }
        let line_bytes = u32::try_from(end - line_start).unwrap_or(u32::MAX);
        inner.traces.push(tx_hash, line_bytes, accounts.as_ref());
        let head = inner.head;
        inner.head = Head {
            seq,
            world: head.world.strict_add(world_delta),
            at_us,
            money_in: head.money_in.strict_add(money_in),
            accounts_count: head.accounts_count.strict_add(u64::from(opened_count)),
        };
        Ok(Placed { seq, at_us })
    }

    /// Wakes the writer if it waits for work.
    pub fn wake(&self) {
        let waits = {
            let mut inner = lock(&self.inner);
            std::mem::take(&mut inner.writer_waits)
        };
        if waits {
            self.staged.notify_one();
        }
    }

    /// Settles what happened up to `time_us`, microseconds since the Unix epoch: every event to come
    /// gets a later time. Returns the last event; it and those before it may be as early.
    /// `time_us` is not ahead of the clock, or the events to come would be.
    pub fn settle(&self, time_us: u64) -> Seq {
        let mut inner = lock(&self.inner);
        inner.at_us_min = inner.at_us_min.max(time_us.saturating_add(1));
        inner.head.seq
    }

    /// The time that an event would get by a clock that says `now_us`; both in microseconds since the
    /// Unix epoch.
    pub fn time_at(&self, now_us: u64) -> u64 {
        lock(&self.inner).time_at(now_us)
    }

    /// The last event that was staged.
    pub fn head(&self) -> Head {
        lock(&self.inner).head
    }

    /// Takes nothing more from now on. What is staged stays for the writer.
    pub fn stop(&self) {
        lock(&self.inner).stopped = true;
        self.staged.notify_all();
    }

    /// Whether [`Staging::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        lock(&self.inner).stopped
    }

    /// Swaps what is staged for the empty `taken`; `false` when nothing is staged.
    pub(crate) fn take(&self, taken: &mut Taken) -> bool {
        taken.bytes.clear();
        taken.cuts.clear();
        taken.traces.clear();
        let mut inner = lock(&self.inner);
        if inner.bytes.is_empty() {
            return false;
        }
        let end = inner.bytes.len();
        inner.cut(end);
        inner.group_first = inner.head.seq.next();
        inner.group_start = 0;
        std::mem::swap(&mut inner.bytes, &mut taken.bytes);
        std::mem::swap(&mut inner.cuts, &mut taken.cuts);
        std::mem::swap(&mut inner.traces, &mut taken.traces);
        taken.named = std::mem::take(&mut inner.named);
        true
    }

    /// Waits until something is staged, staging stops, or `timeout` has passed; `false` when
    /// there is still nothing to do.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let mut inner = lock(&self.inner);
        if inner.bytes.is_empty() && !inner.stopped {
            inner.writer_waits = true;
            inner = match self.staged.wait_timeout(inner, timeout) {
                Ok((inner, _timed_out)) => inner,
                Err(_) => panic!("another thread panicked while it held this lock"),
            };
            inner.writer_waits = false;
        }
        !inner.bytes.is_empty() || inner.stopped
    }
}

impl Inner {
    fn time_at(&self, now_us: u64) -> u64 {
        now_us.max(self.head.at_us).max(self.at_us_min)
    }

    /// Ends the open group at byte `end`, before the next event.
    fn cut(&mut self, end: usize) {
        let (head, first) = (self.head, self.group_first);
        self.cuts.push(Cut { end, first, traces_end: self.traces.len(), head });
        self.group_start = end;
    }
}
