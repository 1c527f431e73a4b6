//! What happens in the bank, as it happens: followers get every transaction from a seq on, in order
//! and once, as soon as it is durable.
//!
//! One task per server (`pump`) waits for the engine, only while somebody follows, and keeps the
//! latest pages for all followers (`ring`). A follower that is further back reads for itself.
//!
//! **Invariant:** a follower holds one page at most: one that is slow costs no memory.

mod pump;
mod ring;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::query::{PAGE_MAX, Query, Span};
use engine::{Engine, Reading, Unavailable};
use ledger::{Seq, Transaction};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::ring::Ring;

/// Some transactions, one behind the other, oldest first; never empty.
pub type Page = Arc<[Transaction<'static>]>;

/// How many transactions more than at its best a follower may be behind, before it is let go.
pub const LAG_MAX: u64 = 65_536;

/// How many followers read from the engine at once; the others wait.
const READS_AT_ONCE: usize = 4;

/// Gives transactions to followers. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<dyn Engine>,
    followers_max: usize,
    stop: CancellationToken,
    state: Mutex<State>,
    told: watch::Sender<Told>,
    reads: Semaphore,
}

#[derive(Default)]
struct State {
    followers_count: usize,
    pump: Option<JoinHandle<()>>,
    /// Whether the task goes on. It says itself when it ends.
    is_pumping: bool,
    ring: Ring,
}

/// What all followers are told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// Up to here everything is durable.
    tail: Seq,
    /// Why nothing more will come.
    ended: Option<Unavailable>,
}

/// There are as many followers as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are {followers_max} followers, and no more are let in")]
pub struct TooManyFollowers {
    /// The limit.
    pub followers_max: usize,
}

/// Why a follower gets nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedEnd {
    /// It took what it was given too slowly. It may follow again from the seq at which it stopped,
    /// and does well to read pages of transactions until it is close.
    #[error("the follower fell {lag} transactions behind; the next one for it is {next}")]
    Behind {
        /// The first transaction that it has not been given.
        next: Seq,
        /// How many there are from there to the durable position.
        lag: u64,
    },
    /// The engine stops, or cannot read.
    #[error("{0}")]
    Unavailable(Unavailable),
}

impl Feed {
    /// A feed of what `engine` makes durable, for at most `followers_max` at once, until `stop`.
    pub fn new(engine: Arc<dyn Engine>, followers_max: usize, stop: CancellationToken) -> Self {
        let (told, _) = watch::channel(Told::default());
        let (state, reads) = (Mutex::default(), Semaphore::new(READS_AT_ONCE));
        Self { shared: Arc::new(Shared { engine, followers_max, stop, state, told, reads }) }
    }

    /// Follows from the seq `from` on, it included; `None`: from what happens next. To be called
    /// within a tokio runtime. Errors: `TooManyFollowers`.
    pub fn follow(&self, from: Option<Seq>) -> Result<Follower, TooManyFollowers> {
        let shared = self.shared.clone();
        let mut state = shared.state();
        if state.followers_count >= shared.followers_max {
            return Err(TooManyFollowers { followers_max: shared.followers_max });
        }
        state.followers_count += 1;
        if !state.is_pumping {
            pump::start(&shared, &mut state);
        }
        drop(state);
        let told = shared.told.subscribe();
        let tail = told.borrow().tail;
        let next = from.unwrap_or_else(|| tail.checked_next().unwrap_or(tail)).max(Seq::new(1));
        Ok(Follower { shared, told, next, lag_least: u64::MAX })
    }

    /// How many follow.
    pub fn followers_count(&self) -> usize {
        self.shared.state().followers_count
    }

    /// Ends what the feed does in the background. Its followers get nothing more.
    pub async fn close(&self) {
        let pump = self.shared.state().pump.take();
        if let Some(pump) = pump {
            pump.abort();
            // Aborted or ended: either way it holds the engine no longer.
            pump.await.ok();
        }
        self.shared.end(Unavailable::ShuttingDown);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, why: Unavailable) {
        self.told.send_modify(|told| told.ended = Some(why));
    }

    /// The transactions from `from` on, as many as fit one page.
    async fn read(&self, from: Seq) -> Result<Page, Unavailable> {
        let span = Span { from, to: None, limit: PAGE_MAX };
        match self.engine.read(Query::Transactions(span)).await? {
            Reading::Transactions { transactions, .. } => Ok(transactions.into()),
            Reading::Transaction { .. }
            | Reading::Statement(_)
            | Reading::BalanceAt { .. }
            | Reading::Accounts { .. }
            | Reading::Totals(_)
            | Reading::NotYet { .. } => unreachable!("the engine answers what it was asked"),
        }
    }
}

/// Gets every transaction from one seq on.
pub struct Follower {
    shared: Arc<Shared>,
    told: watch::Receiver<Told>,
    next: Seq,
    /// How far behind it was when it was closest.
    lag_least: u64,
}

impl Follower {
    /// The first transaction that it has not been given.
    pub fn position(&self) -> Seq {
        self.next
    }

    /// Up to where everything is known to be durable.
    pub fn durable(&self) -> Seq {
        self.told.borrow().tail
    }

    /// The transactions from [`Follower::position`] on, once there are any. A call that is dropped
    /// before it resolves takes nothing.
    pub async fn next(&mut self) -> Result<Page, FeedEnd> {
        loop {
            let Told { tail, ended } = *self.told.borrow_and_update();
            let lag = tail.get().saturating_add(1).saturating_sub(self.next.get());
            if lag > self.lag_least.saturating_add(LAG_MAX) {
                return Err(FeedEnd::Behind { next: self.next, lag });
            }
            self.lag_least = self.lag_least.min(lag);
            if lag > 0 {
                return self.take().await;
            }
            match ended {
                Some(why) => return Err(FeedEnd::Unavailable(why)),
                None => {
                    let lost = self.told.changed().await.is_err();
                    debug_assert!(!lost, "the follower itself holds the sender");
                }
            }
        }
    }

    /// A page that is there.
    async fn take(&mut self) -> Result<Page, FeedEnd> {
        let recent = self.shared.state().ring.page(self.next);
        let page = match recent {
            Some(page) => page,
            None => self.read_back().await.map_err(FeedEnd::Unavailable)?,
        };
        // The engine knows of none although they are durable: nothing can be told of them.
        let Some(last) = page.last() else {
            return Err(FeedEnd::Unavailable(Unavailable::JournalUnreadable));
        };
        self.next = last.seq.checked_next().unwrap_or(last.seq);
        Ok(page)
    }

    async fn read_back(&self) -> Result<Page, Unavailable> {
        // It is never closed, so the permit comes.
        let _permit = self.shared.reads.acquire().await.map_err(|_| Unavailable::ShuttingDown)?;
        self.shared.read(self.next).await
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.state().followers_count -= 1;
    }
}
