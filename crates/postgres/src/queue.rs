//! What waits for the database: batches in the order in which they came, bounded, each with a
//! deadline of its own.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::{Outcome, Request, Unavailable};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// A batch of one client.
pub(crate) struct Job {
    requests: Vec<Request<'static>>,
    outcomes: Vec<Outcome<'static>>,
    /// Requests up to here may have been committed by an attempt that was not answered.
    uncertain_to: usize,
    deadline: Instant,
    reply: oneshot::Sender<Vec<Outcome<'static>>>,
}

impl Job {
    pub(crate) fn new(
        requests: Vec<Request<'static>>,
        deadline: Instant,
        reply: oneshot::Sender<Vec<Outcome<'static>>>,
    ) -> Self {
        let outcomes = Vec::with_capacity(requests.len());
        Self { requests, outcomes, uncertain_to: 0, deadline, reply }
    }

    /// The requests that have no outcome yet.
    pub(crate) fn rest(&self) -> &[Request<'static>] {
        self.requests.get(self.outcomes.len()..).unwrap_or_default()
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Adds the outcomes of the next requests.
    pub(crate) fn done(&mut self, outcomes: impl IntoIterator<Item = Outcome<'static>>) {
        self.outcomes.extend(outcomes);
    }

    /// The next `count` requests may have been committed.
    pub(crate) fn lost(&mut self, count: usize) {
        self.uncertain_to = self.uncertain_to.max(self.outcomes.len() + count);
    }

    /// Answers the next request: it was not done, or that is not known.
    pub(crate) fn fail_next(&mut self, why: Unavailable) {
        let is_uncertain = self.outcomes.len() < self.uncertain_to;
        let Some(request) = self.rest().first() else { return };
        let uncertain = request.tx_id().filter(|_| is_uncertain);
        let outcome = match uncertain {
            Some(tx_id) => Outcome::Unknown { tx_id: Some(tx_id.clone()) },
            None => Outcome::Unavailable(why),
        };
        self.outcomes.push(outcome);
    }

    /// Answers: with what there is, and of the rest that it was not done, or that it is not known.
    pub(crate) fn end(mut self, why: Unavailable) {
        while !self.rest().is_empty() {
            self.fail_next(why);
        }
        // A client that went away is told nothing.
        drop(self.reply.send(self.outcomes));
    }
}

#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl Queue {
    /// Adds a batch; a closed queue gives it back.
    pub(crate) fn put(&self, job: Job) -> Result<(), Job> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(job);
        }
        state.jobs.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes what is queued, up to about `requests_max` requests; waits while there is nothing.
    /// `None` once the queue is closed and empty.
    pub(crate) async fn take(&self, requests_max: usize) -> Option<Vec<Job>> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.lock();
                let mut taken = Vec::new();
                let mut count = 0;
                while count < requests_max
                    && let Some(job) = state.jobs.pop_front()
                {
                    count += job.rest().len();
                    taken.push(job);
                }
                if !state.jobs.is_empty() || state.is_closed {
                    self.changed.notify_one();
                }
                if !taken.is_empty() {
                    return Some(taken);
                }
                if state.is_closed {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Takes no more; what is queued is still done.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
