//! The connections of principals, so that whoever is revoked is heard of no more, also where nobody
//! speaks.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use access::Principal;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;

/// How often the file of principals is looked at, and whoever is connected held against it.
const EVERY: Duration = Duration::from_millis(250);

/// Every connection whose principal is known.
#[derive(Default)]
pub(crate) struct Visitors(Mutex<Visits>);

#[derive(Default)]
struct Visits {
    next: u64,
    /// Each with what ends its waiting.
    list: HashMap<u64, (Principal, CancellationToken)>,
}

/// A connection in the list; dropped, it leaves it.
pub(crate) struct Visit<'v> {
    visitors: &'v Visitors,
    number: u64,
}

impl Visitors {
    fn visits(&self) -> MutexGuard<'_, Visits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on `wake` is cancelled when `who` may not act any more.
    pub(crate) fn enter(&self, who: &Principal, wake: &CancellationToken) -> Visit<'_> {
        let mut visits = self.visits();
        let number = visits.next;
        visits.next += 1;
        visits.list.insert(number, (who.clone(), wake.clone()));
        Visit { visitors: self, number }
    }

    /// Looks at the file several times a second, for ever.
    pub(crate) async fn keep_current(&self, desk: &Desk) {
        loop {
            tokio::time::sleep(EVERY).await;
            let access = desk.access().clone();
            // The file may be large, and the disk slow.
            match tokio::task::spawn_blocking(move || access.refresh()).await {
                Ok(Ok(true)) => tracing::info!(event = "access_changed", "who has access changed"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    let error = engine::chain(&error);
                    tracing::error!(
                        event = "access_unreadable",
                        error,
                        "the access file is bad; what was valid stays valid"
                    );
                }
                Err(error) => tracing::error!(event = "access_unreadable", %error, "not read"),
            }
            let visits = self.visits();
            for (who, wake) in visits.list.values() {
                if !desk.access().is_current(who) {
                    wake.cancel();
                }
            }
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.visitors.visits().list.remove(&self.number);
    }
}
