//! Execution: what happens to one request between its arrival and its place in the journal.
//! Plain synchronous code; threads call it in production, a simulation calls it step by step.
//!
//! **Invariant (lock order):** idempotency shard, then the opening lock, then accounts by
//! ascending number, then the journal's staging. Nothing else is locked while one of these is
//! held, and none is held across an `.await` or a system call.
//! **Invariant:** an event gets its seq while the locks of all its accounts are held; so the order
//! of the journal is an order in which the commands ran.
//! **Invariant:** a refused command opens no account and changes nothing.

use std::sync::Arc;

use journal::{Contradiction, Found, Planted, Plants, Staging};
use ledger::{AccountId, Balance, Command, Event, Refused, Seq, Transaction, TxId, apply, decide};

use super::accounts::{AccountState, Accounts, Numbered};
use super::ids::{Ids, Known};
use super::sync::{Mutex, MutexGuard, lock};
use crate::seam::{BalanceReading, Outcome, Request, Unavailable};

/// The bank's state in memory, and the way into its journal.
pub struct Core {
    accounts: Accounts,
    ids: Ids,
    /// Held by whoever needs that an account does not exist, or opens one: the seed's global
    /// lock, taken only by commands that name an unknown account.
    opening: Mutex<()>,
    staging: Arc<Staging>,
    plants: Plants,
}

/// The state as replay builds it, before there is a journal to write to.
pub struct Rebuild {
    accounts: Accounts,
    ids: Ids,
    plants: Plants,
    /// Replay starts here: events up to this seq are in the snapshot.
    snapshot_seq: Seq,
}

/// One account of a command: found and locked, or missing.
struct Place<'t> {
    found: Option<Numbered<'t>>,
    state: Option<MutexGuard<'t, AccountState>>,
}

/// What became of a change.
enum Changed<'a> {
    Done { seq: Seq, event: Event<'a> },
    Refused { refused: Refused<'a>, seq: Option<Seq>, as_of: Seq },
    Stopped,
}

impl Rebuild {
    /// An empty bank.
    pub fn new(plants: Plants) -> Self {
        Self { accounts: Accounts::new(), ids: Ids::new(), plants, snapshot_seq: Seq::ZERO }
    }

    /// Takes what replay found.
    pub fn take(&mut self, found: Found<'_>) -> Result<(), Contradiction> {
        match found {
            Found::Account { account, balance, seq } => {
                self.snapshot_seq = self.snapshot_seq.max(seq);
                let account = self.find_or_add(&account);
                *account.account.lock() = AccountState { balance, seq };
                Ok(())
            }
            Found::Event(entry) => self.take_event(&entry),
        }
    }

    fn take_event(&mut self, entry: &Transaction<'_>) -> Result<(), Contradiction> {
        let forgets = self.plants.has(Planted::IdsForgotten) && entry.seq <= self.snapshot_seq;
        if !forgets {
            let tx_id = entry.tx_id.as_str();
            let mut id = self.ids.entry(tx_id);
            if id.is_known(tx_id) {
                return Err(Contradiction::TxIdRepeated);
            }
            id.insert(tx_id, entry.seq, &entry.event);
        }
        for leg in entry.event.legs() {
            let account = self.find_or_add(&leg.account);
            let mut state = account.account.lock();
            if entry.seq <= state.seq {
                continue; // the snapshot has it already
            }
            if state.balance != leg.before {
                return Err(Contradiction::BalanceBefore);
            }
            *state = AccountState { balance: leg.after, seq: entry.seq };
        }
        Ok(())
    }

    /// The sum over all accounts without `@world`, in minor units.
    pub fn sum(&self) -> i128 {
        (0..self.accounts.count())
            .filter_map(|number| self.accounts.at(number))
            .map(|numbered| i128::from(numbered.account.lock().balance.get()))
            .fold(0, i128::strict_add)
    }

    /// Opens for business, writing to `staging`.
    pub fn into_core(self, staging: Arc<Staging>) -> Core {
        let Self { accounts, ids, plants, .. } = self;
        Core { accounts, ids, opening: Mutex::new(()), staging, plants }
    }

    fn find_or_add(&self, account: &AccountId<'_>) -> Numbered<'_> {
        self.accounts.find(account.as_str()).unwrap_or_else(|| {
            let added = self.accounts.add(account.as_str());
            self.accounts.publish(added);
            added
        })
    }
}

impl Core {
    /// Runs one request. Its outcome may be told once [`Outcome::rests_on`] is durable; room for
    /// its record was reserved before. `now_us`: microseconds since the Unix epoch.
    /// `seq_durable`: the durable seq, read before the call.
    pub fn execute<'a>(&self, request: Request<'a>, now_us: u64, seq_durable: Seq) -> Outcome<'a> {
        match request {
            Request::Resolve(_) => Outcome::Unavailable(Unavailable::IndexDamaged),
            Request::Write { command, tx_id, tx_id_given, not_after_us: _ } => {
                self.write(command, tx_id, tx_id_given, now_us, seq_durable)
            }
            Request::Balance(account) => {
                let state = self.accounts.find(account.as_str()).map(|found| *found.account.lock());
                let state = state.unwrap_or_default();
                Outcome::Balance {
                    reading: BalanceReading { account, balance: state.reading() },
                    as_of: seq_durable.max(state.seq),
                }
            }
            Request::Balances(accounts) => self.balances(accounts, seq_durable),
        }
    }

    /// Wakes the journal's writer. Called after a batch, with no lock held.
    pub fn wake_writer(&self) {
        self.staging.wake();
    }

    /// The staging that this state writes to.
    pub fn staging(&self) -> &Arc<Staging> {
        &self.staging
    }

    /// How many numbers of accounts were given out.
    pub(crate) fn accounts_count(&self) -> usize {
        self.accounts.count()
    }

    /// Name and state of the account with this number, read under its lock; `None` while it does
    /// not exist.
    pub(crate) fn account_at(&self, number: usize) -> Option<(&str, AccountState)> {
        let account = self.accounts.at(number)?.account;
        let state = *account.lock();
        state.reading().map(|_| (account.name(), state))
    }

    fn write<'a>(
        &self,
        command: Command<'a>,
        tx_id: TxId<'a>,
        tx_id_given: bool,
        now_us: u64,
        seq_durable: Seq,
    ) -> Outcome<'a> {
        let mut id = self.ids.entry(tx_id.as_str());
        if let Some(known) = id.known(tx_id.as_str(), &command) {
            return match known {
                Known::Done { seq, event } => Outcome::Done { seq, tx_id, event, duplicate: true },
                Known::Refused { seq, rejection } => Outcome::Refused {
                    rejection,
                    seq: Some(seq),
                    tx_id: Some(tx_id),
                    as_of: seq,
                    duplicate: true,
                },
                Known::Other { seq } => Outcome::Conflict { tx_id, as_of: seq.max(seq_durable) },
            };
        }
        match self.change(command, tx_id.as_str(), tx_id_given, now_us, seq_durable) {
            Changed::Done { seq, event } => {
                id.insert(tx_id.as_str(), seq, &event);
                Outcome::Done { seq, tx_id, event, duplicate: false }
            }
            Changed::Refused { refused, seq, as_of } => {
                let rejection = refused.rejection.clone();
                if let Some(seq) = seq {
                    id.insert(tx_id.as_str(), seq, &Event::Refused(refused));
                }
                let tx_id = tx_id_given.then_some(tx_id);
                Outcome::Refused { rejection, seq, tx_id, as_of, duplicate: false }
            }
            Changed::Stopped => Outcome::Unavailable(Unavailable::JournalStopped),
        }
    }

    /// Locks the command's accounts, decides, stages and applies.
    fn change<'a>(
        &self,
        command: Command<'a>,
        tx_id: &str,
        record_refusal: bool,
        now_us: u64,
        seq_durable: Seq,
    ) -> Changed<'a> {
        let mut few = [const { Place { found: None, state: None } }; 2];
        let mut few_balances = [Balance::ZERO; 2];
        let (mut many, mut many_balances) = (Vec::new(), Vec::new());
        let count = command.accounts_count();
        let (places, balances) = match (few.get_mut(..count), few_balances.get_mut(..count)) {
            (Some(places), Some(balances)) => (places, balances),
            _ => {
                many.resize_with(count, || Place { found: None, state: None });
                many_balances.resize(count, Balance::ZERO);
                (&mut many[..], &mut many_balances[..])
            }
        };
        self.find_all(&command, places);
        // An account that is missing now may exist a moment later, unless nobody can open one.
        let opening = places.iter().any(|place| place.found.is_none()).then(|| {
            let opening = lock(&self.opening);
            self.find_all(&command, places);
            opening
        });
        lock_ascending(places);
        let mut as_of = seq_durable;
        for (balance, state) in balances.iter_mut().zip(places.iter()) {
            if let Some(state) = &state.state {
                *balance = state.balance;
                as_of = as_of.max(state.seq);
            }
        }
        match decide(command, balances) {
            Ok(event) => {
                let seq = self.commit(&event, tx_id, now_us, places);
                drop(opening);
                seq.map_or(Changed::Stopped, |seq| Changed::Done { seq, event })
            }
            Err(refused) if record_refusal => {
                let event = Event::Refused(refused);
                let staged = self.staging.stage(now_us, tx_id, &event);
                match (staged, event) {
                    (Ok(seq), Event::Refused(refused)) => {
                        Changed::Refused { refused, seq: Some(seq), as_of: seq }
                    }
                    _ => Changed::Stopped,
                }
            }
            Err(refused) => Changed::Refused { refused, seq: None, as_of },
        }
    }

    /// Opens what is missing, gives the event its seq, and sets the balances. `None` when the
    /// journal has stopped; then nothing was changed.
    fn commit<'t>(
        &'t self,
        event: &Event<'_>,
        tx_id: &str,
        now_us: u64,
        places: &mut [Place<'t>],
    ) -> Option<Seq> {
        for (place, leg) in places.iter_mut().zip(event.legs()) {
            if place.found.is_none() {
                // Its number is above all others, so locking it now keeps the order.
                let added = self.accounts.add(leg.account.as_str());
                place.state = Some(added.account.lock());
                place.found = Some(added);
                self.accounts.publish(added);
            }
        }
        if self.plants.has(Planted::EarlyUnlock) {
            return self.commit_unlocked_early(event, tx_id, now_us, places);
        }
        let seq = self.staging.stage(now_us, tx_id, event).ok()?;
        let mut places = places.iter_mut();
        apply(event, |_, balance| {
            if let Some(state) = places.next().and_then(|place| place.state.as_mut()) {
                **state = AccountState { balance, seq };
            }
        });
        Some(seq)
    }

    /// The original's fault, for a test that must notice it: balances are set and the locks
    /// released before the event has its place in the log.
    fn commit_unlocked_early(
        &self,
        event: &Event<'_>,
        tx_id: &str,
        now_us: u64,
        places: &mut [Place<'_>],
    ) -> Option<Seq> {
        for (place, leg) in places.iter_mut().zip(event.legs()) {
            if let Some(mut state) = place.state.take() {
                state.balance = leg.after;
                state.seq = state.seq.max(Seq::new(1));
            }
        }
        let seq = self.staging.stage(now_us, tx_id, event).ok()?;
        for place in places.iter_mut() {
            if let Some(found) = place.found {
                let mut state = found.account.lock();
                state.seq = state.seq.max(seq);
            }
        }
        Some(seq)
    }

    fn find_all<'t>(&'t self, command: &Command<'_>, places: &mut [Place<'t>]) {
        for (place, account) in places.iter_mut().zip(command.accounts()) {
            if place.found.is_none() {
                place.found = self.accounts.find(account.as_str());
            }
        }
    }

    fn balances<'a>(&self, accounts: Vec<AccountId<'a>>, seq_durable: Seq) -> Outcome<'a> {
        let mut found = self.find_each(&accounts);
        // IMPORTANT: an account that is missing now may be opened before the others are locked, by
        // a transfer that they would show and it would not; unless nobody can open one.
        let opening = (found.len() < accounts.len()).then(|| {
            let opening = lock(&self.opening);
            found = self.find_each(&accounts);
            opening
        });
        found.sort_unstable_by_key(|(found, n)| (found.number, *n));
        // All locks are held at once: one position for all. An account named twice is locked once.
        let mut held: Vec<(usize, MutexGuard<'_, AccountState>)> = Vec::with_capacity(found.len());
        let mut states = vec![AccountState::default(); accounts.len()];
        for (found, n) in found {
            if held.last().is_none_or(|(number, _)| *number != found.number) {
                held.push((found.number, found.account.lock()));
            }
            if let (Some(state), Some((_, locked))) = (states.get_mut(n), held.last()) {
                *state = **locked;
            }
        }
        drop(held);
        drop(opening);
        let as_of = states.iter().fold(seq_durable, |as_of, state| as_of.max(state.seq));
        let readings = accounts
            .into_iter()
            .zip(states)
            .map(|(account, state)| BalanceReading { account, balance: state.reading() })
            .collect();
        Outcome::Balances { readings, as_of }
    }

    /// Those of `accounts` that exist, each with its place there.
    fn find_each(&self, accounts: &[AccountId<'_>]) -> Vec<(Numbered<'_>, usize)> {
        let named = accounts.iter().enumerate();
        named.filter_map(|(n, account)| Some((self.accounts.find(account.as_str())?, n))).collect()
    }
}

/// Takes the locks of all accounts found, by ascending number. IMPORTANT: in another order,
/// a→b and b→a would wait for each other for ever. A command names no account twice.
fn lock_ascending(places: &mut [Place<'_>]) {
    match places {
        [] => {}
        [one] => one.lock(),
        [one, two] => {
            let number = |place: &Place<'_>| place.found.map(|found| found.number);
            if number(one) < number(two) {
                one.lock();
                two.lock();
            } else {
                two.lock();
                one.lock();
            }
        }
        many => {
            let mut order: Vec<(usize, usize)> = many
                .iter()
                .enumerate()
                .filter_map(|(place, one)| one.found.map(|found| (found.number, place)))
                .collect();
            order.sort_unstable();
            for (_, place) in order {
                if let Some(place) = many.get_mut(place) {
                    place.lock();
                }
            }
        }
    }
}

impl Place<'_> {
    fn lock(&mut self) {
        if let Some(found) = self.found {
            self.state = Some(found.account.lock());
        }
    }
}
