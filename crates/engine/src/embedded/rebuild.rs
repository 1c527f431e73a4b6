//! The state as replay builds it, before there is a journal to write to.
//!
//! **Invariant:** a snapshot's accounts come in the order of their numbers, and the events behind
//! it open the next ones; so every account has the number that it had before.

use std::sync::Arc;

use history::{Group, History, HistoryError, Work};
use journal::disk::Disk;
use journal::{Contradiction, Found, Hash, Head, LinePlace, Planted, Plants, Staging, Traces};
use ledger::{AccountId, Seq, Transaction};

use super::accounts::{AccountState, Accounts, Numbered};
use super::core::Core;
use super::recent::Recent;

/// Events after which what is due of the index is written, once their group is whole.
const INDEX_EVENTS: usize = 4096;

/// A bank that is being built from a snapshot and the events behind it.
pub struct Rebuild<D: Disk> {
    accounts: Accounts,
    recent: Recent,
    history: Arc<History<D>>,
    plants: Plants,
    /// The highest seq of an account in the snapshot, for a fault that a test planted.
    snapshot_seq: Seq,
    /// The index holds everything up to here.
    indexed: Seq,
    /// The journal after the last event that the index was given or held.
    head: Head,
    gathered: Gathered,
    /// Events since the index was last written, however they are cut into groups.
    unwritten: usize,
    /// Why the index could not be written.
    trouble: Option<HistoryError>,
}

/// The lines of a group, on their way to the index, which wants groups whole: it ends where a seal
/// ends, and is known by that.
#[derive(Default)]
struct Gathered {
    traces: Traces,
    first: Seq,
    file_first: Seq,
    offset: u64,
    /// The group's seal; `None`: there is no group yet.
    seal: Option<Hash>,
}

impl<D: Disk> Rebuild<D> {
    /// An empty bank, whose index holds everything up to `indexed`.
    pub(crate) fn new(
        history: Arc<History<D>>,
        indexed: Head,
        recent_slots: usize,
        plants: Plants,
    ) -> Self {
        Self {
            accounts: Accounts::new(),
            recent: Recent::new(recent_slots),
            history,
            plants,
            snapshot_seq: Seq::ZERO,
            indexed: indexed.seq,
            head: indexed,
            gathered: Gathered::default(),
            unwritten: 0,
            trouble: None,
        }
    }

    /// Takes what replay found.
    pub(crate) fn take(&mut self, found: Found<'_>) -> Result<(), Contradiction> {
        match found {
            Found::Account { account, balance, seq } => {
                self.snapshot_seq = self.snapshot_seq.max(seq);
                let account = self.find_or_add(&account);
                *account.account.lock() = AccountState { balance, seq };
                Ok(())
            }
            Found::Event { transaction, place, seal } => self.take_event(&transaction, place, seal),
        }
    }

    fn take_event(
        &mut self,
        transaction: &Transaction<'_>,
        place: LinePlace,
        seal: Hash,
    ) -> Result<(), Contradiction> {
        let Transaction { seq, tx_id, event, at_us, by: _ } = transaction;
        let mut numbers = Vec::with_capacity(2);
        for leg in event.legs() {
            let account = self.find_or_add(&leg.account);
            numbers.push(u32::try_from(account.number).map_err(|_| Contradiction::Rules)?);
            let mut state = account.account.lock();
            if *seq <= state.seq {
                continue; // the snapshot has it already
            }
            if state.balance != leg.before {
                return Err(Contradiction::BalanceBefore);
            }
            *state = AccountState { balance: leg.after, seq: *seq };
        }
        if *seq <= self.indexed {
            return Ok(());
        }
        let forgets = self.plants.has(Planted::IdsForgotten) && *seq <= self.snapshot_seq;
        let tx_hash = self.history.hash(tx_id.as_str());
        if !forgets {
            self.recent.place(tx_hash).insert(*seq, self.history.indexed());
        }
        // Whatever the snapshot holds already: an account is opened by the event that comes when
        // all accounts with lower numbers have been.
        let mut accounts_count = self.head.accounts_count;
        for number in &numbers {
            accounts_count += u64::from(u64::from(*number) == accounts_count);
        }
        if self.gathered.seal != Some(seal) {
            self.append();
            if self.unwritten >= INDEX_EVENTS {
                self.unwritten = 0;
                self.write_index()?;
            }
        }
        self.gather(*seq, tx_hash, &numbers, place, seal);
        self.head = Head {
            seq: *seq,
            world: self.head.world.strict_add(event.world_delta()),
            at_us: *at_us,
            money_in: self.head.money_in.strict_add(event.money_in()),
            accounts_count,
        };
        // One that names very many accounts takes as much memory as many events.
        self.unwritten += 1 + numbers.len() / 8;
        Ok(())
    }

    fn gather(&mut self, seq: Seq, tx_hash: u64, numbers: &[u32], place: LinePlace, seal: Hash) {
        let LinePlace { file_first, offset, bytes } = place;
        if self.gathered.traces.is_empty() {
            let traces = std::mem::take(&mut self.gathered.traces);
            self.gathered = Gathered { traces, first: seq, file_first, offset, seal: Some(seal) };
        }
        self.gathered.traces.push(tx_hash, bytes, numbers);
    }

    /// Hands the group that was gathered to the index.
    fn append(&mut self) {
        let Gathered { traces, first, file_first, offset, seal: Some(seal) } = &mut self.gathered
        else {
            return;
        };
        let (seal, file_first, offset) = (*seal, *file_first, *offset);
        let slice = traces.slice(0, traces.len(), *first);
        self.history.append(Group { head: self.head, seal, traces: slice, file_first, offset });
        traces.clear();
    }

    /// Writes what is due of the index, so that a long history does not gather in memory. Nothing is
    /// merged: that can wait, and it reads pages of old runs, whose damage would end the start.
    fn write_index(&mut self) -> Result<(), Contradiction> {
        let name_of = |number| {
            let number = usize::try_from(number).ok()?;
            self.accounts.at(number).map(|numbered| numbered.account.name().to_owned())
        };
        loop {
            match self.history.flush(&name_of, false) {
                Ok(Work::Idle) => return Ok(()),
                Ok(_) => {}
                Err(error) => {
                    self.trouble = Some(error);
                    return Err(Contradiction::Rules);
                }
            }
        }
    }

    /// Why the index could not be written, if that is what ended the replay.
    pub(crate) fn take_trouble(&mut self) -> Option<HistoryError> {
        self.trouble.take()
    }

    /// The sum over all accounts without `@world`, in minor units.
    pub(crate) fn sum(&self) -> i128 {
        (0..self.accounts.count())
            .filter_map(|number| self.accounts.at(number))
            .map(|numbered| i128::from(numbered.account.lock().balance.get()))
            .fold(0, i128::strict_add)
    }

    /// Opens for business, writing to `staging`.
    pub(crate) fn into_core(mut self, staging: Arc<Staging>) -> Core<D> {
        self.append();
        staging.set_totals(self.head.money_in, self.head.accounts_count);
        let Self { accounts, recent, history, plants, .. } = self;
        Core::new(accounts, recent, history, staging, plants)
    }

    fn find_or_add(&self, account: &AccountId<'_>) -> Numbered<'_> {
        self.accounts.find(account.as_str()).unwrap_or_else(|| {
            let added = self.accounts.add(account.as_str());
            self.accounts.publish(added);
            added
        })
    }
}
