//! What waits for the database: batches in the order in which they came, bounded, each with a
//! deadline of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Answered, Outcome, Request, Unavailable};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::store::RECALLED_ACCOUNTS_MAX;

/// A batch of one client.
pub(crate) struct Job {
    requests: Vec<Request<'static>>,
    outcomes: Vec<Outcome<'static>>,
    /// Requests up to here may have been committed by an attempt that was not answered.
    uncertain_to: usize,
    deadline: Instant,
    reply: oneshot::Sender<Answered<'static>>,
    /// How many accounts are named by the history in the outcomes.
    recalled_accounts_count: usize,
}

impl Job {
    pub(crate) fn new(
        requests: Vec<Request<'static>>,
        deadline: Instant,
        reply: oneshot::Sender<Answered<'static>>,
    ) -> Self {
        let outcomes = Vec::with_capacity(requests.len());
        let recalled_accounts_count = 0;
        Self { requests, outcomes, uncertain_to: 0, deadline, reply, recalled_accounts_count }
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
        for outcome in outcomes {
            let is_shared = self.outcomes.last().is_some_and(|last| shares(last, &outcome));
            if !is_shared {
                self.recalled_accounts_count += recalled_accounts_count(&outcome);
            }
            self.outcomes.push(outcome);
        }
    }

    /// Whether there is as much history in the outcomes as may be held at once, and the rest was
    /// certainly not begun.
    pub(crate) fn is_full(&self) -> bool {
        let known = self.outcomes.len();
        self.recalled_accounts_count >= RECALLED_ACCOUNTS_MAX && self.uncertain_to <= known
    }

    /// Answers with the outcomes that there are, and gives the rest back.
    pub(crate) fn hand_back(mut self) {
        let rest = self.requests.split_off(self.outcomes.len().min(self.requests.len()));
        // A client that went away is told nothing.
        drop(self.reply.send(Answered { outcomes: self.outcomes, rest }));
    }

    /// The next `count` requests may have been committed. From here on each stands under its tx_id,
    /// whoever made it: a refusal that is recorded under it waits for the attempt that was lost, or
    /// keeps it from ever being committed.
    pub(crate) fn lost(&mut self, count: usize) {
        let begin = self.outcomes.len();
        self.uncertain_to = self.uncertain_to.max(begin + count);
        for request in self.requests.iter_mut().skip(begin).take(count) {
            if let Request::Write { tx_id_given, .. } = request {
                *tx_id_given = true;
            }
        }
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
        drop(self.reply.send(Answered { outcomes: self.outcomes, rest: Vec::new() }));
    }
}

/// Whether both hold the same piece of history.
fn shares(one: &Outcome<'_>, other: &Outcome<'_>) -> bool {
    let (Outcome::Resolved { transaction, .. }, Outcome::Resolved { transaction: same, .. }) =
        (one, other)
    else {
        return false;
    };
    Arc::ptr_eq(transaction, same)
}

/// How many accounts are named by what the outcome tells of before. What was asked with, and is
/// repeated, is no longer than its request.
fn recalled_accounts_count(outcome: &Outcome<'_>) -> usize {
    match outcome {
        Outcome::Resolved { transaction, .. } => transaction.event.accounts_count(),
        Outcome::Done { .. }
        | Outcome::Balance { .. }
        | Outcome::Balances { .. }
        | Outcome::Refused { .. }
        | Outcome::Conflict { .. }
        | Outcome::Unavailable(_)
        | Outcome::Unknown { .. } => 0,
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
