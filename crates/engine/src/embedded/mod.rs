//! The embedded engine: the bank's state in this process, its journal in one folder and the index
//! of its history in another.
//!
//! From the bottom up: `slots` (a hash index), `accounts` and `recent` (the two tables), `core`
//! (execution), `rebuild` and `opening` (the state at a start), `lines` (events read back from the journal),
//! `recall` (what an old tx_id stands for), `reads` (questions about history), `durability` (who
//! waits for which sync), `checkpoint`, `readers`, `upkeep` and `threads`; `batch` and `recalling` run
//! what a door hands in, and this file puts them together behind the seam.

mod accounts;
mod batch;
mod checkpoint;
mod clock;
mod core;
mod durability;
mod gauges;
mod lines;
mod opening;
mod readers;
mod reads;
mod rebuild;
mod recall;
mod recalling;
mod recent;
mod slots;
mod sync;
mod threads;
mod upkeep;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use journal::disk::Disk;
use journal::{CheckpointError, Genesis, JournalError, Plants, Sizes, Workers};
use ledger::Seq;
use tokio::sync::{Notify, Semaphore};

pub use self::checkpoint::Checkpoint;
pub use self::core::{Core, Executed, Now};
pub use self::opening::{Parts, open, open_telling};
pub use self::reads::Reads;
pub use self::recall::{Recall, RecallError, Recalled, Recaller};
// For the schedule explorer, which brings threads of its own.
#[cfg(not(feature = "shuttle"))]
use self::durability::Durability;
#[cfg(feature = "shuttle")]
pub use self::durability::{Durability, Lost};
pub use self::lines::ReadError;
use self::readers::Readers;
use self::threads::{Shared, Threads};
use crate::query::{Query, Reading};
use crate::seam::{Answered, BoxFuture, Engine, Request, Unavailable};
use crate::vitals::{FolderVitals, Vitals};

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
    /// Sizes of the index of history.
    pub index: history::Options,
    /// Events that may wait for the index to be written to the disk; whoever asks for more then
    /// waits, so that memory stays bounded. Never fewer than twice what the index writes at once:
    /// otherwise all would wait for a run that nobody may fill. One that changes or opens more
    /// accounts than most counts as several.
    pub index_lag_events_max: u64,
    /// Slots for the tx_ids that the index does not hold yet, of eight bytes each.
    pub recent_slots: usize,
    /// Called on the threads that nobody waits for, when they begin: there they may give way to all
    /// others.
    pub on_background: fn(),
    /// Who helps to read the folder at a start.
    pub workers: Workers,
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
            index: history::Options::default(),
            index_lag_events_max: 4 << 20,
            recent_slots: 8 << 20,
            on_background: || {},
            workers: Workers::of_this_machine(),
            plants: Plants::default(),
        }
    }
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
    readers: Readers,
    threads: Threads<D>,
}

impl<D: Disk> Embedded<D> {
    /// Starts the journal's thread, the checkpointer and the indexer over an opened folder.
    pub fn start(disk: Arc<D>, parts: Parts<D>, options: &Options, on_fatal: OnFatal) -> Self {
        let recaller = parts.recaller(Arc::clone(&disk));
        let Parts { core, writer, history, report, index_report: _, lock } = parts;
        let shared = Arc::new(Shared {
            disk,
            core,
            history,
            recaller,
            index_moved: Notify::new(),
            index_lag_events_max: options.index_lag_events_max.max(fills_a_run(&options.index)),
            durability: Durability::new(report.last),
            position: writer.position(),
            genesis: report.genesis,
            plants: options.plants,
            on_background: options.on_background,
            gauges: gauges::Gauges::default(),
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
            readers: Readers::start(),
            threads,
        }
    }

    /// Stops in order: takes nothing more, commits what is staged, makes a last checkpoint, seals
    /// and trims the journal. Returns whether the last checkpoint was made; a full disk may leave no
    /// room for one. Blocks; a second call finds the journal stopped.
    pub fn close(&self) -> Result<bool, JournalError> {
        self.stopping.store(true, Ordering::Release);
        let stopped = self.threads.stop(&self.shared);
        self.readers.stop();
        stopped
    }

    /// Makes a checkpoint now. Blocks until it is published.
    pub fn checkpoint(&self) -> Result<(), CheckpointError> {
        self.shared.checkpoint(|_| true).map(|_made| ())
    }

    async fn read_owned(&self, query: Query<'static>) -> Result<Reading, Unavailable> {
        let now_us = clock::now_us();
        let settled = Reads::settle(&self.shared.core, &query, now_us);
        let durable = self.shared.durability.wait(settled).await;
        durable.map_err(|_lost| Unavailable::JournalStopped)?;
        let shared = Arc::clone(&self.shared);
        let read = self.readers.pages.run(move || {
            let Shared { core, recaller, .. } = &*shared;
            Reads::new(core, recaller).answer(query, now_us)
        });
        let reading = match read.await {
            Ok(Ok(reading)) => reading,
            Ok(Err(error)) => {
                error.log(1);
                return Err(error.unavailable());
            }
            Err(_stopped) => return Err(Unavailable::ShuttingDown),
        };
        match self.shared.durability.wait(reading.as_of()).await {
            Ok(()) => Ok(reading),
            Err(_lost) => Err(Unavailable::JournalStopped),
        }
    }
}

/// So many events are enough for the index to write a run, however they are cut into groups.
fn fills_a_run(index: &history::Options) -> u64 {
    (index.run_events as u64).saturating_add(index.chunk_events as u64).saturating_mul(2)
}

impl<D: Disk> Engine for Embedded<D> {
    fn execute<'a>(&'a self, batch: Vec<Request<'a>>) -> BoxFuture<'a, Answered<'a>> {
        Box::pin(self.execute_all(batch))
    }

    fn read<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Reading, Unavailable>> {
        let query = query.into_owned();
        Box::pin(self.read_owned(query))
    }

    fn seq_durable(&self) -> Seq {
        self.shared.durability.seq()
    }

    fn beyond(&self, seq: Seq) -> BoxFuture<'_, Result<Seq, Unavailable>> {
        Box::pin(async move {
            let durability = &self.shared.durability;
            // Behind the last number nothing can happen.
            let next = seq.checked_next().ok_or(Unavailable::JournalStopped)?;
            durability.wait(next).await.map_err(|_lost| Unavailable::JournalStopped)?;
            Ok(durability.seq())
        })
    }

    fn vitals(&self) -> Vitals {
        let Shared { core, durability, gauges, history, position, .. } = &*self.shared;
        // Read before the staged one, which it never passes.
        let seq_durable = durability.seq();
        Vitals::Folder(FolderVitals {
            seq_durable,
            seq_staged: core.staging().head().seq,
            journal_bytes: position.get().bytes_written,
            group_events: gauges.group_events(),
            commit_us: gauges.commit_us(),
            index_lag_events: history.lag_events(),
            checkpoint: gauges.checkpoint(),
        })
    }
}
