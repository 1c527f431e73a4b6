//! The account table: from a name to a number, from a number to an account with its own lock.
//!
//! **Invariant:** an account is never removed and never moves; its number is its place in the
//! order in which locks are taken.
//! **Invariant:** an account whose seq is zero does not exist yet: it is being opened by the one
//! thread that holds the opening lock, and nothing about it has been staged.

use std::hash::BuildHasher;

use compact_str::CompactString;
use ledger::{Balance, Seq};

use super::slots::Slots;
use super::sync::{Mutex, MutexGuard, RwLock, lock, read, write};

/// Parts of the name index, each with a lock of its own. A power of two.
const SHARDS: usize = 256;

/// One account.
pub(crate) struct Account {
    /// In place up to 24 bytes, so that comparing it and taking the lock behind it is one look
    /// into memory.
    name: CompactString,
    state: Mutex<AccountState>,
}

/// What an account's lock guards.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AccountState {
    pub(crate) balance: Balance,
    /// The seq of its last change; zero while it does not exist.
    pub(crate) seq: Seq,
}

/// An account with its number.
#[derive(Clone, Copy)]
pub(crate) struct Numbered<'t> {
    pub(crate) number: usize,
    pub(crate) account: &'t Account,
}

pub(crate) struct Accounts {
    shards: Box<[RwLock<Slots>]>,
    list: boxcar::Vec<Account>,
    hasher: foldhash::quality::RandomState,
}

impl Account {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes the account's lock. Callers take several in ascending number alone.
    pub(crate) fn lock(&self) -> MutexGuard<'_, AccountState> {
        lock(&self.state)
    }
}

impl AccountState {
    /// The balance; `None` while the account does not exist.
    pub(crate) fn reading(&self) -> Option<Balance> {
        (self.seq != Seq::ZERO).then_some(self.balance)
    }
}

impl Accounts {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::new(Slots::default())).collect();
        let hasher = foldhash::quality::RandomState::default();
        Self { shards, list: boxcar::Vec::new(), hasher }
    }

    /// The account with this name, if it was ever opened.
    pub(crate) fn find(&self, name: &str) -> Option<Numbered<'_>> {
        let hash = self.hasher.hash_one(name);
        let number = read(self.shard(hash)).find(hash, |number| self.is_named(number, name))?;
        self.at(usize::try_from(number).ok()?)
    }

    /// Adds an account that does not exist yet, in a place of its own but found by nobody: its
    /// number is above all others, so that locking it now keeps the ascending order.
    /// The caller holds the opening lock, under which it found that the name is free.
    pub(crate) fn add(&self, name: &str) -> Numbered<'_> {
        let number = self
            .list
            .push(Account { name: name.into(), state: Mutex::new(AccountState::default()) });
        match self.at(number) {
            Some(added) => added,
            None => unreachable!("it was just pushed"),
        }
    }

    /// Lets everybody find `added` by its name.
    pub(crate) fn publish(&self, added: Numbered<'_>) {
        let hash = self.hasher.hash_one(added.account.name());
        write(self.shard(hash)).insert(hash, added.number as u64, |number| {
            let account = usize::try_from(number).ok().and_then(|number| self.list.get(number));
            account.map_or(0, |account| self.hasher.hash_one(account.name()))
        });
    }

    /// The account with this number.
    pub(crate) fn at(&self, number: usize) -> Option<Numbered<'_>> {
        self.list.get(number).map(|account| Numbered { number, account })
    }

    /// How many numbers were given out.
    pub(crate) fn count(&self) -> usize {
        self.list.count()
    }

    fn is_named(&self, number: u64, name: &str) -> bool {
        let account = usize::try_from(number).ok().and_then(|number| self.list.get(number));
        account.is_some_and(|account| account.name() == name)
    }

    fn shard(&self, hash: u64) -> &RwLock<Slots> {
        // Bits that neither the position nor much of the tag in a slot uses.
        let bits = usize::try_from(hash >> 32 & 0xff).unwrap_or(0);
        match self.shards.get(bits % SHARDS) {
            Some(shard) => shard,
            None => unreachable!("there are as many shards as values"),
        }
    }
}
