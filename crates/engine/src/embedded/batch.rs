//! Runs a batch of requests: reserves room, executes, waits for the sync that its outcomes rest on.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use journal::disk::Disk;
use journal::{limits, record_bytes_max, record_bytes_max_void};
use ledger::{Seq, TxId};

use super::core::{Executed, Now};
use super::durability::Lost;
use super::recall::{Recall, Recalled};
use super::threads::Shared;
use super::{Embedded, chain, clock};
use crate::seam::{Outcome, Request, Unavailable};

/// Requests that fit into the journal's buffer together.
enum Portion<'a> {
    Fit { requests: Vec<Request<'a>>, bytes: u32 },
    TooLarge,
}

/// A request that must be recalled first, or was.
struct Waiting<'a> {
    request: Request<'a>,
    recalled: Option<Recalled>,
}

impl<D: Disk> Embedded<D> {
    pub(super) async fn execute_all<'a>(&'a self, batch: Vec<Request<'a>>) -> Vec<Outcome<'a>> {
        let mut outcomes = Vec::with_capacity(batch.len());
        let total: usize = batch.iter().map(room_for).fold(0, usize::saturating_add);
        if total <= self.buffer_bytes_max as usize / 4 {
            // Nearly every batch.
            let bytes = u32::try_from(total).unwrap_or(u32::MAX);
            self.execute_together(batch, bytes, &mut outcomes).await;
            return outcomes;
        }
        let mut requests = batch.into_iter().peekable();
        while requests.peek().is_some() {
            match self.take_some(&mut requests) {
                Portion::Fit { requests, bytes } => {
                    self.execute_together(requests, bytes, &mut outcomes).await;
                }
                Portion::TooLarge => outcomes.push(Outcome::Unavailable(Unavailable::TooLarge)),
            }
        }
        outcomes
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

    /// Runs requests that fit in the buffer together, and waits for their sync.
    async fn execute_together<'a>(
        &self,
        requests: Vec<Request<'a>>,
        bytes: u32,
        outcomes: &mut Vec<Outcome<'a>>,
    ) {
        if bytes > 0 {
            self.shared.wait_for_index().await;
        }
        let Ok(_room) = self.room.acquire_many(bytes).await else {
            let refused = |_| Outcome::Unavailable(Unavailable::ShuttingDown);
            outcomes.extend(requests.iter().map(refused));
            return;
        };
        let from = outcomes.len();
        // What the outcomes reflect that rest on nothing newer: the position at which the batch
        // came, however long a recall takes.
        let seq_durable = self.shared.durability.seq();
        let mut requests = requests.into_iter();
        if let Some((request, recall)) = self.run(&mut requests, seq_durable, outcomes) {
            let mut rest = VecDeque::with_capacity(requests.len() + 1);
            rest.push_back(Waiting { request, recalled: None });
            rest.extend(requests.map(|request| Waiting { request, recalled: None }));
            self.run_recalling(rest, recall, seq_durable, outcomes).await;
        }
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

    /// Runs the rest of a batch, of which the first must recall.
    async fn run_recalling<'a>(
        &self,
        mut rest: VecDeque<Waiting<'a>>,
        first: Recall,
        seq_durable: Seq,
        outcomes: &mut Vec<Outcome<'a>>,
    ) {
        let Shared { core, .. } = &*self.shared;
        let mut recall = first;
        loop {
            if let Err(unavailable) = self.recall(&mut rest, recall).await {
                let Some(Waiting { request, .. }) = rest.pop_front() else { return };
                outcomes.push(unavailable.outcome_of(request));
            }
            let now = Now { us: clock::now_us(), seq_durable };
            let from = outcomes.len();
            let mut stuck = None;
            while let Some(Waiting { request, recalled }) = rest.pop_front() {
                match core.execute(request, recalled.as_ref(), now) {
                    Executed::Outcome(outcome) => outcomes.push(outcome),
                    Executed::Recall(request, again) => {
                        rest.push_front(Waiting { request, recalled: None });
                        stuck = Some(again);
                        break;
                    }
                }
            }
            core.wake_writer();
            self.say_why_stopped(outcomes, from);
            match stuck {
                Some(again) => recall = again,
                None => return,
            }
        }
    }

    /// Recalls for the first of `rest`, and in the same go for all others that will need it.
    async fn recall(&self, rest: &mut VecDeque<Waiting<'_>>, first: Recall) -> Result<(), Unread> {
        let core = &self.shared.core;
        let mut wanted = Vec::new();
        for (n, waiting) in rest.iter().enumerate() {
            let recall = match n {
                0 => Some(first.clone()),
                _ if waiting.recalled.is_none() => core.foresee(&waiting.request),
                _ => None,
            };
            if let (Some(recall), Some(tx_id)) = (recall, tx_id_of(&waiting.request)) {
                wanted.push((n, tx_id.clone().into_owned(), recall));
            }
        }
        let rests_on = wanted.iter().map(|(_, _, recall)| recall.rests_on()).max();
        let durable = self.shared.durability.wait(rests_on.unwrap_or(Seq::ZERO)).await;
        durable.map_err(|Lost| Unread::Lost)?;
        let recaller = self.shared.recaller.clone();
        let read = self.readers.run(move || {
            let read = |(n, tx_id, recall): (usize, TxId<'static>, Recall)| {
                recaller.recall(&tx_id, &recall).map(|recalled| (n, recalled))
            };
            wanted.into_iter().map(read).collect::<Result<Vec<_>, _>>()
        });
        let recalled = read.await.map_err(|_stopped| Unread::Stopping)?.map_err(|error| {
            tracing::error!(event = "history_unreadable", error = %chain(&error), "{error}");
            Unread::Damaged
        })?;
        for (n, recalled) in recalled {
            if let Some(waiting) = rest.get_mut(n) {
                waiting.recalled = Some(recalled);
            }
        }
        Ok(())
    }

    /// Tells a journal that stopped because it was asked to from one that failed.
    fn say_why_stopped(&self, outcomes: &mut [Outcome<'_>], from: usize) {
        if self.stopping.load(Ordering::Acquire) {
            let stopped = Outcome::Unavailable(Unavailable::JournalStopped);
            let run = outcomes.iter_mut().skip(from);
            for outcome in run.filter(|outcome| **outcome == stopped) {
                *outcome = Outcome::Unavailable(Unavailable::ShuttingDown);
            }
        }
    }
}

/// Why nothing could be recalled.
enum Unread {
    /// What may carry the tx_id will never be durable.
    Lost,
    Stopping,
    Damaged,
}

impl Unread {
    fn outcome_of<'a>(&self, request: Request<'a>) -> Outcome<'a> {
        match self {
            Self::Lost => Outcome::Unknown { tx_id: tx_id_of(&request).cloned() },
            Self::Stopping => Outcome::Unavailable(Unavailable::ShuttingDown),
            Self::Damaged => Outcome::Unavailable(Unavailable::IndexDamaged),
        }
    }
}

fn tx_id_of<'r, 'a>(request: &'r Request<'a>) -> Option<&'r TxId<'a>> {
    match request {
        Request::Write { tx_id, .. } | Request::Resolve(tx_id) => Some(tx_id),
        Request::Balance(_) | Request::Balances(_) => None,
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
