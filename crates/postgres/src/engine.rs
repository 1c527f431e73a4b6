//! The engine: takes batches and questions, and hands them to its slots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use engine::query::Span;
use engine::vitals::DatabaseVitals;
use engine::{Answered, BoxFuture, Engine, Outcome, Query, Reading, Request, Unavailable, Vitals};
use ledger::Seq;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::address::Address;
use crate::contact::Contact;
use crate::error::{CheckFault, OpenError};
use crate::finder::Finder;
use crate::link::Mode;
use crate::planted::Plants;
use crate::queue::{Job, Queue};
use crate::slot::{Asked, answer, serve};
use crate::sqlstate::Fault;

/// Questions that may wait for one connection.
const ASKED_MAX: usize = 256;

/// How long the first question of all may take.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);

/// How often attempts failed, by what that meant.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    retried: AtomicU64,
    lost: AtomicU64,
    refused: AtomicU64,
    doubtful: AtomicU64,
}

impl Faults {
    pub(crate) fn count(&self, fault: Fault) {
        let count = match fault {
            Fault::Retry => &self.retried,
            Fault::Elsewhere => &self.lost,
            Fault::Unavailable => &self.refused,
            Fault::Unknown => &self.doubtful,
            Fault::BadValue | Fault::TooHeavy | Fault::Fatal => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// How often the database is asked whether another server did something.
const BEYOND_PAUSE: Duration = Duration::from_millis(50);

/// How an engine runs.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What the database has to promise.
    pub mode: Mode,
    /// Connections that write, each with one transaction at a time; 1 to 4.
    pub slots: usize,
    /// How long a request waits for the database at most, a failover included.
    pub patience: Duration,
    /// Requests that may wait or be under way, over all clients.
    pub requests_max: usize,
    /// Called once, with what is wrong, when no retry can mend it (rule D46). Nothing is done any
    /// more; whoever serves is best to end.
    pub on_fatal: fn(&str),
    /// Faults planted by a test.
    pub plants: Plants,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Replicated,
            slots: 2,
            patience: Duration::from_secs(40),
            requests_max: 65_536,
            on_fatal: |_| {},
            plants: Plants::default(),
        }
    }
}

/// The engine over a database. It keeps nothing of the bank itself: any number of them may run over
/// one database.
pub struct PostgresEngine {
    shared: Arc<Shared>,
    options: Options,
    room: Semaphore,
    questions: mpsc::Sender<Asked>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

/// What the engine and its slots share.
pub(crate) struct Shared {
    pub(crate) address: Address,
    pub(crate) mode: Mode,
    pub(crate) plants: Plants,
    pub(crate) patience: Duration,
    pub(crate) queue: Queue,
    pub(crate) contact: Contact,
    pub(crate) faults: Faults,
    seq: AtomicU64,
    failed: AtomicBool,
    on_fatal: fn(&str),
}

impl Shared {
    /// Notes how far outcomes show that the order has come.
    pub(crate) fn note(&self, outcomes: &[Outcome<'static>]) {
        if let Some(seq) = outcomes.iter().map(Outcome::rests_on).max() {
            self.reached(seq);
        }
    }

    pub(crate) fn reached(&self, seq: Seq) {
        self.seq.fetch_max(seq.get(), Ordering::AcqRel);
    }

    /// Nothing more is done: something is wrong that no retry mends.
    pub(crate) fn fail(&self, what: &str) {
        let was_so = self.failed.swap(true, Ordering::AcqRel);
        self.queue.close();
        if !was_so {
            (self.on_fatal)(what);
        }
    }

    /// Why nothing is done any more.
    pub(crate) fn stopped(&self) -> Option<Unavailable> {
        self.failed.load(Ordering::Acquire).then_some(Unavailable::JournalStopped)
    }
}

impl PostgresEngine {
    /// Connects and starts, within a tokio runtime.
    /// Errors: no primary answers, or the database must not be used as it is.
    pub async fn open(address: Address, options: Options) -> Result<Self, OpenError> {
        let mut finder = Finder::new(address.clone(), options.mode, options.plants);
        let link = finder.find().await?;
        let asked = link.client.query_opt(&link.statements.head, &[]);
        let Ok(row) = timeout(HEAD_PATIENCE, asked).await else {
            let told = format!("the primary did not say within {HEAD_PATIENCE:?} where it is");
            return Err(OpenError::Unreachable { told });
        };
        let row = row?.ok_or(CheckFault::RowMissing { table: "head" })?;
        let seq: i64 = row.try_get(0)?;
        drop(link);
        let shared = Arc::new(Shared {
            address,
            mode: options.mode,
            plants: options.plants,
            patience: options.patience,
            queue: Queue::default(),
            contact: Contact::default(),
            faults: Faults::default(),
            seq: AtomicU64::new(u64::try_from(seq).unwrap_or_default()),
            failed: AtomicBool::new(false),
            on_fatal: options.on_fatal,
        });
        let (questions, asked) = mpsc::channel(ASKED_MAX);
        let mut tasks = JoinSet::new();
        for _ in 0..options.slots.clamp(1, 4) {
            tasks.spawn(serve(Arc::clone(&shared)));
        }
        tasks.spawn(answer(Arc::clone(&shared), asked));
        let room = Semaphore::new(options.requests_max);
        Ok(Self { shared, options, room, questions, tasks: tokio::sync::Mutex::new(tasks) })
    }

    /// Takes nothing more, ends what is under way, and closes its connections.
    pub async fn close(self) {
        self.shared.queue.close();
        drop(self.questions);
        let mut tasks = self.tasks.into_inner();
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }

    /// Runs all of `batch` in order, whatever its outcomes hold.
    pub async fn run(&self, batch: Vec<Request<'static>>) -> Vec<Outcome<'static>> {
        let Answered { mut outcomes, mut rest } = self.run_some(batch).await;
        while !rest.is_empty() {
            let more = self.run_some(rest).await;
            outcomes.extend(more.outcomes);
            rest = more.rest;
        }
        outcomes
    }

    /// As [`Engine::execute`], for requests that own their texts, with outcomes that do.
    async fn run_some(&self, batch: Vec<Request<'static>>) -> Answered<'static> {
        let all = |outcomes| Answered { outcomes, rest: Vec::new() };
        if batch.is_empty() {
            return all(Vec::new());
        }
        let deadline = Instant::now() + self.options.patience;
        let count = batch.len();
        let wanted = count.min(self.options.requests_max);
        let permits = self.room.acquire_many(u32::try_from(wanted).unwrap_or(u32::MAX));
        let refused = |why| all(vec![Outcome::Unavailable(why); count]);
        let Ok(Ok(_room)) = timeout(self.options.patience, permits).await else {
            return refused(Unavailable::DatabaseUnreachable);
        };
        let unknown =
            |request: &Request<'static>| Outcome::Unknown { tx_id: request.tx_id().cloned() };
        let unanswered: Vec<_> = batch.iter().map(unknown).collect();
        let (reply, answer) = oneshot::channel();
        if self.shared.queue.put(Job::new(batch, deadline, reply)).is_err() {
            return refused(self.shared.stopped().unwrap_or(Unavailable::ShuttingDown));
        }
        // A slot that is gone has answered nothing.
        answer.await.unwrap_or_else(|_| all(unanswered))
    }
}

impl Engine for PostgresEngine {
    fn execute<'a>(&'a self, batch: Vec<Request<'a>>) -> BoxFuture<'a, Answered<'a>> {
        let batch = batch.into_iter().map(Request::into_owned).collect();
        // Outcomes that own their texts are those of any lifetime.
        Box::pin(async move { self.run_some(batch).await })
    }

    fn read<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Reading, Unavailable>> {
        let query = query.into_owned();
        Box::pin(async move {
            let deadline = Instant::now() + self.options.patience;
            let (reply, answer) = oneshot::channel();
            let asked = Asked { query, deadline, reply };
            let sent = timeout(self.options.patience, self.questions.send(asked)).await;
            match sent {
                Err(_) => Err(Unavailable::DatabaseUnreachable),
                Ok(Err(_)) => Err(Unavailable::ShuttingDown),
                Ok(Ok(())) => answer.await.unwrap_or(Err(Unavailable::ShuttingDown)),
            }
        })
    }

    fn seq_durable(&self) -> Seq {
        Seq::new(self.shared.seq.load(Ordering::Acquire))
    }

    fn beyond(&self, seq: Seq) -> BoxFuture<'_, Result<Seq, Unavailable>> {
        Box::pin(async move {
            let next = seq.checked_next().ok_or(Unavailable::ShuttingDown)?;
            loop {
                // What this server committed it knows by itself; of the others the database tells.
                if self.seq_durable() > seq {
                    return Ok(self.seq_durable());
                }
                let first = Query::Transactions(Span { from: next, to: None, limit: 1 });
                let as_of = self.read(first).await?.as_of();
                if as_of > seq {
                    return Ok(as_of);
                }
                tokio::time::sleep(BEYOND_PAUSE).await;
            }
        })
    }

    fn vitals(&self) -> Vitals {
        let Shared { faults, contact, .. } = &*self.shared;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Vitals::Database(DatabaseVitals {
            seq_durable: self.seq_durable(),
            is_reached: contact.is_there(),
            retried_count: read(&faults.retried),
            lost_count: read(&faults.lost),
            refused_count: read(&faults.refused),
            doubtful_count: read(&faults.doubtful),
        })
    }
}

/// The clock, in microseconds since the Unix epoch.
pub(crate) fn now_us() -> u64 {
    let since = UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
