//! What a test does to a simulated disk: crashes, planned faults, limits, and a look behind the
//! cache. None of this counts as a call.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, PoisonError, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use super::{Call, Fault, Machine, Operation, SimDisk, State};
use crate::disk::name;

/// Which operations on names a power cut may take back, among those that no `sync_dir` followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerLoss {
    /// The last ones: what is kept is a prefix, as a journaling filesystem gives it.
    Ordered,
    /// Any of them, which is all that POSIX promises.
    Strict,
}

impl SimDisk {
    /// An empty disk. Chance outside of power cuts (short transfers, failed syncs, a write that a
    /// crash stops) is that of seed 0.
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// An empty disk whose chance outside of power cuts follows from `seed`.
    pub fn seeded(seed: u64) -> Self {
        let machine = Machine { state: Mutex::new(State::new(seed)), changed: Condvar::new() };
        Self { machine: Arc::new(machine), life: AtomicU64::new(0) }
    }

    // Crashes.

    /// The power goes and comes back. What was durable is left, and of the rest what chance kept
    /// (from `seed` alone). Every open file, every other handle on this disk and the lock are gone;
    /// a planned crash is called off; held syncs end in an error.
    pub fn power_loss(&self, seed: u64, mode: PowerLoss) {
        self.crash(|state| state.power_loss(seed, mode));
    }

    /// The process dies and the machine goes on. What was written can be read, and is as little
    /// durable as before. The rest is as in [`power_loss`](Self::power_loss).
    pub fn process_crash(&self) {
        self.crash(State::process_crash);
    }

    fn crash(&self, act: impl FnOnce(&mut State) -> u64) {
        let mut state = self.machine.state();
        self.life.store(act(&mut state), Ordering::Relaxed);
        self.machine.changed.notify_all();
    }

    /// Plans a crash: at call `number` (from 1, as [`operations`](Self::operations) counts) and
    /// ever after, calls fail, until one of the two crashes above brings the machine back. Call
    /// `number` itself happened if it changes the cache (of a write perhaps only the beginning),
    /// and did not if it makes something durable.
    pub fn crash_at(&self, number: u64) {
        self.machine.state().plan.set_crash(Some(number));
    }

    /// While on, calls are not counted and meet nothing that was planned: so that a test can look
    /// at what is there through the code under test, and a run goes on as if nobody had looked.
    pub fn pause_plans(&self, on: bool) {
        self.machine.state().plan.pause(on);
    }

    /// Whether a planned crash was reached and the machine is not back yet.
    pub fn is_down(&self) -> bool {
        self.machine.state().is_down
    }

    // Faults.

    /// Plans a fault for call `number`, from 1, as [`operations`](Self::operations) counts. A sync
    /// that fails drops a random part of what was not durable, and the next one succeeds; any other
    /// call that fails changes nothing.
    pub fn fail_at(&self, number: u64, fault: Fault) {
        self.machine.state().plan.fail_at(number, fault);
    }

    /// Plans a fault for one kind of call, at its `number`-th time from 1, as
    /// [`operations_of`](Self::operations_of) counts.
    pub fn fail_call_at(&self, call: Call, number: u64, fault: Fault) {
        self.machine.state().plan.fail_call_at(call, number, fault);
    }

    /// How many planned faults were reached.
    pub fn faults_met(&self) -> u64 {
        self.machine.state().plan.faults_met()
    }

    /// Limits what all files together hold, in bytes; a write that passes it is cut short, and the
    /// next gets ENOSPC. Overwriting always works. `None`: no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.machine.state().capacity_bytes = bytes;
    }

    /// While on, every sync returns success and makes nothing durable: a disk that lies. Only to
    /// see a test catch it.
    pub fn lie_about_syncs(&self, on: bool) {
        self.machine.state().lies = on;
    }

    /// From now on every sync blocks its thread until [`release_syncs`](Self::release_syncs) or a
    /// crash.
    pub fn hold_syncs(&self) {
        self.machine.state().holds_syncs = true;
    }

    /// Lets the held syncs go on, and holds none any more.
    pub fn release_syncs(&self) {
        let mut state = self.machine.state();
        state.holds_syncs = false;
        state.releases += 1;
        self.machine.changed.notify_all();
    }

    /// Lets the held syncs go on, and goes on holding those to come: one group at a time.
    pub fn release_held_syncs(&self) {
        let mut state = self.machine.state();
        state.releases += 1;
        self.machine.changed.notify_all();
    }

    /// Waits until a sync is held; false when none was within `limit`.
    #[must_use]
    pub fn wait_for_held_sync(&self, limit: Duration) -> bool {
        let (state, _) = self
            .machine
            .changed
            .wait_timeout_while(self.machine.state(), limit, |state| state.syncs_waiting == 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.syncs_waiting > 0
    }

    /// Each of the next `count` reads blocks its thread until
    /// [`release_reads`](Self::release_reads) or a crash: a disk that is slow for some.
    pub fn hold_reads(&self, count: usize) {
        self.machine.state().reads_to_hold = count;
    }

    /// Lets the held reads go on, and holds none any more.
    pub fn release_reads(&self) {
        let mut state = self.machine.state();
        state.reads_to_hold = 0;
        state.reads_releases += 1;
        self.machine.changed.notify_all();
    }

    /// Waits until `count` reads are held at once; false when they were not within `limit`.
    #[must_use]
    pub fn wait_for_held_reads(&self, count: usize, limit: Duration) -> bool {
        let state = self.machine.state();
        let are_fewer = |state: &mut State| state.reads_waiting < count;
        let waited = self.machine.changed.wait_timeout_while(state, limit, are_fewer);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.reads_waiting >= count
    }

    // Calls.

    /// How many calls were made on this disk in all its lives.
    pub fn operations(&self) -> u64 {
        self.machine.state().plan.count()
    }

    /// How many calls of one kind were made in all lives.
    pub fn operations_of(&self, call: Call) -> u64 {
        self.machine.state().plan.count_of(call)
    }

    /// Starts to record the calls, without an end: for a golden script, not for a long run.
    pub fn record_operations(&self) {
        self.machine.state().plan.record();
    }

    /// The calls recorded since the last time this was asked.
    pub fn take_operations(&self) -> Vec<Operation> {
        self.machine.state().plan.take_log()
    }

    // Behind the cache.

    /// The names that calls see, those in `quarantine` too, sorted.
    pub fn names(&self) -> Vec<String> {
        self.machine.state().names()
    }

    /// The names that survive any power cut that comes now, and those whose removal may not,
    /// sorted.
    pub fn durable_names(&self) -> Vec<String> {
        self.machine.state().durable_names()
    }

    /// What a read of the whole file gives; `None` when calls see no such name.
    pub fn cached_bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.machine.state().cached_bytes(name)
    }

    /// What the platter holds of the file that has this name there; `None` when it has none.
    pub fn durable_bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.machine.state().durable_bytes(name)
    }

    /// Puts a whole file in place, bytes and name durable, over what had the name; makes every
    /// name durable on the way, and `quarantine` if the name lies there. For preparing a disk.
    /// Errors: `InvalidInput` for a name that leaves the folder.
    pub fn set_file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        name::check(name)?;
        self.machine.state().set_file(name, bytes);
        Ok(())
    }

    /// Flips a bit (0 to 7) of a file, on the platter and in the cache: bits rot where they lie.
    /// Errors: `NotFound`; `InvalidInput` for a byte that the file does not have.
    pub fn flip_bit(&self, name: &str, byte: u64, bit: u8) -> io::Result<()> {
        self.machine.state().flip_bit(name, byte, bit)
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}
