//! Where events get their place: the buffer between the threads that execute and the one that
//! writes.
//!
//! **Invariant:** a seq is given here and nowhere else, while the caller holds the locks of the
//! accounts concerned; the order of the bytes in the buffer is the order of the seqs.
//! **Invariant:** the balance of `@world` is accumulated here, in that same order.
//! Not here: a bound on the buffer. Whoever stages has reserved room before it took any lock.

use std::time::Duration;

use ledger::{Event, Seq};

use crate::record;
use crate::sync::{Condvar, Mutex, lock};

/// The open half of the double buffer.
pub struct Staging {
    inner: Mutex<Inner>,
    /// Told when something was staged and the writer waits, and when staging stops.
    staged: Condvar,
    group_bytes_max: usize,
}

/// The journal takes nothing more: it was closed, or a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// Staged lines, cut into groups; what the writer swaps out.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) bytes: Vec<u8>,
    pub(crate) cuts: Vec<Cut>,
}

/// The end of one group in [`Taken::bytes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) end: usize,
    pub(crate) first: Seq,
    pub(crate) last: Seq,
    pub(crate) world: i128,
}

/// Where the journal stands: the last event, the balance of `@world` after it, and its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Seq of the last event; zero before the first.
    pub seq: Seq,
    /// Balance of `@world` after it, in minor units.
    pub world: i128,
    /// Its time in microseconds since the Unix epoch.
    pub at_us: u64,
}

struct Inner {
    bytes: Vec<u8>,
    cuts: Vec<Cut>,
    /// Where the open group begins in `bytes`, and its first seq.
    group_start: usize,
    group_first: Seq,
    head: Head,
    stopped: bool,
    writer_waits: bool,
}

impl Staging {
    /// Staging that goes on after `head`.
    pub(crate) fn new(head: Head, group_bytes_max: usize) -> Self {
        let inner = Inner {
            bytes: Vec::new(),
            cuts: Vec::new(),
            group_start: 0,
            group_first: head.seq.next(),
            head,
            stopped: false,
            writer_waits: false,
        };
        Self { inner: Mutex::new(inner), staged: Condvar::new(), group_bytes_max }
    }

    /// Gives `event` its seq and its time (`now_us`, or the last event's time if the clock went
    /// back) and appends its line to the open group. Call it with the accounts' locks held, then
    /// [`Staging::wake`] once they are released.
    /// Errors: `Stopped`; then nothing was staged.
    pub fn stage(&self, now_us: u64, tx_id: &str, event: &Event<'_>) -> Result<Seq, Stopped> {
        let mut guard = lock(&self.inner);
        let inner = &mut *guard;
        if inner.stopped {
            return Err(Stopped);
        }
        let seq = inner.head.seq.next();
        let at_us = now_us.max(inner.head.at_us);
        let line_start = inner.bytes.len();
        record::encode(&mut inner.bytes, seq, tx_id, event, at_us);
        let group_bytes = inner.bytes.len() - inner.group_start;
        if group_bytes > self.group_bytes_max && line_start > inner.group_start {
            inner.cut(line_start);
            inner.group_first = seq;
        }
        let world = inner.head.world.strict_add(event.world_delta());
        inner.head = Head { seq, world, at_us };
        Ok(seq)
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
    /// Ends the open group at byte `end`, before the next event.
    fn cut(&mut self, end: usize) {
        let Head { seq: last, world, .. } = self.head;
        self.cuts.push(Cut { end, first: self.group_first, last, world });
        self.group_start = end;
    }
}
