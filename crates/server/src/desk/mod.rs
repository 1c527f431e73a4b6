//! The one place where all doors ask the bank: what whoever asks may do, see and move is judged here,
//! by the one table of `access`.
//!
//! * `permit` decides which act a request is and which accounts it names;
//! * `sight` takes out of an answer what is not for the eyes of whoever asks;
//! * `spending` holds writes against the limits of whoever asks.
//!
//! **Invariant:** nothing is read for somebody before the table is asked, but a transaction, whose
//! accounts are known only once it was found.

mod no;
mod own;
pub(crate) mod permit;
mod sight;
mod spending;

use std::sync::Arc;

use access::{Access, Act, Forbidden, Principal};
use engine::{Engine, Outcome, Query, Reading, Request, Unavailable};
use ledger::Seq;
use tokio_util::sync::CancellationToken;

use self::spending::Spending;
use crate::counters::Counters;
use crate::feed::{Feed, Follower};

pub use no::No;
pub use sight::seen_by;
pub(crate) use spending::settle;

/// How many follow at once.
const FOLLOWERS_MAX: usize = 256;

/// The bank, for all doors. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<dyn Engine>,
    access: Access,
    feed: Feed,
    counters: Counters,
    spending: Spending,
}

impl Desk {
    /// A desk before `engine`, which `access` guards. `stop` ends what it does in the background.
    pub fn new(engine: Arc<dyn Engine>, access: Access, stop: CancellationToken) -> Self {
        let feed = Feed::new(engine.clone(), FOLLOWERS_MAX, stop);
        let (counters, spending) = (Counters::default(), Spending::default());
        Self { inner: Arc::new(Inner { engine, access, feed, counters, spending }) }
    }

    /// What keeps the money. Whoever goes there passes by the table.
    pub fn engine(&self) -> &dyn Engine {
        &*self.inner.engine
    }

    /// The same, for a task of its own.
    pub fn engine_shared(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.inner.engine)
    }

    /// Who may do what.
    pub fn access(&self) -> &Access {
        &self.inner.access
    }

    /// What happens, as it happens, for whoever may see all of it; see [`seen_by`].
    pub fn feed(&self) -> &Feed {
        &self.inner.feed
    }

    /// What the doors did.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// Whether `who` may do this with these accounts. Errors: `Forbidden`; `Unauthenticated` when its
    /// token was revoked, changed or is at its end.
    pub fn may<'n>(
        &self,
        who: &Principal,
        act: Act,
        accounts: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), No> {
        self.must_be_current(who)?;
        Ok(who.may(act, accounts)?)
    }

    /// Runs one request of `who`; resolves once its outcome is durable. Errors: `Unauthenticated`,
    /// `Forbidden`, `Limit`; `Unavailable` when it cannot be known how much `who` has moved today.
    pub async fn ask(&self, who: &Principal, request: Request<'static>) -> Result<Outcome<'_>, No> {
        self.must_be_current(who)?;
        permit::request(who, &request)?;
        let reserved = self.reserve(who, &request).await?;
        let mut batch = vec![permit::signed(who, request)];
        loop {
            let mut answered = self.engine().execute(batch).await;
            match answered.outcomes.pop() {
                Some(outcome) => {
                    if let Some(reserved) = reserved {
                        spending::settle(reserved, &outcome);
                    }
                    return Ok(outcome);
                }
                None => batch = answered.rest,
            }
        }
    }

    /// Answers a question of `who` about history, with nothing in it that is not for its eyes.
    /// Errors: `Unauthenticated`, `Forbidden`, `Unavailable`.
    pub async fn read(&self, who: &Principal, query: Query<'_>) -> Result<Reading, No> {
        self.must_be_current(who)?;
        permit::query(who, &query)?;
        Ok(self.read_permitted(who, query).await?)
    }

    /// Follows what happens from the seq `from` on; `None`: from what happens next. What comes is to be
    /// shown by way of [`seen_by`] alone. Errors: `Unauthenticated`, `Forbidden`, `TooManyFollowers`.
    pub fn follow(&self, who: &Principal, from: Option<Seq>) -> Result<Follower, No> {
        self.must_be_current(who)?;
        permit::follow(who)?;
        Ok(self.feed().follow(from)?)
    }

    /// A question that is permitted.
    pub(crate) async fn read_permitted(
        &self,
        who: &Principal,
        query: Query<'_>,
    ) -> Result<Reading, Unavailable> {
        if who.sees_all() {
            return self.engine().read(query).await;
        }
        if let Query::Accounts { prefix, after, limit, count } = query {
            return own::accounts(self.engine(), who, &prefix, after.as_ref(), limit, count).await;
        }
        Ok(sight::reading(who, self.engine().read(query).await?))
    }

    fn must_be_current(&self, who: &Principal) -> Result<(), No> {
        if self.access().is_current(who) { Ok(()) } else { Err(No::Unauthenticated) }
    }
}

impl From<Forbidden> for No {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}
