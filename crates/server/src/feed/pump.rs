//! The one task that waits for the engine and fills the ring.

use std::sync::Arc;
use std::time::Duration;

use engine::Unavailable;
use ledger::Seq;

use super::{Shared, State};

/// How long what happens is gathered before it is read: followers hear of it a little later, and the
/// engine reads pages instead of single transactions.
const GATHER: Duration = Duration::from_millis(5);

/// How long the task waits when the engine cannot read.
const PAUSE: Duration = Duration::from_millis(500);

/// Begins to fill the ring, from the durable position on.
pub(super) fn start(shared: &Arc<Shared>, state: &mut State) {
    let tail = shared.engine.seq_durable();
    // Between what is in the ring and here nobody looked.
    state.ring.clear();
    shared.told.send_modify(|told| told.tail = told.tail.max(tail));
    let tail = shared.told.borrow().tail;
    state.is_pumping = true;
    state.pump = Some(tokio::spawn(run(shared.clone(), tail)));
}

async fn run(shared: Arc<Shared>, mut tail: Seq) {
    let stopped = shared.stop.clone();
    let ended = tokio::select! {
        biased;
        () = stopped.cancelled() => Some(Unavailable::ShuttingDown),
        ended = fill(&shared, &mut tail) => ended,
    };
    if let Some(why) = ended {
        shared.end(why);
    }
}

/// Goes on until nobody follows (`None`) or nothing more will happen.
async fn fill(shared: &Shared, tail: &mut Seq) -> Option<Unavailable> {
    loop {
        if let Err(why) = round(shared, tail).await {
            match why {
                Unavailable::ShuttingDown | Unavailable::JournalStopped => return Some(why),
                Unavailable::TooLarge
                | Unavailable::IndexDamaged
                | Unavailable::IndexUnreadable
                | Unavailable::JournalUnreadable
                | Unavailable::DatabaseUnreachable => {
                    tracing::warn!(event = "feed_waits", %why, "followers hear nothing for now");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        let mut state = shared.state();
        if state.followers_count == 0 {
            state.is_pumping = false;
            return None;
        }
    }
}

/// Waits for what happens next, and reads all of it.
async fn round(shared: &Shared, tail: &mut Seq) -> Result<(), Unavailable> {
    let mut durable = shared.engine.beyond(*tail).await?;
    tokio::time::sleep(GATHER).await;
    durable = durable.max(shared.engine.seq_durable());
    while *tail < durable {
        let page = shared.read(tail.checked_next().unwrap_or(*tail)).await?;
        let Some(last) = page.last() else { return Err(Unavailable::JournalUnreadable) };
        *tail = last.seq;
        shared.state().ring.push(page);
        shared.told.send_modify(|told| told.tail = *tail);
    }
    Ok(())
}
