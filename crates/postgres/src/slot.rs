//! A slot: one connection with at most one batch under way, and what happens when one fails.
//!
//! **Invariant:** what may have been committed is asked again, as it was, until the database tells
//! or the deadline has passed; then its outcome is called unknown.

use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::{Outcome, Query, Reading, Request, Unavailable, chain};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::engine::{Shared, now_us};
use crate::finder::Finder;
use crate::link::Link;
use crate::planted::Planted;
use crate::queue::Job;
use crate::reads;
use crate::sqlstate::Fault;
use crate::store::{Failed, Progress, run};

/// Most requests, and most accounts named, in one transaction; a single request may have more.
const REQUESTS_MAX: usize = 500;
const ACCOUNTS_MAX: usize = 1_000;

/// Pauses between attempts, doubled from one to the next.
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// How long an attempt may take before its commit is sent: longer than one wait for a lock (2 s, the
/// session's `lock_timeout`), which the database ends by itself and which costs no connection.
const DECIDE_PATIENCE: Duration = Duration::from_secs(5);

/// How long an attempt may take in all. A commit that takes so long waits for a standby that is gone,
/// or was sent to a primary that stands still or is cut off: it is asked again on another connection,
/// where the locks that it holds are waited for until it has ended.
const ATTEMPT_PATIENCE: Duration = Duration::from_secs(15);

/// More for each account named: one request may name hundreds of thousands.
const ACCOUNT_PATIENCE: Duration = Duration::from_millis(1);

/// How long one attempt at a question may take, one that counts accounts included; the database works
/// on a part of it for two thirds of that at most.
const QUESTION_PATIENCE: Duration = Duration::from_secs(15);

/// A question with the place for its answer.
pub(crate) struct Asked {
    pub(crate) query: Query<'static>,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<Reading, Unavailable>>,
}

/// Runs batches from the queue until it is closed and empty.
pub(crate) async fn serve(shared: Arc<Shared>) {
    let mut keeper = Keeper::new(Arc::clone(&shared));
    while let Some(jobs) = shared.queue.take(REQUESTS_MAX).await {
        keeper.run(jobs).await;
    }
}

/// Answers questions until nobody can ask any more.
pub(crate) async fn answer(shared: Arc<Shared>, mut asked: mpsc::Receiver<Asked>) {
    let mut keeper = Keeper::new(shared);
    while let Some(asked) = asked.recv().await {
        let answer = keeper.read(&asked).await;
        // Whoever went away is told nothing.
        drop(asked.reply.send(answer));
    }
}

/// Keeps a connection, and opens another when it is of no use any more.
struct Keeper {
    shared: Arc<Shared>,
    finder: Finder,
    link: Option<Link>,
    pause: Duration,
    /// Most requests in the next transaction: fewer after failures.
    requests_max: usize,
}

impl Keeper {
    fn new(shared: Arc<Shared>) -> Self {
        let finder = Finder::new(shared.address.clone(), shared.mode, shared.plants);
        Self { shared, finder, link: None, pause: PAUSE_MIN, requests_max: REQUESTS_MAX }
    }

    /// Runs batches to their ends, in parts, in their order.
    async fn run(&mut self, mut jobs: Vec<Job>) {
        loop {
            jobs = self.without_the_ended(jobs);
            let parts = parts(&jobs, self.requests_max);
            let requests: Vec<Request<'static>> = jobs
                .iter()
                .zip(&parts)
                .flat_map(|(job, part)| job.rest().get(part.clone()).unwrap_or_default())
                .cloned()
                .collect();
            let Some(deadline) = jobs.iter().map(Job::deadline).min() else { return };
            let progress = Progress::default();
            match self.attempt(requests, deadline, &progress).await {
                Ok(outcomes) => {
                    self.succeeded();
                    self.shared.note(&outcomes);
                    let mut outcomes = outcomes.into_iter();
                    for (job, part) in jobs.iter_mut().zip(&parts) {
                        job.done(outcomes.by_ref().take(part.len()));
                    }
                }
                Err(failed) => {
                    let is_lost = progress.may_be_written.load(Ordering::Acquire)
                        && !matches!(failed.fault, Fault::Retry | Fault::Unavailable);
                    if is_lost && !self.shared.plants.has(Planted::LostIsNotDone) {
                        for (job, part) in jobs.iter_mut().zip(&parts) {
                            job.lost(part.len());
                        }
                    }
                    self.failed(&failed, deadline).await;
                    if failed.fault == Fault::BadValue {
                        self.search(&mut jobs, &parts);
                    }
                }
            }
        }
    }

    /// A request among those that were run has a value that the database does not take: they are run
    /// again in smaller parts, and one that was alone has failed.
    fn search(&mut self, jobs: &mut [Job], parts: &[Range<usize>]) {
        let count: usize = parts.iter().map(Range::len).sum();
        self.requests_max = (count / 2).max(1);
        if count == 1 {
            let of_it = jobs.iter_mut().zip(parts).filter(|(_, part)| !part.is_empty());
            of_it.for_each(|(job, _)| job.fail_next(Unavailable::DatabaseUnreachable));
        }
    }

    /// One question, again and again until it is answered or its time is over.
    async fn read(&mut self, asked: &Asked) -> Result<Reading, Unavailable> {
        loop {
            if let Some(why) = self.shared.stopped() {
                return Err(why);
            }
            if Instant::now() >= asked.deadline {
                return Err(Unavailable::DatabaseUnreachable);
            }
            match self.ask(asked).await {
                Ok(reading) => {
                    self.succeeded();
                    self.shared.reached(reading.as_of());
                    return Ok(reading);
                }
                Err(failed) => {
                    self.failed(&failed, asked.deadline).await;
                    if matches!(failed.fault, Fault::BadValue | Fault::TooHeavy) {
                        return Err(Unavailable::DatabaseUnreachable);
                    }
                }
            }
        }
    }

    /// The limit of one attempt, which leaves time for another.
    fn at_most(&self, limit: Duration) -> Duration {
        limit.min(self.shared.patience / 2)
    }

    async fn ask(&mut self, asked: &Asked) -> Result<Reading, Failed> {
        let patience = self.at_most(QUESTION_PATIENCE);
        let opened = timeout_at(asked.deadline, self.opened()).await;
        let link = opened.map_err(|_| late())??;
        let limit = asked.deadline.min(Instant::now() + patience);
        // The database ends what is too heavy before this side takes it for lost.
        let read = reads::answer(link, &asked.query, now_us(), patience * 2 / 3);
        timeout_at(limit, read).await.unwrap_or_else(|_| Err(late()))
    }

    /// Runs `requests` once. An attempt that takes too long is left where it is, and its connection
    /// with it: nothing is ever cancelled at the database.
    async fn attempt(
        &mut self,
        requests: Vec<Request<'static>>,
        deadline: Instant,
        progress: &Progress,
    ) -> Result<Vec<Outcome<'static>>, Failed> {
        let (deciding, in_all) = (self.at_most(DECIDE_PATIENCE), self.at_most(ATTEMPT_PATIENCE));
        let opened = timeout_at(deadline, self.opened()).await;
        let link = opened.map_err(|_| late())??;
        let named: usize = requests.iter().map(names_count).sum();
        let more = ACCOUNT_PATIENCE.saturating_mul(u32::try_from(named).unwrap_or(u32::MAX));
        let began = Instant::now();
        let limit = |patience: Duration| deadline.min(began + patience.saturating_add(more));
        let mut running = pin!(run(link, requests, now_us(), progress));
        if let Ok(ran) = timeout_at(limit(deciding), running.as_mut()).await {
            return ran;
        }
        if !progress.is_committing.load(Ordering::Acquire) {
            return Err(late());
        }
        timeout_at(limit(in_all), running).await.unwrap_or_else(|_| Err(late()))
    }

    /// The connection, opened if there is none.
    async fn opened(&mut self) -> Result<&Link, Failed> {
        let link = match self.link.take() {
            Some(link) if !link.client.is_closed() => link,
            // It was checked at the start: what is wrong now may be mended.
            _ => self
                .finder
                .find()
                .await
                .map_err(|error| Failed::new(Fault::Elsewhere, chain(&error)))?,
        };
        Ok(self.link.insert(link))
    }

    fn succeeded(&mut self) {
        self.shared.contact.succeeded();
        self.pause = PAUSE_MIN;
        self.requests_max = REQUESTS_MAX;
    }

    /// Does what a failure asks for, and rests before the next attempt.
    async fn failed(&mut self, failed: &Failed, deadline: Instant) {
        let Failed { fault, text } = failed;
        self.shared.faults.count(*fault);
        match fault {
            Fault::Retry => {
                tracing::debug!(target: "postgres", event = "retry", "a batch again: {text}");
                if self.pause > PAUSE_MIN {
                    self.requests_max = (self.requests_max / 2).max(1);
                }
            }
            Fault::BadValue => {
                tracing::error!(target: "postgres", event = "value_not_taken", "{text}");
                return;
            }
            Fault::TooHeavy => {
                tracing::warn!(target: "postgres", event = "question_too_heavy", "{text}");
                return;
            }
            Fault::Elsewhere | Fault::Unavailable | Fault::Unknown => {
                self.shared.contact.failed(text);
                self.link = None;
            }
            Fault::Fatal => {
                tracing::error!(target: "postgres", event = "database_fatal", "{text}");
                self.link = None;
                self.shared.fail(text);
                return;
            }
        }
        // Not all at once: those that met would meet again.
        let share = f64::from(rand::random::<u16>()) / f64::from(u16::MAX);
        let wake = Instant::now() + self.pause.mul_f64(0.5 + share);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        sleep_until(wake.min(deadline)).await;
    }

    /// Answers the batches that are done, whose time is over, or that nobody can do any more.
    fn without_the_ended(&self, jobs: Vec<Job>) -> Vec<Job> {
        let now = Instant::now();
        let stopped = self.shared.stopped();
        let mut rest = Vec::with_capacity(jobs.len());
        for job in jobs {
            if job.rest().is_empty() || now >= job.deadline() {
                job.end(Unavailable::DatabaseUnreachable);
            } else if let Some(why) = stopped {
                job.end(why);
            } else if job.is_full() {
                job.hand_back();
            } else {
                rest.push(job);
            }
        }
        rest
    }
}

fn late() -> Failed {
    Failed::new(Fault::Elsewhere, "it was not answered in time")
}

/// Which of the rest of each batch goes into the next transaction: in order, so that no request
/// overtakes another of its batch.
fn parts(jobs: &[Job], requests_max: usize) -> Vec<Range<usize>> {
    let (mut requests, mut accounts) = (0, 0);
    let mut parts = Vec::with_capacity(jobs.len());
    for job in jobs {
        let mut count = 0;
        for request in job.rest() {
            let named = names_count(request);
            let is_full = requests >= requests_max || accounts + named > ACCOUNTS_MAX;
            if is_full && requests > 0 {
                break;
            }
            requests += 1;
            accounts += named;
            count += 1;
        }
        parts.push(0..count);
    }
    parts
}

fn names_count(request: &Request<'static>) -> usize {
    match request {
        Request::Write { command, .. } => command.accounts_count(),
        Request::Resolve { .. } => 0,
        Request::Balance(_) => 1,
        Request::Balances(accounts) => accounts.len(),
    }
}
