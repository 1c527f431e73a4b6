//! Runs a batch of requests: reserves room, executes, waits for the sync that its outcomes rest on.
//! Not here: requests whose tx_id may have been used, and all behind them (`recalling`).

use std::sync::atomic::Ordering;

use journal::disk::Disk;
use journal::{limits, record_bytes_max, record_bytes_max_void};
use ledger::Seq;
use tokio::sync::SemaphorePermit;

use super::core::{Executed, Now};
use super::recall::Recall;
use super::recalling::Waiting;
use super::threads::Shared;
use super::{Embedded, clock};
use crate::seam::{Answered, Outcome, Request, Unavailable};

/// Requests that fit into the journal's buffer together.
enum Portion<'a> {
    Fit { requests: Vec<Request<'a>>, bytes: u32 },
    TooLarge,
}

/// What requests hold that are run together.
pub(super) struct Held<'e> {
    /// Room in the journal's buffer, for what is staged and for what may still be.
    pub(super) room: SemaphorePermit<'e>,
    /// Where their outcomes begin.
    pub(super) from: usize,
    /// The position at which they came.
    pub(super) seq_durable: Seq,
}

/// What was made of a batch so far.
pub(super) struct Answers<'a> {
    pub(super) outcomes: Vec<Outcome<'a>>,
    /// How many accounts are named by what was recalled for them.
    pub(super) recalled_accounts_count: usize,
}

impl<D: Disk> Embedded<D> {
    pub(super) async fn execute_all<'a>(&'a self, batch: Vec<Request<'a>>) -> Answered<'a> {
        let outcomes = Vec::with_capacity(batch.len());
        let mut answers = Answers { outcomes, recalled_accounts_count: 0 };
        let total: usize = batch.iter().map(room_for).fold(0, usize::saturating_add);
        if total <= self.buffer_bytes_max as usize / 4 {
            // Nearly every batch.
            let bytes = u32::try_from(total).unwrap_or(u32::MAX);
            let rest = self.execute_together(batch, bytes, &mut answers).await;
            return Answered { outcomes: answers.outcomes, rest };
        }
        let mut requests = batch.into_iter().peekable();
        while requests.peek().is_some() {
            match self.take_some(&mut requests) {
                Portion::Fit { requests: some, bytes } => {
                    let mut rest = self.execute_together(some, bytes, &mut answers).await;
                    if !rest.is_empty() {
                        rest.extend(requests);
                        return Answered { outcomes: answers.outcomes, rest };
                    }
                }
                Portion::TooLarge => {
                    answers.outcomes.push(Outcome::Unavailable(Unavailable::TooLarge));
                }
            }
        }
        Answered { outcomes: answers.outcomes, rest: vec![] }
    }

    /// Takes as many of `requests` as fit in the buffer together.
    fn take_some<'a>(
        &self,
        requests: &mut std::iter::Peekable<std::vec::IntoIter<Request<'a>>>,
    ) -> Portion<'a> {
        let mut some = Vec::new();
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
                return Portion::TooLarge;
            }
            bytes = bytes.saturating_add(needed);
            some.push(request);
            if !fits {
                break;
            }
        }
        Portion::Fit { requests: some, bytes }
    }

    /// Runs requests that fit in the buffer together, and waits for their sync. Returns what it did
    /// not begin.
    async fn execute_together<'a>(
        &self,
        requests: Vec<Request<'a>>,
        bytes: u32,
        answers: &mut Answers<'a>,
    ) -> Vec<Request<'a>> {
        if bytes > 0 {
            self.shared.wait_for_index().await;
        }
        let Ok(room) = self.room.acquire_many(bytes).await else {
            let refused = |_| Outcome::Unavailable(Unavailable::ShuttingDown);
            answers.outcomes.extend(requests.iter().map(refused));
            return vec![];
        };
        let from = answers.outcomes.len();
        // What the outcomes reflect that rest on nothing newer: the position at which the batch
        // came, however long a recall takes.
        let seq_durable = self.shared.durability.seq();
        let mut requests = requests.into_iter();
        let mut held = Held { room, from, seq_durable };
        let mut rest = vec![];
        if let Some((request, recall)) = self.run(&mut requests, seq_durable, &mut answers.outcomes)
        {
            let waiting = std::iter::once(request).chain(requests).map(Waiting::new).collect();
            rest = self.run_recalling(waiting, recall, &mut held, answers).await;
        }
        let run = answers.outcomes.get_mut(from..).unwrap_or_default();
        // The room is given back when this returns: what took it is durable, or lost with all.
        if self.shared.durability.wait(rests_on(run)).await.is_err() {
            let durable = self.shared.durability.seq();
            for outcome in run.iter_mut().filter(|outcome| outcome.rests_on() > durable) {
                *outcome = unknown(outcome);
            }
        }
        rest
    }

    /// Runs requests for which room was reserved, up to one that must recall what stands under its
    /// tx_id; that one comes back. No lock of it outlives a request.
    fn run<'a>(
        &self,
        requests: &mut std::vec::IntoIter<Request<'a>>,
        seq_durable: Seq,
        outcomes: &mut Vec<Outcome<'a>>,
    ) -> Option<(Request<'a>, Recall)> {
        let Shared { core, .. } = &*self.shared;
        if self.stopping.load(Ordering::Acquire) {
            let refused = |_| Outcome::Unavailable(Unavailable::ShuttingDown);
            outcomes.extend(requests.map(refused));
            return None;
        }
        let now = Now { us: clock::now_us(), seq_durable };
        let from = outcomes.len();
        let mut stuck = None;
        for request in requests {
            match core.execute(request, None, now) {
                Executed::Outcome(outcome) => outcomes.push(outcome),
                Executed::Recall(request, recall) => {
                    stuck = Some((request, recall));
                    break;
                }
            }
        }
        core.wake_writer();
        self.say_why_stopped(outcomes, from);
        stuck
    }

    /// Tells a journal that stopped because it was asked to from one that failed.
    pub(super) fn say_why_stopped(&self, outcomes: &mut [Outcome<'_>], from: usize) {
        if self.stopping.load(Ordering::Acquire) {
            let stopped = Outcome::Unavailable(Unavailable::JournalStopped);
            let run = outcomes.iter_mut().skip(from);
            for outcome in run.filter(|outcome| **outcome == stopped) {
                *outcome = Outcome::Unavailable(Unavailable::ShuttingDown);
            }
        }
    }
}

/// The highest seq that any of the outcomes rests on.
pub(super) fn rests_on(outcomes: &[Outcome<'_>]) -> Seq {
    outcomes.iter().map(Outcome::rests_on).max().unwrap_or(Seq::ZERO)
}

/// No fewer bytes than the request's record can have.
pub(super) fn room_for(request: &Request<'_>) -> usize {
    match request {
        Request::Write { command, tx_id, by, .. } => {
            record_bytes_max(command, tx_id.as_str(), by.as_ref())
        }
        Request::Resolve { tx_id, by } => record_bytes_max_void(tx_id.as_str(), by.as_ref()),
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
