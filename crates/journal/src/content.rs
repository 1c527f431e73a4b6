//! What a history says, whatever keeps it: its events in order, and one hash over all of them.
//!
//! **Invariant:** two histories have the same hash only if they have the same events, each with the
//! same seq, time, tx_id and `by`, in the same order.

use std::ops::ControlFlow;

use ledger::{By, Seq, Transaction};

use crate::disk::Disk;
use crate::error::{Contradiction, OpenError};
use crate::hash::Hash;
use crate::history::{Found, Replay, Survey, replay};
use crate::record;

/// The hash over the events of a history, as far as they were taken.
#[derive(Clone, Debug, Default)]
pub struct Content {
    hasher: blake3::Hasher,
    last: Seq,
    line: Vec<u8>,
}

impl Content {
    /// Takes the next event, by its line of `docs/formats.md`. Events come in the order of their seq.
    pub fn take(&mut self, transaction: &Transaction<'_>) {
        let Transaction { seq, tx_id, by, event, at_us } = transaction;
        let by = by.as_ref().map(By::as_str);
        self.line.clear();
        record::encode(&mut self.line, *seq, tx_id.as_str(), by, event, *at_us);
        self.hasher.update(&self.line);
        self.last = *seq;
    }

    /// The last event that was taken.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// The hash over all that was taken.
    pub fn hash(&self) -> Hash {
        Hash::finish(&self.hasher)
    }
}

/// Hands out every event of a surveyed folder, until `take` breaks off; returns whether it did not.
/// Proves on the way that the events follow one another, that their time never goes back, and that
/// each seal states the balance of `@world` that they give.
pub fn events<D: Disk>(
    disk: &D,
    survey: &Survey,
    mut take: impl FnMut(&Transaction<'_>) -> ControlFlow<()>,
) -> Result<bool, OpenError> {
    let mut broken_off = false;
    let replayed = replay(disk, survey, &Replay::default(), |found| {
        let Found::Event { transaction, .. } = found else { return Ok(()) };
        match take(&transaction) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                broken_off = true;
                Err(Contradiction::Rules)
            }
        }
    });
    match replayed {
        // It is no contradiction of the journal's: it only ends the replay.
        Err(_) if broken_off => Ok(false),
        Err(error) => Err(error),
        Ok(_) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Event, TxId};

    use super::*;

    fn void(seq: u64, tx_id: &str, at_us: u64) -> Transaction<'static> {
        let tx_id = TxId::new(tx_id.to_owned()).unwrap();
        Transaction { seq: Seq::new(seq), tx_id, by: None, event: Event::Void, at_us }
    }

    fn void_by(seq: u64, tx_id: &str, at_us: u64, by: &'static str) -> Transaction<'static> {
        Transaction { by: Some(By::new(by).unwrap()), ..void(seq, tx_id, at_us) }
    }

    fn hash_of(events: &[Transaction<'static>]) -> Hash {
        let mut content = Content::default();
        events.iter().for_each(|event| content.take(event));
        content.hash()
    }

    #[test]
    fn another_seq_tx_id_time_by_or_order_gives_another_hash() {
        let whole = [void(1, "a", 5), void(2, "b", 5)];
        assert_eq!(hash_of(&whole), hash_of(&whole.clone()));
        for other in [
            &[void(1, "a", 5)][..],
            &[void(1, "a", 5), void(3, "b", 5)],
            &[void(1, "a", 5), void(2, "c", 5)],
            &[void(1, "a", 5), void(2, "b", 6)],
            &[void(2, "b", 5), void(1, "a", 5)],
            &[void(1, "a", 5), void_by(2, "b", 5, "user:ana")],
        ] {
            assert!(hash_of(other) != hash_of(&whole), "{other:?}");
        }
    }
}
