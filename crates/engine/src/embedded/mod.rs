//! The embedded engine: the bank's state in this process, its journal in one folder.
//!
//! From the bottom up: `slots` (a hash index), `accounts` and `ids` (the two tables), `core`
//! (execution), `durability` (who waits for which sync), `checkpoint`, `threads`; this file puts
//! them together behind the seam.

mod accounts;
mod checkpoint;
mod clock;
mod core;
mod durability;
mod ids;
mod slots;
mod sync;
mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use journal::disk::Disk;
use journal::{
    ACTIVE, CheckpointError, Damage, Fault, Genesis, JournalError, OpenError, Plants, Report,
    Sizes, Writer, limits, record_bytes_max, record_bytes_max_void,
};
use ledger::Seq;
use tokio::sync::Semaphore;

pub use self::checkpoint::Checkpoint;
pub use self::core::{Core, Rebuild};
// For the schedule explorer, which brings threads of its own.
#[cfg(not(feature = "shuttle"))]
use self::durability::Durability;
#[cfg(feature = "shuttle")]
pub use self::durability::{Durability, Lost};
use self::threads::{Shared, Threads};
use crate::query::{Query, Reading};
use crate::seam::{BoxFuture, Engine, Outcome, Request, Unavailable};

/// How the embedded engine works; the defaults are production's.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a new ledger is to be.
    pub genesis_if_new: Genesis,
    /// Sizes of the journal's files and groups.
    pub sizes: Sizes,
    /// Room for records that are staged and not yet durable, in bytes. Whoever finds none waits,
    /// holding no lock.
    pub buffer_bytes_max: u32,
    /// A checkpoint is made when the journal has grown by so many bytes,
    pub checkpoint_bytes: u64,
    /// or after so long with changes.
    pub checkpoint_interval: Duration,
    /// Faults planted by a test.
    pub plants: Plants,
}

impl Options {
    /// The defaults, for a folder that becomes this ledger if it is empty.
    pub fn new(genesis_if_new: Genesis) -> Self {
        Self {
            genesis_if_new,
            sizes: Sizes::default(),
            buffer_bytes_max: 8 << 20,
            checkpoint_bytes: 64 << 20,
            checkpoint_interval: Duration::from_secs(300),
            plants: Plants::default(),
        }
    }
}

/// An opened folder, before anything runs: what production starts threads over, and what a
/// simulation steps through by hand.
pub struct Parts<D: Disk> {
    /// The state.
    pub core: Core,
    /// The journal.
    pub writer: Writer<D>,
    /// What opening found.
    pub report: Report,
    /// The folder's one-process lock.
    pub lock: D::File,
}

/// Opens the folder of `disk`: recovers the journal, rebuilds the state, and checks that all
/// balances sum to zero with `@world`.
pub fn open<D: Disk>(disk: Arc<D>, options: &Options) -> Result<Parts<D>, OpenError> {
    let mut rebuild = Rebuild::new(options.plants);
    let open_options = journal::OpenOptions {
        sizes: options.sizes,
        genesis_if_new: options.genesis_if_new.clone(),
        plants: options.plants,
    };
    let opened = journal::open(disk, &open_options, |found| rebuild.take(found))?;
    let head = opened.writer.staging().head();
    if rebuild.sum().strict_add(head.world) != 0 {
        return Err(OpenError::Corrupt(Damage {
            file: ACTIVE.into(),
            offset: 0,
            seq_good: head.seq,
            fault: Fault::World,
        }));
    }
    let core = rebuild.into_core(Arc::clone(opened.writer.staging()));
    Ok(Parts { core, writer: opened.writer, report: opened.report, lock: opened.lock })
}

/// What to do when the journal has stopped for good. It runs on the thread that noticed; nothing
/// is answered any more.
pub type OnFatal = Box<dyn Fn(&JournalError) + Send + Sync>;

/// The engine over one folder.
pub struct Embedded<D: Disk> {
    shared: Arc<Shared<D>>,
    /// One permit per byte of room in the journal's buffer.
    room: Semaphore,
    buffer_bytes_max: u32,
    stopping: AtomicBool,
    threads: Threads<D>,
}

impl<D: Disk> Embedded<D> {
    /// Starts the journal's thread and the checkpointer over an opened folder.
    pub fn start(disk: Arc<D>, parts: Parts<D>, options: &Options, on_fatal: OnFatal) -> Self {
        let Parts { core, writer, report, lock } = parts;
        let shared = Arc::new(Shared {
            disk,
            core,
            durability: Durability::new(report.last),
            position: writer.position(),
            genesis: report.genesis,
            plants: options.plants,
            lock,
        });
        let threads = Threads::start(
            &shared,
            writer,
            on_fatal,
            options.checkpoint_bytes,
            options.checkpoint_interval,
        );
        Self {
            shared,
            room: Semaphore::new(options.buffer_bytes_max as usize),
            buffer_bytes_max: options.buffer_bytes_max,
            stopping: AtomicBool::new(false),
            threads,
        }
    }

    /// Stops in order: takes nothing more, commits what is staged, makes a last checkpoint, seals
    /// and trims the journal. Returns whether the last checkpoint was made; a full disk may leave no
    /// room for one. Blocks; a second call finds the journal stopped.
    pub fn close(&self) -> Result<bool, JournalError> {
        self.stopping.store(true, Ordering::Release);
        self.threads.stop(&self.shared)
    }

    /// Makes a checkpoint now. Blocks until it is published.
    pub fn checkpoint(&self) -> Result<(), CheckpointError> {
        self.shared.checkpoint()
    }

    /// Runs as many of `requests` as fit in the buffer together, and waits for their sync.
    async fn execute_some<'a>(
        &self,
        requests: &mut std::iter::Peekable<std::vec::IntoIter<Request<'a>>>,
        outcomes: &mut Vec<Outcome<'a>>,
    ) {
        let mut some = Vec::with_capacity(requests.len());
        let mut bytes = 0_u32;
        while let Some(request) = requests.peek() {
            let needed = room_for(request);
            let too_large =
                needed > limits::RECORD_BYTES_MAX || needed > self.buffer_bytes_max as usize;
            let needed = u32::try_from(needed).unwrap_or(u32::MAX);
            let fits = !too_large && bytes.saturating_add(needed) <= self.buffer_bytes_max / 4;
            if !fits && !some.is_empty() {
                break;
            }
            let Some(request) = requests.next() else { break };
            if too_large {
                outcomes.push(Outcome::Unavailable(Unavailable::TooLarge));
                return;
            }
            bytes = bytes.saturating_add(needed);
            some.push(request);
            if !fits {
                break;
            }
        }
        let Ok(_room) = self.room.acquire_many(bytes).await else {
            outcomes.extend(some.iter().map(|_| Outcome::Unavailable(Unavailable::ShuttingDown)));
            return;
        };
        let from = outcomes.len();
        self.run(some, outcomes);
        let run = outcomes.get_mut(from..).unwrap_or_default();
        let rests_on = run.iter().map(Outcome::rests_on).max().unwrap_or(Seq::ZERO);
        // The room is given back when this returns: what took it is durable, or lost with all.
        if self.shared.durability.wait(rests_on).await.is_err() {
            let durable = self.shared.durability.seq();
            for outcome in run.iter_mut().filter(|outcome| outcome.rests_on() > durable) {
                *outcome = unknown(outcome);
            }
        }
    }

    /// Runs requests for which room was reserved. No lock of it outlives a request.
    fn run<'a>(&self, requests: Vec<Request<'a>>, outcomes: &mut Vec<Outcome<'a>>) {
        let Shared { core, durability, .. } = &*self.shared;
        let now_us = clock::now_us();
        let seq_durable = durability.seq();
        if self.stopping.load(Ordering::Acquire) {
            let refused = |_| Outcome::Unavailable(Unavailable::ShuttingDown);
            outcomes.extend(requests.iter().map(refused));
            return;
        }
        let from = outcomes.len();
        outcomes
            .extend(requests.into_iter().map(|request| core.execute(request, now_us, seq_durable)));
        core.wake_writer();
        if self.stopping.load(Ordering::Acquire) {
            // The journal stopped because it was asked to.
            let stopped = Outcome::Unavailable(Unavailable::JournalStopped);
            let run = outcomes.iter_mut().skip(from);
            for outcome in run.filter(|outcome| **outcome == stopped) {
                *outcome = Outcome::Unavailable(Unavailable::ShuttingDown);
            }
        }
    }
}

impl<D: Disk> Engine for Embedded<D> {
    fn execute<'a>(&'a self, batch: Vec<Request<'a>>) -> BoxFuture<'a, Vec<Outcome<'a>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(batch.len());
            let mut requests = batch.into_iter().peekable();
            while requests.peek().is_some() {
                self.execute_some(&mut requests, &mut outcomes).await;
            }
            outcomes
        })
    }

    fn read<'a>(&'a self, _query: Query<'a>) -> BoxFuture<'a, Result<Reading, Unavailable>> {
        Box::pin(async { Err(Unavailable::IndexDamaged) })
    }

    fn seq_durable(&self) -> Seq {
        self.shared.durability.seq()
    }
}

/// No fewer bytes than the request's record can have.
fn room_for(request: &Request<'_>) -> usize {
    match request {
        Request::Write { command, tx_id, .. } => record_bytes_max(command, tx_id.as_str()),
        Request::Resolve(tx_id) => record_bytes_max_void(tx_id.as_str()),
        Request::Balance(_) | Request::Balances(_) => 0,
    }
}

fn unknown<'a>(outcome: &Outcome<'a>) -> Outcome<'a> {
    let tx_id = match outcome {
        Outcome::Done { tx_id, .. } | Outcome::Conflict { tx_id, .. } => Some(tx_id.clone()),
        Outcome::Refused { tx_id, .. } | Outcome::Unknown { tx_id } => tx_id.clone(),
        Outcome::Resolved { transaction, .. } => Some(transaction.tx_id.clone()),
        Outcome::Balance { .. } | Outcome::Balances { .. } | Outcome::Unavailable(_) => None,
    };
    Outcome::Unknown { tx_id }
}
