//! The threads behind the embedded engine: one commits groups, one makes checkpoints, one keeps the
//! index of history (`upkeep`).

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use history::{Group, History, HistoryError, Work};
use journal::disk::Disk;
use journal::{CheckpointError, Committed, Genesis, JournalError, Plants, PositionHandle, Writer};
use ledger::Seq;
use tokio::sync::Notify;

use super::OnFatal;
use super::checkpoint::Checkpoint;
use super::clock::now_us;
use super::core::Core;
use super::durability::Durability;
use super::gauges::Gauges;
use super::recall::Recaller;
use super::upkeep::keep_index;
use crate::chain;

/// Accounts copied between two pauses: some tenths of a millisecond of work.
const COPY_ACCOUNTS: usize = 1024;

/// A checkpoint beside clients rests for so many times as long as it works, so that it takes a
/// fifth of one core. It keeps the priority of the others and gives way by resting, because it
/// locks accounts: a thread of low priority that loses its core with a lock held keeps all out who
/// want that account, for as long as the others are busy.
const COPY_PAUSES: u32 = 4;

/// What the engine and its threads share.
pub(super) struct Shared<D: Disk> {
    pub(super) disk: Arc<D>,
    pub(super) core: Core<D>,
    pub(super) history: Arc<History<D>>,
    pub(super) recaller: Recaller<D>,
    /// Told when the index holds more.
    pub(super) index_moved: Notify,
    pub(super) index_lag_events_max: u64,
    pub(super) durability: Durability,
    pub(super) position: PositionHandle,
    pub(super) genesis: Genesis,
    pub(super) plants: Plants,
    pub(super) on_background: fn(),
    pub(super) gauges: Gauges,
    /// Held for as long as anything may write to the folder.
    #[expect(dead_code, reason = "holding it is its use")]
    pub(super) lock: D::File,
}

/// The journal's thread; it hands its writer back when it ends.
type Journal<D> = JoinHandle<Result<Writer<D>, JournalError>>;

/// The running threads. Each is joined exactly once, by `stop`.
pub(super) struct Threads<D: Disk> {
    journal: Mutex<Option<Journal<D>>>,
    checkpointer: Mutex<Option<JoinHandle<()>>>,
    padder: Mutex<Option<JoinHandle<()>>>,
    indexer: Mutex<Option<JoinHandle<()>>>,
    signal: Arc<Signal>,
    index_signal: Arc<Signal>,
}

/// Tells a thread in the background to look, and to stop.
#[derive(Default)]
pub(super) struct Signal {
    state: Mutex<SignalState>,
    changed: Condvar,
}

#[derive(Default)]
struct SignalState {
    due: bool,
    stop: bool,
}

impl<D: Disk> Shared<D> {
    /// Makes a checkpoint and publishes it once the journal is durable up to its highest seq.
    /// `pause` is told how long a part of the work took, and rests; when it returns `false` the
    /// checkpoint is given up. Returns whether there is one.
    pub(super) fn checkpoint(
        &self,
        mut pause: impl FnMut(Duration) -> bool,
    ) -> Result<bool, CheckpointError> {
        let started = Instant::now();
        // IMPORTANT: first where replay starts, then how many accounts there are.
        let position = self.position.get();
        let (disk, genesis) = (Arc::clone(&self.disk), &self.genesis);
        let mut checkpoint =
            Checkpoint::begin(&self.core, disk, genesis, position, now_us(), self.plants)?;
        let mut began = Instant::now();
        while checkpoint.copy(COPY_ACCOUNTS)? {
            if !pause(began.elapsed()) {
                return Ok(false);
            }
            began = Instant::now();
        }
        let finished = checkpoint.finish()?;
        self.wait_durable(finished.seq_max)?;
        finished.publish()?;
        self.gauges.checkpointed(position.seq, started.elapsed());
        Ok(true)
    }

    /// Waits while so many events wait for the index that memory would be at risk. Once the
    /// journal takes nothing more there is nothing to wait for.
    pub(super) async fn wait_for_index(&self) {
        while self.must_wait_for_index() {
            let moved = self.index_moved.notified();
            let mut moved = std::pin::pin!(moved);
            // Listening before the second look: what moves in between is heard.
            moved.as_mut().enable();
            if !self.must_wait_for_index() {
                return;
            }
            moved.await;
        }
    }

    fn must_wait_for_index(&self) -> bool {
        self.history.lag_events() > self.index_lag_events_max && !self.core.staging().is_stopped()
    }

    /// Takes nothing more, and lets nobody wait for what will not come.
    pub(super) fn stop_staging(&self) {
        self.core.staging().stop();
        self.index_moved.notify_waiters();
    }

    /// Sorts or writes a part of the index.
    pub(super) fn flush_index(&self, all: bool) -> Result<Work, HistoryError> {
        let work =
            self.history.flush(&|number| self.core.name_of(number).map(str::to_owned), all)?;
        if let Work::Flushed(_) = work {
            self.index_moved.notify_waiters();
        }
        Ok(work)
    }

    /// Brings the index up to the journal's end.
    fn finish_index(&self) -> Result<(), HistoryError> {
        while self.flush_index(true)? != Work::Idle {}
        Ok(())
    }

    fn wait_durable(&self, seq: Seq) -> Result<(), CheckpointError> {
        block_on(self.durability.wait(seq))
            .map_err(|_lost| CheckpointError::Fatal(JournalError::Stopped))
    }
}

impl<D: Disk> Threads<D> {
    pub(super) fn start(
        shared: &Arc<Shared<D>>,
        mut writer: Writer<D>,
        on_fatal: OnFatal,
        checkpoint_bytes: u64,
        checkpoint_interval: Duration,
    ) -> Self {
        let signal = Arc::new(Signal::default());
        let on_fatal = Arc::new(on_fatal);
        let index_signal = Arc::new(Signal::default());
        let mut ahead = writer.ahead();
        // Not a background thread: the writer stands still when it is overtaken.
        let padder = spawn("padding", move || ahead.run());
        let journal = {
            let (shared, signal) = (Arc::clone(shared), Arc::clone(&signal));
            let on_fatal = Arc::clone(&on_fatal);
            spawn("journal", move || {
                let mut bytes = 0_u64;
                let mut last = shared.durability.seq();
                let run = writer.run(|committed, took| {
                    // IMPORTANT: before anybody hears that it is durable, so that whoever does can
                    // ask for it.
                    let Committed { head, seal, traces, file_first, offset, .. } = committed;
                    shared.history.append(Group { head, seal, traces, file_first, offset });
                    shared.durability.publish(head.seq);
                    shared.gauges.committed(head.seq.get().saturating_sub(last.get()), took);
                    last = head.seq;
                    // Whoever was just woken stages more before the next group is taken.
                    std::thread::yield_now();
                    bytes = bytes.saturating_add(committed.bytes);
                    if bytes >= checkpoint_bytes {
                        bytes = 0;
                        signal.set(|state| state.due = true);
                    }
                });
                if let Err(error) = run {
                    shared.durability.stop();
                    shared.index_moved.notify_waiters();
                    on_fatal(&error);
                    return Err(error);
                }
                Ok(writer)
            })
        };
        let checkpointer = {
            let (shared, signal) = (Arc::clone(shared), Arc::clone(&signal));
            let on_fatal = Arc::clone(&on_fatal);
            spawn("checkpoint", move || {
                keep_checkpoints(&shared, &signal, checkpoint_interval, &on_fatal);
            })
        };
        let indexer = {
            let (shared, signal) = (Arc::clone(shared), Arc::clone(&index_signal));
            spawn("index", move || {
                (shared.on_background)();
                keep_index(&shared, &signal, &on_fatal);
            })
        };
        let journal = Mutex::new(Some(journal));
        Self {
            journal,
            checkpointer: Mutex::new(Some(checkpointer)),
            padder: Mutex::new(Some(padder)),
            indexer: Mutex::new(Some(indexer)),
            signal,
            index_signal,
        }
    }

    /// Ends all threads: commits what is staged, makes the last checkpoint, closes the journal,
    /// brings the index up to its end. Returns whether there is a last checkpoint.
    pub(super) fn stop(&self, shared: &Shared<D>) -> Result<bool, JournalError> {
        self.signal.set(|state| state.stop = true);
        if let Some(checkpointer) = take(&self.checkpointer) {
            join(checkpointer);
        }
        shared.stop_staging();
        let Some(journal) = take(&self.journal) else { return Err(JournalError::Stopped) };
        // The writer ends its helper: closed, or dropped after a failure.
        let closed = join(journal).and_then(|writer| close(shared, writer));
        if let Some(padder) = take(&self.padder) {
            join(padder);
        }
        self.index_signal.set(|state| state.stop = true);
        if let Some(indexer) = take(&self.indexer) {
            join(indexer);
        }
        // What is left out is read from the journal at the next start.
        if closed.is_ok()
            && let Err(error) = shared.finish_index()
        {
            tracing::warn!(error = %chain(&error), "the index was not brought up to the end");
        }
        closed
    }
}

/// Makes the last checkpoint and closes the journal.
fn close<D: Disk>(shared: &Shared<D>, mut writer: Writer<D>) -> Result<bool, JournalError> {
    // A clean stop leaves a snapshot of exactly its end: a second witness of how far the journal
    // reaches. Where there is no room for one, the one before still serves.
    let has_checkpoint = match shared.checkpoint(|_| true) {
        Ok(made) => made,
        Err(CheckpointError::Write(error)) => {
            tracing::warn!(%error, "no last checkpoint was made; the one before still serves");
            false
        }
        Err(CheckpointError::Fatal(error)) => return Err(error),
    };
    writer.close()?;
    Ok(has_checkpoint)
}

fn keep_checkpoints<D: Disk>(
    shared: &Shared<D>,
    signal: &Signal,
    interval: Duration,
    on_fatal: &OnFatal,
) {
    let mut seq_covered = shared.position.get().seq;
    while signal.wait(interval) {
        let seq = shared.position.get().seq;
        if seq == seq_covered {
            continue;
        }
        match shared.checkpoint(|worked| signal.rest(worked.saturating_mul(COPY_PAUSES))) {
            Ok(true) => seq_covered = seq,
            // The last one comes with the end.
            Ok(false) => return,
            Err(CheckpointError::Write(error)) => {
                tracing::warn!(%error, "a checkpoint failed; the one before still serves");
            }
            // The journal's thread has the reason, and tells it.
            Err(CheckpointError::Fatal(JournalError::Stopped)) => return,
            Err(CheckpointError::Fatal(error)) => {
                shared.stop_staging();
                shared.durability.stop();
                on_fatal(&error);
                return;
            }
        }
    }
}

impl Signal {
    pub(super) fn is_to_stop(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stop
    }

    fn set(&self, change: impl FnOnce(&mut SignalState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits for so long; `false` at once when it is time to stop.
    fn rest(&self, pause: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, _timed_out) = self
            .changed
            .wait_timeout_while(state, pause, |state| !state.stop)
            .unwrap_or_else(PoisonError::into_inner);
        !state.stop
    }

    /// Waits until a checkpoint is due by bytes or by time; `false` when it is time to stop.
    pub(super) fn wait(&self, interval: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut state, _timed_out) = self
            .changed
            .wait_timeout_while(state, interval, |state| !state.due && !state.stop)
            .unwrap_or_else(PoisonError::into_inner);
        state.due = false;
        !state.stop
    }
}

pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    match std::thread::Builder::new().name(name.into()).spawn(run) {
        Ok(handle) => handle,
        Err(error) => panic!("the {name} thread could not be started: {error}"),
    }
}

pub(super) fn join<T>(handle: JoinHandle<T>) -> T {
    match handle.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Waits on this thread for a future that another thread completes.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
