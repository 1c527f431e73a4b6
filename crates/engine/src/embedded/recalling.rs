//! Runs the rest of a batch from the first request on that must recall what stands under its tx_id.
//!
//! A record may name as many accounts as a line has room for, and its name is short: so one batch can
//! ask for a thousand of the largest. **Invariant:** what a batch has recalled, for answers or to
//! compare with, names [`RECALLED_ACCOUNTS_MAX`] accounts and those of one event more, at most.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use journal::disk::Disk;
use ledger::{Seq, TxId};

use super::batch::{Answers, Held, rests_on, room_for};
use super::core::{Executed, Now};
use super::durability::Lost;
use super::lines::ReadError;
use super::recall::{Recall, RecallError, Recalled, Recaller};
use super::threads::Shared;
use super::{Embedded, clock};
use crate::seam::{Outcome, Request, Unavailable};

/// A batch ends behind the recalls that name so many accounts.
const RECALLED_ACCOUNTS_MAX: usize = 10_000;

/// A request that must be recalled first, or was.
pub(super) struct Waiting<'a> {
    pub(super) request: Request<'a>,
    /// Shared by all requests under one tx_id; `None`: not yet, or it need not be.
    recalled: Option<Result<Arc<Recalled>, Unread>>,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(request: Request<'a>) -> Self {
        Self { request, recalled: None }
    }
}

impl<D: Disk> Embedded<D> {
    /// Runs the rest of a batch, of which the first must recall. Returns what it did not begin.
    pub(super) async fn run_recalling<'a, 'e>(
        &'e self,
        mut rest: VecDeque<Waiting<'a>>,
        first: Recall,
        held: &mut Held<'e>,
        answers: &mut Answers<'a>,
    ) -> Vec<Request<'a>> {
        let Shared { core, .. } = &*self.shared;
        let mut recall = first;
        loop {
            let is_full = answers.recalled_accounts_count >= RECALLED_ACCOUNTS_MAX;
            if is_full && !answers.outcomes.is_empty() {
                return rest.into_iter().map(|waiting| waiting.request).collect();
            }
            // A slow disk holds up those who read alone: others may have the room meanwhile.
            let bytes = room_for_all(&rest);
            drop(held.room.split(bytes as usize));
            answers.recalled_accounts_count +=
                self.recall(&mut rest, recall, answers.recalled_accounts_count).await;
            self.reserve_again(bytes, held, answers).await;
            let now = Now { us: clock::now_us(), seq_durable: held.seq_durable };
            let from = answers.outcomes.len();
            let mut stuck = None;
            while let Some(Waiting { request, recalled }) = rest.pop_front() {
                let recalled = match recalled.transpose() {
                    Ok(recalled) => recalled,
                    Err(unread) => {
                        answers.outcomes.push(unread.outcome_of(&request));
                        continue;
                    }
                };
                match core.execute(request, recalled.as_deref(), now) {
                    Executed::Outcome(outcome) => answers.outcomes.push(outcome),
                    Executed::Recall(request, again) => {
                        rest.push_front(Waiting::new(request));
                        stuck = Some(again);
                        break;
                    }
                }
            }
            core.wake_writer();
            self.say_why_stopped(&mut answers.outcomes, from);
            match stuck {
                Some(again) => recall = again,
                None => return vec![],
            }
        }
    }

    /// Reserves room for what is still to be run. IMPORTANT: first what was staged must be durable,
    /// and its room given back: batches that held some while they waited for more would wait for each
    /// other for ever.
    async fn reserve_again<'e>(&'e self, bytes: u32, held: &mut Held<'e>, answers: &Answers<'_>) {
        let staged = answers.outcomes.get(held.from..).unwrap_or_default();
        if self.shared.durability.wait(rests_on(staged)).await.is_err() {
            // Nothing more is staged, and who waits for it at the end says so.
            return;
        }
        drop(held.room.split(held.room.num_permits()));
        if bytes > 0 {
            self.shared.wait_for_index().await;
        }
        if let Ok(room) = self.room.acquire_many(bytes).await {
            held.room.merge(room);
        }
    }

    /// Recalls for the first of `rest`, and in the same go for others that will need it, until what
    /// the batch has recalled is as much as it may be: `accounts_count` of it before. What cannot be
    /// read fails the requests under its own tx_id and no others. Returns how many accounts are named
    /// by what was recalled.
    async fn recall(
        &self,
        rest: &mut VecDeque<Waiting<'_>>,
        first: Recall,
        accounts_count: usize,
    ) -> usize {
        let core = &self.shared.core;
        // One recall for all requests under one tx_id.
        let mut wanted: Vec<(TxId<'static>, Recall)> = Vec::new();
        let mut places: HashMap<&TxId<'_>, usize> = HashMap::new();
        let mut asked = Vec::new();
        for (n, waiting) in rest.iter().enumerate() {
            let Some(tx_id) = waiting.request.tx_id() else { continue };
            if waiting.recalled.is_some() {
                continue;
            }
            if let Some(place) = places.get(tx_id) {
                asked.push((n, *place));
                continue;
            }
            let recall = if n == 0 { Some(first.clone()) } else { core.foresee(&waiting.request) };
            if let Some(recall) = recall {
                places.insert(tx_id, wanted.len());
                asked.push((n, wanted.len()));
                wanted.push((tx_id.clone().into_owned(), recall));
            }
        }
        let wanted_count = wanted.len();
        let rests_on = wanted.iter().map(|(_, recall)| recall.rests_on()).max();
        let durable = match self.shared.durability.wait(rests_on.unwrap_or(Seq::ZERO)).await {
            Ok(()) => Seq::new(u64::MAX),
            Err(Lost) => self.shared.durability.seq(),
        };
        let recaller = self.shared.recaller.clone();
        let read = self.readers.recalls.run(move || {
            let accounts_max = RECALLED_ACCOUNTS_MAX.saturating_sub(accounts_count);
            read_each(&recaller, wanted, durable, accounts_max)
        });
        let stopping = Unread::Unavailable(Unavailable::ShuttingDown);
        let read = read.await.unwrap_or_else(|_stopped| vec![Err(stopping); wanted_count]);
        for (n, place) in asked {
            if let (Some(waiting), Some(recalled)) = (rest.get_mut(n), read.get(place)) {
                waiting.recalled = Some(recalled.clone());
            }
        }
        read.iter().flatten().map(|recalled| recalled.accounts_count()).sum()
    }
}

/// Room for all of `rest`, which is part of a batch that had room.
fn room_for_all(rest: &VecDeque<Waiting<'_>>) -> u32 {
    let bytes =
        rest.iter().map(|waiting| room_for(&waiting.request)).fold(0, usize::saturating_add);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Recalls one after the other, the first at least, until what was recalled names `accounts_max`
/// accounts. What rests on more than `durable` is lost.
fn read_each<D: Disk>(
    recaller: &Recaller<D>,
    wanted: Vec<(TxId<'static>, Recall)>,
    durable: Seq,
    accounts_max: usize,
) -> Vec<Result<Arc<Recalled>, Unread>> {
    let mut named_count = 0;
    let mut failed: Vec<(ReadError, usize)> = Vec::new();
    let mut read = Vec::with_capacity(wanted.len());
    for (tx_id, recall) in wanted {
        if named_count >= accounts_max && !read.is_empty() {
            break;
        }
        if recall.rests_on() > durable {
            read.push(Err(Unread::Lost));
            continue;
        }
        read.push(match recaller.recall(&tx_id, &recall) {
            Ok(recalled) => {
                named_count += recalled.accounts_count();
                Ok(Arc::new(recalled))
            }
            Err(RecallError(error)) => {
                let why = error.unavailable();
                match failed.iter_mut().find(|(first, _)| first.unavailable() == why) {
                    Some((_, count)) => *count += 1,
                    None => failed.push((error, 1)),
                }
                Err(Unread::Unavailable(why))
            }
        });
    }
    // The first of a kind speaks for all: a thousand lines would say no more.
    for (error, count) in failed {
        error.log(count);
    }
    read
}

/// Why nothing could be recalled.
#[derive(Clone, Copy, Debug)]
enum Unread {
    /// What may carry the tx_id will never be durable.
    Lost,
    Unavailable(Unavailable),
}

impl Unread {
    fn outcome_of<'a>(self, request: &Request<'a>) -> Outcome<'a> {
        match self {
            Self::Lost => Outcome::Unknown { tx_id: request.tx_id().cloned() },
            Self::Unavailable(why) => Outcome::Unavailable(why),
        }
    }
}
