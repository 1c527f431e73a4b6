//! The idempotency table: every tx_id ever used, bound to its request and to its answer.
//!
//! It is kept in memory, rebuilt from the journal at start, and exact: full tx_ids and full
//! contents are compared. One entry takes about 90 bytes with tx_ids of 36 bytes.
//!
//! **Invariant:** a shard's lock is held from the look-up of a tx_id to the insertion of its
//! answer, so that two requests with one tx_id never run at the same time.

mod record;

use std::hash::BuildHasher;

use ledger::{Command, Event, Rejection, Seq};

use super::slots::Slots;
use super::sync::{Mutex, MutexGuard, lock};

/// Parts of the table, each with a lock of its own, so that growing one stalls few. A power of two.
const SHARDS: usize = 1024;

pub(crate) struct Ids {
    shards: Box<[Mutex<Shard>]>,
    hasher: foldhash::quality::RandomState,
}

/// Entries one behind the other, and an index over where each begins.
#[derive(Default)]
pub(crate) struct Shard {
    slots: Slots,
    bytes: Vec<u8>,
}

/// A locked shard, for one tx_id.
pub(crate) struct Entry<'t> {
    shard: MutexGuard<'t, Shard>,
    hasher: &'t foldhash::quality::RandomState,
    hash: u64,
}

/// What a tx_id stands for, as seen by a request that carries it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known<'a> {
    /// This very request was done.
    Done { seq: Seq, event: Event<'a> },
    /// This very request was refused, and that was recorded.
    Refused { seq: Seq, rejection: Rejection },
    /// Another request.
    Other { seq: Seq },
}

impl Ids {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect();
        Self { shards, hasher: foldhash::quality::RandomState::default() }
    }

    /// Locks the shard of `tx_id`.
    pub(crate) fn entry(&self, tx_id: &str) -> Entry<'_> {
        let hash = self.hasher.hash_one(tx_id.as_bytes());
        let bits = usize::try_from(hash >> 32 & 0x3ff).unwrap_or(0);
        let Some(shard) = self.shards.get(bits % SHARDS) else {
            unreachable!("there are as many shards as values")
        };
        Entry { shard: lock(shard), hasher: &self.hasher, hash }
    }
}

impl Entry<'_> {
    /// What `tx_id` stands for, if it was used before; seen by a request that asks for `command`.
    pub(crate) fn known<'a>(&self, tx_id: &str, command: &Command<'a>) -> Option<Known<'a>> {
        let start = self.find(tx_id)?;
        let entry = self.shard.bytes.get(start..)?;
        let (_, answer) = split_tx_id(entry)?;
        Some(record::read(answer, command))
    }

    /// Whether `tx_id` was used before.
    pub(crate) fn is_known(&self, tx_id: &str) -> bool {
        self.find(tx_id).is_some()
    }

    /// Binds `tx_id`, which was not used before, to an event.
    pub(crate) fn insert(&mut self, tx_id: &str, seq: Seq, event: &Event<'_>) {
        let Shard { slots, bytes } = &mut *self.shard;
        let start = bytes.len();
        bytes.push(u8::try_from(tx_id.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(tx_id.as_bytes());
        record::write(bytes, seq, event);
        let hasher = self.hasher;
        slots.insert(self.hash, start as u64, |start| {
            let entry = usize::try_from(start).ok().and_then(|start| bytes.get(start..));
            entry.and_then(split_tx_id).map_or(0, |(tx_id, _)| hasher.hash_one(tx_id))
        });
    }

    fn find(&self, tx_id: &str) -> Option<usize> {
        let bytes = &self.shard.bytes;
        let found = self.shard.slots.find(self.hash, |start| {
            let entry = usize::try_from(start).ok().and_then(|start| bytes.get(start..));
            entry.and_then(split_tx_id).is_some_and(|(known, _)| known == tx_id.as_bytes())
        })?;
        usize::try_from(found).ok()
    }
}

/// The tx_id of an entry, and what follows it.
fn split_tx_id(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = entry.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{AccountId, Amount, Balance, Openings, Transfer, decide};

    fn account(name: &str) -> AccountId<'_> {
        AccountId::new(name).unwrap()
    }
    fn balance(minor_units: i64) -> Balance {
        Balance::new(minor_units).unwrap()
    }
    fn transfer(minor_units: i64) -> Command<'static> {
        let amount = Amount::new(minor_units).unwrap();
        Command::Transfer(Transfer::new(account("a"), account("b"), amount).unwrap())
    }

    #[test]
    fn a_tx_id_gives_back_its_event_to_the_same_request_alone() {
        let ids = Ids::new();
        let event = decide(transfer(70), &[balance(100), balance(5)]).unwrap();
        ids.entry("t").insert("t", Seq::new(9), &event);
        let known = ids.entry("t").known("t", &transfer(70));
        assert_eq!(known, Some(Known::Done { seq: Seq::new(9), event }));
        assert_eq!(
            ids.entry("t").known("t", &transfer(71)),
            Some(Known::Other { seq: Seq::new(9) })
        );
        assert_eq!(ids.entry("u").known("u", &transfer(70)), None);
    }

    #[test]
    fn a_refusal_gives_back_its_reason() {
        let ids = Ids::new();
        let refused = decide(transfer(70), &[balance(1), balance(5)]).unwrap_err();
        let rejection = refused.rejection.clone();
        ids.entry("t").insert("t", Seq::new(3), &Event::Refused(refused));
        let known = ids.entry("t").known("t", &transfer(70));
        assert_eq!(known, Some(Known::Refused { seq: Seq::new(3), rejection }));
        let deposit = Command::Deposit { account: account("a"), amount: Amount::new(70).unwrap() };
        assert_eq!(ids.entry("t").known("t", &deposit), Some(Known::Other { seq: Seq::new(3) }));
    }

    #[test]
    fn opening_balances_are_the_same_request_in_any_order() {
        let ids = Ids::new();
        let openings = |list: &[(&'static str, i64)]| {
            let list = list.iter().map(|(name, held)| (account(name), balance(*held))).collect();
            Command::Init(Openings::new(list).unwrap())
        };
        let event = decide(openings(&[("a", 1), ("b", 2)]), &[balance(7), balance(0)]).unwrap();
        ids.entry("t").insert("t", Seq::new(1), &event);
        let known = ids.entry("t").known("t", &openings(&[("b", 2), ("a", 1)]));
        let Some(Known::Done { event: Event::Init { legs }, .. }) = known else {
            panic!("{known:?}")
        };
        let legs: Vec<_> = legs.iter().map(|leg| (leg.before.get(), leg.after.get())).collect();
        assert_eq!(legs, [(0, 2), (7, 1)]);
        for other in [&[("a", 1)][..], &[("a", 1), ("b", 3)], &[("a", 1), ("c", 2)]] {
            let known = ids.entry("t").known("t", &openings(other));
            assert_eq!(known, Some(Known::Other { seq: Seq::new(1) }), "{other:?}");
        }
    }

    #[test]
    fn many_tx_ids_are_all_remembered() {
        let ids = Ids::new();
        for n in 1..=50_000 {
            let event = decide(transfer(n), &[balance(n), balance(0)]).unwrap();
            let tx_id = format!("tx-{n}");
            ids.entry(&tx_id).insert(&tx_id, Seq::new(n.unsigned_abs()), &event);
        }
        for n in 1..=50_000 {
            let tx_id = format!("tx-{n}");
            let known = ids.entry(&tx_id).known(&tx_id, &transfer(n));
            assert!(
                matches!(known, Some(Known::Done { seq, .. }) if seq.get() == n.unsigned_abs())
            );
        }
        assert!(!ids.entry("tx-0").is_known("tx-0"));
    }
}
