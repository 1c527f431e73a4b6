//! How far a long start has come, told to whoever opens the folder.
//!
//! **Invariant:** within a phase the bytes done never fall, and a phase that succeeds ends with the
//! total.
//! **Invariant:** it is told on the thread that opens the folder, and now and then only.

/// What a start is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Every byte of the journal under its seal, and the snapshots under their hash.
    Proving,
    /// The accounts of the snapshot.
    Accounts,
    /// The events behind the snapshot, or behind what is indexed.
    Events,
}

/// How far a phase has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which phase.
    pub phase: Phase,
    /// Bytes of its files that are done.
    pub bytes_done: u64,
    /// Bytes of its files in all.
    pub bytes_total: u64,
}

/// Bytes between two reports, at least.
const REPORT_BYTES: u64 = 1 << 20;

/// Keeps what is told of one phase in order.
pub(crate) struct Meter<'p> {
    tell: &'p dyn Fn(Progress),
    phase: Phase,
    bytes_total: u64,
    bytes_told: u64,
}

impl<'p> Meter<'p> {
    /// Begins `phase`, and tells so.
    pub(crate) fn begin(tell: &'p dyn Fn(Progress), phase: Phase, bytes_total: u64) -> Self {
        tell(Progress { phase, bytes_done: 0, bytes_total });
        Self { tell, phase, bytes_total, bytes_told: 0 }
    }

    /// Tells that `bytes_done` are done, unless that is hardly news. What grew under the reader is
    /// not counted above the total.
    pub(crate) fn at(&mut self, bytes_done: u64) {
        let bytes_done = bytes_done.min(self.bytes_total);
        if bytes_done >= self.bytes_told.saturating_add(REPORT_BYTES) {
            self.tell(bytes_done);
        }
    }

    /// Ends a phase that succeeded.
    pub(crate) fn end(mut self) {
        if self.bytes_told < self.bytes_total {
            self.tell(self.bytes_total);
        }
    }

    fn tell(&mut self, bytes_done: u64) {
        self.bytes_told = bytes_done;
        (self.tell)(Progress { phase: self.phase, bytes_done, bytes_total: self.bytes_total });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn what_is_told_rises_to_the_total_and_never_above() {
        let told = RefCell::new(Vec::new());
        let tell = |progress: Progress| told.borrow_mut().push(progress.bytes_done);
        let mut meter = Meter::begin(&tell, Phase::Events, 5 << 20);
        for bytes_done in [10, 1 << 20, (1 << 20) + 5, 3 << 20, 2 << 20, 9 << 20] {
            meter.at(bytes_done);
        }
        meter.end();
        Meter::begin(&tell, Phase::Events, 7).end();
        assert_eq!(told.into_inner(), [0, 1 << 20, 3 << 20, 5 << 20, 0, 7]);
    }
}
