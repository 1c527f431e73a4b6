//! What the writer and its helper know of the padding together: how far the active file is padded,
//! what of the next file is there already, and who is at work on which of them.
//! Not here: any call of the disk. No lock is held across one.
//!
//! **Invariant:** bytes count as padded only once they were synced.
//! **Invariant:** one thread at a time writes newlines into a file. Newlines that were on their way
//! while the writer padded by itself would fall on its groups.

use std::sync::Arc;

use crate::error::JournalError;
use crate::limits::Sizes;
use crate::sync::{Condvar, Mutex, MutexGuard, lock};

/// Where the padding stands, shared by the writer and the helper.
pub(crate) struct Padding<F> {
    state: Mutex<State<F>>,
    /// A step has become due, a step has ended, or no more steps are to come.
    changed: Condvar,
    sizes: Sizes,
}

struct State<F> {
    /// Where the groups of the active file end, and where its padding does.
    end: u64,
    padded_to: u64,
    /// How many files there were before the active one, in this process.
    file_number: u64,
    /// The step that the helper is taking.
    busy: Option<Step>,
    /// The writer extends or replaces the active file: no step begins.
    is_held: bool,
    helpers: u32,
    waits: bool,
    /// Not to be tried again before the next file: there was no room, or no handle.
    gave_up_active: bool,
    gave_up_next: bool,
    next: Option<NextFile<F>>,
    stopped: bool,
    failed: Option<JournalError>,
}

/// What the helper can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Extend the padding of the active file, the `file_number`-th.
    Active { file_number: u64, from: u64 },
    /// Extend the padding of the next file; it is created first when `from` is 0.
    Next { from: u64 },
}

/// The next active file, newlines as far as it goes; its header is missing.
pub(crate) struct NextFile<F> {
    pub(crate) file: Arc<F>,
    pub(crate) padded_to: u64,
}

/// How a step ended.
pub(crate) enum Stepped<F> {
    /// Synced up to this byte. `is_full`: the disk took no more.
    Active { padded_to: u64, is_full: bool },
    /// The same of the next file.
    Next { next: NextFile<F>, is_full: bool },
    /// It could not begin, and changed nothing that counts.
    NotBegun,
    /// A write or a sync failed: the journal has to stop.
    Failed(JournalError),
}

impl<F> Padding<F> {
    pub(crate) fn new(sizes: Sizes, end: u64, padded_to: u64) -> Self {
        let state = State {
            end,
            padded_to,
            file_number: 0,
            busy: None,
            is_held: false,
            helpers: 0,
            waits: false,
            gave_up_active: false,
            gave_up_next: false,
            next: None,
            stopped: false,
            failed: None,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), sizes }
    }

    /// Bytes that the helper adds at once. Small, because a group that is synced meanwhile waits for
    /// them too.
    pub(crate) fn step_bytes(&self) -> u64 {
        (self.sizes.pad_step_bytes_min / 4).max(1)
    }

    // What the writer calls.

    /// Errors: what stopped the helper, once.
    pub(crate) fn failure(&self) -> Result<(), JournalError> {
        lock(&self.state).failed.take().map_or(Ok(()), Err)
    }

    /// Notes that groups reach up to `end` now. Errors: what stopped the helper, once.
    pub(crate) fn written(&self, end: u64) -> Result<(), JournalError> {
        let mut state = lock(&self.state);
        state.end = end;
        let wakes = state.waits && state.failed.is_none() && self.due(&state).is_some();
        state.waits &= !wakes;
        let failed = state.failed.take();
        drop(state);
        if wakes {
            self.changed.notify_all();
        }
        failed.map_or(Ok(()), Err)
    }

    /// Keeps the helper from the active file, once its step there has ended. Returns how far the
    /// file is padded, and whether there is a helper. [`Padding::extended`] lets it go on.
    /// Errors: what stopped the helper, once.
    pub(crate) fn hold_active(&self) -> Result<(u64, bool), JournalError> {
        self.hold(
            |step| matches!(step, Step::Active { .. }),
            |state| (state.padded_to, state.helpers > 0),
        )
    }

    /// Keeps the helper from every file, once its step has ended, and hands out the next file.
    /// [`Padding::rotated`] or [`Padding::extended`] let it go on.
    /// Errors: what stopped the helper, once.
    pub(crate) fn hold_all(&self) -> Result<Option<NextFile<F>>, JournalError> {
        self.hold(|_| true, |state| state.next.take())
    }

    /// As [`Padding::hold_all`], where the disk has no room for a file that is not needed yet: it is
    /// not prepared again.
    pub(crate) fn take_next_back(&self) -> Result<Option<NextFile<F>>, JournalError> {
        self.hold(
            |_| true,
            |state| {
                state.gave_up_next = true;
                state.next.take()
            },
        )
    }

    fn hold<T>(
        &self,
        excludes: impl Fn(Step) -> bool,
        look: impl FnOnce(&mut State<F>) -> T,
    ) -> Result<T, JournalError> {
        let mut state = lock(&self.state);
        state.is_held = true;
        while state.busy.is_some_and(&excludes) {
            state = wait(&self.changed, state);
        }
        match state.failed.take() {
            Some(error) => Err(error),
            None => Ok(look(&mut state)),
        }
    }

    /// The writer has seen the active file padded and synced up to `padded_to`.
    pub(crate) fn extended(&self, padded_to: u64) {
        let mut state = lock(&self.state);
        state.gave_up_active &= padded_to == state.padded_to;
        state.padded_to = padded_to;
        state.is_held = false;
        drop(state);
        self.changed.notify_all();
    }

    /// The writer has begun another active file.
    pub(crate) fn rotated(&self, end: u64, padded_to: u64) {
        let mut state = lock(&self.state);
        (state.end, state.padded_to) = (end, padded_to);
        state.file_number = state.file_number.strict_add(1);
        (state.gave_up_active, state.gave_up_next) = (false, false);
        state.next = None;
        state.is_held = false;
        drop(state);
        self.changed.notify_all();
    }

    /// Ends the helper; when this returns no step is under way and none will begin.
    pub(crate) fn stop(&self) {
        let mut state = lock(&self.state);
        state.stopped = true;
        self.changed.notify_all();
        while state.busy.is_some() {
            state = wait(&self.changed, state);
        }
        state.next = None;
    }

    // What the helper calls.

    pub(crate) fn attach(&self) {
        lock(&self.state).helpers += 1;
    }

    pub(crate) fn detach(&self) {
        let mut state = lock(&self.state);
        state.helpers = state.helpers.saturating_sub(1);
    }

    /// Claims the step that is due; for one on the next file, with what there is of it.
    pub(crate) fn begin(&self) -> Option<(Step, Option<Arc<F>>)> {
        let mut state = lock(&self.state);
        let step = self.due(&state)?;
        state.busy = Some(step);
        let next = match step {
            Step::Active { .. } => None,
            Step::Next { .. } => state.next.as_ref().map(|next| Arc::clone(&next.file)),
        };
        Some((step, next))
    }

    /// Ends the step that was claimed.
    pub(crate) fn end(&self, step: Step, stepped: Stepped<F>) {
        let mut state = lock(&self.state);
        match stepped {
            Stepped::Active { padded_to, is_full } => {
                state.padded_to = padded_to;
                state.gave_up_active = is_full;
            }
            Stepped::Next { next, is_full } => {
                state.next = Some(next);
                state.gave_up_next = is_full;
            }
            Stepped::NotBegun => match step {
                Step::Active { .. } => state.gave_up_active = true,
                Step::Next { .. } => state.gave_up_next = true,
            },
            Stepped::Failed(error) => {
                state.failed = Some(error);
                state.stopped = true;
            }
        }
        state.busy = None;
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until a step is due; `false` when none will come any more.
    pub(crate) fn wait_until_due(&self) -> bool {
        let mut state = lock(&self.state);
        while !state.stopped && self.due(&state).is_none() {
            state.waits = true;
            state = wait(&self.changed, state);
        }
        state.waits = false;
        !state.stopped
    }

    /// The step to be taken now.
    fn due(&self, state: &State<F>) -> Option<Step> {
        if state.stopped || state.is_held || state.busy.is_some() {
            return None;
        }
        let step = self.step_bytes();
        if !state.gave_up_active
            && state.padded_to.saturating_add(step) <= self.padded_to_at_most(state.end)
        {
            let (file_number, from) = (state.file_number, state.padded_to);
            return Some(Step::Active { file_number, from });
        }
        let from = state.next.as_ref().map_or(0, |next| next.padded_to);
        let is_due = !state.gave_up_next && from < self.next_padded_to_at_most(state.end);
        is_due.then_some(Step::Next { from })
    }

    /// How far a file whose groups end at `end` is padded ahead: by as much as it holds, within
    /// bounds, and hardly past the length at which it is closed.
    fn padded_to_at_most(&self, end: u64) -> u64 {
        end.saturating_add(self.sizes.pad_step_bytes(end)).min(self.closed_bytes_at_most())
    }

    /// How far the next file is padded while the groups of the active one end at `end`: not at all
    /// until that is half full, and to its own end by the time that is full. So a busy bank pads a
    /// file that it does not write to, whose syncs no group waits for.
    fn next_padded_to_at_most(&self, end: u64) -> u64 {
        let Some(behind_half) = end.checked_sub(self.sizes.segment_bytes_max / 2) else { return 0 };
        let last_groups = self.two_groups();
        behind_half.saturating_mul(2).saturating_add(last_groups).min(self.closed_bytes_at_most())
    }

    /// About what a file holds when it is closed: the group that fills it may pass its end.
    fn closed_bytes_at_most(&self) -> u64 {
        self.sizes.segment_bytes_max.saturating_add(self.two_groups())
    }

    fn two_groups(&self) -> u64 {
        2 * self.sizes.group_bytes_max as u64
    }
}

fn wait<'s, T>(changed: &Condvar, state: MutexGuard<'s, T>) -> MutexGuard<'s, T> {
    match changed.wait(state) {
        Ok(state) => state,
        Err(_) => panic!("another thread panicked while it held this lock"),
    }
}
