//! Following the log: whoever follows reads pages of what is durable, in order, each event once, and
//! waits at the end. One task per server watches the engine for all of them, while there are any.
//!
//! **Invariant:** what a follower holds is one page; whoever reads slowly costs no memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::query::Span;
use engine::{Engine, Query, Reading};
use ledger::{Seq, Transaction};
use server::CancellationToken;
use tokio::sync::watch;

use crate::caller::Caller;
use crate::options::STREAM_PAGE;
use crate::problem::Problem;
use crate::state::State;

/// How long the watch rests when the engine cannot say where the log ends.
const WATCH_PAUSE: Duration = Duration::from_secs(1);

/// Tells followers how far the log has come.
#[derive(Clone, Default)]
pub(crate) struct Pulse(Arc<Mutex<Option<watch::Sender<Seq>>>>);

impl Pulse {
    /// A view of the durable position. The watch begins with the first one.
    fn subscribe(&self, engine: Arc<dyn Engine>, stop: CancellationToken) -> watch::Receiver<Seq> {
        let mut running = self.lock();
        if let Some(sender) = running.as_ref() {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(engine.seq_durable());
        *running = Some(sender);
        drop(running);
        tokio::spawn(self.clone().watch(engine, stop, *receiver.borrow()));
        receiver
    }

    /// Tells each new position, until nobody is there to hear of one. A wait for the engine is not
    /// broken off before: each leaves a trace there until something happens.
    async fn watch(self, engine: Arc<dyn Engine>, stop: CancellationToken, from: Seq) {
        let mut seen = from;
        loop {
            let beyond = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                beyond = engine.beyond(seen) => beyond,
            };
            match beyond {
                Ok(seq) => seen = seq,
                Err(why) => {
                    tracing::debug!(event = "follow_paused", %why, "the end of the log is not known");
                    tokio::time::sleep(WATCH_PAUSE).await;
                }
            }
            let mut running = self.lock();
            match running.as_ref() {
                Some(sender) if sender.receiver_count() > 0 => {
                    sender.send_replace(seen);
                }
                _ => {
                    *running = None;
                    return;
                }
            }
        }
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<watch::Sender<Seq>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a follower gets.
pub(crate) enum Followed {
    /// The next events, in order, none left out. May be empty where the caller may see none of them.
    Events(Vec<Transaction<'static>>),
    /// The follower fell too far back; the next event that it did not get.
    Behind(Seq),
    /// The server stops, or cannot read.
    Over,
}

/// One who follows.
pub(crate) struct Follower {
    state: State,
    caller: Caller,
    /// The next event to give.
    next: Seq,
    /// How far behind it may be.
    behind_max: u64,
    durable: watch::Receiver<Seq>,
}

impl Follower {
    /// Follows from the event `from` on, which may lie ahead; `None`: from the next one.
    pub(crate) fn new(state: State, caller: Caller, from: Option<Seq>) -> Self {
        let durable = state.engine().seq_durable();
        let next = from.unwrap_or_else(|| durable.checked_next().unwrap_or(durable));
        let next = next.max(Seq::new(1));
        // Whoever begins far back has so much more to read, and may not lose ground.
        let behind = durable.get().saturating_sub(next.get());
        let behind_max = behind.saturating_add(state.options().behind_events_max);
        let durable = state.pulse().subscribe(state.engine_shared(), state.stop().clone());
        Self { state, caller, next, behind_max, durable }
    }

    /// Waits for what comes next.
    pub(crate) async fn next(&mut self) -> Followed {
        let stop = self.state.stop().clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => Followed::Over,
            followed = self.read_on() => match followed {
                Ok(followed) => followed,
                Err(_problem) => Followed::Over,
            },
        }
    }

    async fn read_on(&mut self) -> Result<Followed, Problem> {
        let next = self.next;
        let Ok(durable) = self.durable.wait_for(|durable| *durable >= next).await.map(|seq| *seq)
        else {
            return Ok(Followed::Over);
        };
        if durable.get().saturating_sub(next.get()) > self.behind_max {
            return Ok(Followed::Behind(next));
        }
        let span = Span { from: next, to: Some(durable), limit: STREAM_PAGE };
        let reading = self.state.read(&self.caller, Query::Transactions(span)).await?;
        let Reading::Transactions { transactions, next, as_of } = reading else {
            return Ok(Followed::Over);
        };
        let behind_page = next.or_else(|| durable.min(as_of).checked_next());
        self.next = behind_page.unwrap_or(self.next).max(self.next);
        Ok(Followed::Events(transactions))
    }
}
