//! Finds the primary among the hosts of an address, and gives a connection to it.
//!
//! **Invariant:** a host has at most one connection that is not yet known to serve. Where commits wait
//! for a standby that is away, one that was thrown away would stay behind in the database until the
//! standby comes back, and with each attempt one more, until it takes no connections at all.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::address::Address;
use crate::error::OpenError;
use crate::link::{Link, Mode};
use crate::planted::Plants;
use crate::search::Search;

/// How long the checks of a connection may take, the first commit on it included, before the next
/// host is asked.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// How long one that did not answer in that time is waited for when its turn comes again.
const AGAIN_PATIENCE: Duration = Duration::from_millis(500);

/// How long one is kept: a host that was frozen or cut off may never answer on it.
const KEEP_PATIENCE: Duration = Duration::from_secs(60);

/// Looks for the primary as often as it is asked to.
pub(crate) struct Finder {
    address: Address,
    mode: Mode,
    plants: Plants,
    /// For each host a connection that is being checked.
    opening: Vec<Option<Opening>>,
}

/// A connection that is being checked; dropped with the value.
struct Opening {
    began: Instant,
    task: JoinHandle<Result<Option<Link>, OpenError>>,
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Finder {
    pub(crate) fn new(address: Address, mode: Mode, plants: Plants) -> Self {
        Self { address, mode, plants, opening: Vec::new() }
    }

    /// A connection to the primary: the hosts one by one, each with a time of its own. May be dropped
    /// and asked again. Errors: none serves now, or the database must not be used as it is.
    pub(crate) async fn find(&mut self) -> Result<Link, OpenError> {
        let mut search = Search::default();
        let places = self.address.places();
        self.opening.resize_with(places.len(), || None);
        for (place, opening) in places.into_iter().zip(&mut self.opening) {
            let name = format!("{}:{}", place.host, place.port);
            let is_kept = |kept: &Opening| kept.began.elapsed() < KEEP_PATIENCE;
            *opening = opening.take().filter(is_kept);
            let (mode, plants) = (self.mode, self.plants);
            let open = || Opening {
                began: Instant::now(),
                task: tokio::spawn(Link::open_at(place, mode, plants)),
            };
            let under_way = opening.get_or_insert_with(open);
            let left = CHECK_PATIENCE.saturating_sub(under_way.began.elapsed());
            let opened = timeout(left.max(AGAIN_PATIENCE), &mut under_way.task).await;
            let Ok(opened) = opened else {
                search.hear(&name, "did not answer in time");
                continue;
            };
            *opening = None;
            match opened {
                Ok(Ok(Some(link))) => return Ok(link),
                Ok(Ok(None)) => search.hear(&name, "is no primary"),
                Ok(Err(error)) => search.refused(&name, error),
                Err(ended) => search.hear(&name, ended),
            }
        }
        Err(search.end())
    }
}
