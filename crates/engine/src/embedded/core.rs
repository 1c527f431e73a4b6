//! Execution: what happens to one request between its arrival and its place in the journal.
//! Plain synchronous code; threads call it in production, a simulation calls it step by step.
//! Not here: how the state is built at a start (`rebuild`), what old tx_ids stand for (`recall`).
//!
//! **Invariant (lock order):** shard of recent tx_ids, then the opening lock, then accounts by
//! ascending number, then the journal's staging. Nothing else is locked while one of these is
//! held, and none is held across an `.await` or a system call.
//! **Invariant:** an event gets its seq while the locks of all its accounts are held; so the order
//! of the journal is an order in which the commands ran.
//! **Invariant:** a refused command opens no account and changes nothing.
//! **Invariant:** numbers of accounts are given in the order in which the journal opens them.

use std::sync::Arc;

use history::History;
use journal::disk::Disk;
use journal::{Placed, Planted, Plants, Staged, Staging, Unstaged};
use ledger::{
    AccountId, Balance, By, Command, Event, Refused, Rejection, Seq, Transaction, TxId, apply,
    decide,
};

use super::accounts::{AccountState, Accounts, Numbered};
use super::recall::{Recall, Recalled, told_again};
use super::recent::{Place as IdPlace, Recent};
use super::sync::{Mutex, MutexGuard, lock};
use crate::seam::{BalanceReading, Outcome, Request, Unavailable};

/// The bank's state in memory, and the way into its journal.
pub struct Core<D: Disk> {
    accounts: Accounts,
    recent: Recent,
    history: Arc<History<D>>,
    /// Held by whoever needs that an account does not exist, or opens one: the seed's global
    /// lock, taken only by commands that name an unknown account.
    opening: Mutex<()>,
    staging: Arc<Staging>,
    plants: Plants,
}

/// What is the same for all requests of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The clock, in microseconds since the Unix epoch.
    pub us: u64,
    /// The durable seq, read before the first request.
    pub seq_durable: Seq,
}

/// How far a request came.
#[derive(Debug)]
pub enum Executed<'a> {
    /// To its outcome, which may be told once [`Outcome::rests_on`] is durable.
    Outcome(Outcome<'a>),
    /// Its tx_id may have been used: the request is to be executed again with what was recalled.
    Recall(Request<'a>, Recall),
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

/// Accounts that an event opens: those with numbers from `from` on.
#[derive(Clone, Copy)]
struct Opened {
    from: usize,
    count: u32,
}

/// Why a change was not staged.
enum Uncommitted {
    Stopped,
    Late,
}

/// A change as it was asked for.
struct Asked<'a> {
    command: Command<'a>,
    tx_id: TxId<'a>,
    tx_id_given: bool,
    not_after_us: Option<u64>,
    by: Option<By<'a>>,
}

/// A change to be made, with its name.
struct Change<'r> {
    tx_id: &'r str,
    tx_hash: u64,
    tx_id_given: bool,
    not_after_us: Option<u64>,
    by: Option<&'r By<'r>>,
    now: Now,
}

/// Numbers of the accounts of an event.
enum Numbers {
    Few { numbers: [u32; 2], count: usize },
    Many(Vec<u32>),
}

impl AsRef<[u32]> for Numbers {
    fn as_ref(&self) -> &[u32] {
        match self {
            Self::Few { numbers, count } => numbers.get(..*count).unwrap_or_default(),
            Self::Many(numbers) => numbers,
        }
    }
}

impl<D: Disk> Core<D> {
    /// Opens for business, over what a start has built.
    pub(crate) fn new(
        accounts: Accounts,
        recent: Recent,
        history: Arc<History<D>>,
        staging: Arc<Staging>,
        plants: Plants,
    ) -> Self {
        Self { accounts, recent, history, opening: Mutex::new(()), staging, plants }
    }

    /// Runs one request; room for its record was reserved before. `recalled`: what an earlier try
    /// asked for.
    pub fn execute<'a>(
        &self,
        request: Request<'a>,
        recalled: Option<&Recalled>,
        now: Now,
    ) -> Executed<'a> {
        match request {
            Request::Write { command, tx_id, tx_id_given, not_after_us, by } => {
                let asked = Asked { command, tx_id, tx_id_given, not_after_us, by };
                self.write(asked, recalled, now)
            }
            Request::Resolve { tx_id, by } => self.resolve(tx_id, by, recalled, now),
            Request::Balance(account) => {
                let state = self.find_for_certain(&account).map(|found| *found.account.lock());
                let state = state.unwrap_or_default();
                Executed::Outcome(Outcome::Balance {
                    reading: BalanceReading { account, balance: state.reading() },
                    as_of: now.seq_durable.max(state.seq),
                })
            }
            Request::Balances(accounts) => {
                Executed::Outcome(self.balances(accounts, now.seq_durable))
            }
        }
    }

    /// What a request must recall before it can be decided, as far as can be told without running
    /// it: so that a batch recalls all at once.
    pub fn foresee(&self, request: &Request<'_>) -> Option<Recall> {
        let (Request::Write { tx_id, .. } | Request::Resolve { tx_id, .. }) = request else {
            return None;
        };
        let tx_hash = self.history.hash(tx_id.as_str());
        self.must_recall(&self.recent.place(tx_hash), tx_hash, None)
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

    /// The name of the account with this number.
    pub fn name_of(&self, number: u32) -> Option<&str> {
        Some(self.accounts.at(usize::try_from(number).ok()?)?.account.name())
    }

    /// The number of the account with this name.
    pub(crate) fn number_of(&self, account: &AccountId<'_>) -> Option<u32> {
        u32::try_from(self.find_for_certain(account)?.number).ok()
    }

    /// The account with this name; `None`: there was none when this was called.
    /// IMPORTANT: an event is on its way to the disk before the accounts that it opens are found by
    /// their names. The opening lock is held from before the one until after the other, so whoever
    /// finds none looks again under it, or would deny an account at a position that has its opening.
    fn find_for_certain(&self, account: &AccountId<'_>) -> Option<Numbered<'_>> {
        self.accounts.find(account.as_str()).or_else(|| {
            let _opening = lock(&self.opening);
            self.accounts.find(account.as_str())
        })
    }

    /// Young events that may carry a tx_id with this hash.
    pub(crate) fn recent_seqs(&self, tx_hash: u64) -> Vec<Seq> {
        self.recent.place(tx_hash).seqs().collect()
    }

    /// Name and state of the account with this number, read under its lock.
    pub(crate) fn state_of(&self, number: u32) -> Option<(AccountId<'static>, AccountState)> {
        let (name, state) = self.account_at(usize::try_from(number).ok()?)?;
        Some((AccountId::new(name.to_owned()).ok()?, state))
    }

    fn write<'a>(&self, asked: Asked<'a>, recalled: Option<&Recalled>, now: Now) -> Executed<'a> {
        let Asked { command, tx_id, tx_id_given, not_after_us, by } = asked;
        if let Some(found) = recalled.and_then(|recalled| recalled.found.as_ref()) {
            return Executed::Outcome(told_again(found, &command, tx_id, now.seq_durable));
        }
        let tx_hash = self.history.hash(tx_id.as_str());
        let mut id = self.recent.place(tx_hash);
        if let Some(recall) = self.must_recall(&id, tx_hash, recalled) {
            return Executed::Recall(
                Request::Write { command, tx_id, tx_id_given, not_after_us, by },
                recall,
            );
        }
        let (id_text, by) = (tx_id.as_str(), by.as_ref());
        let change = Change { tx_id: id_text, tx_hash, tx_id_given, not_after_us, by, now };
        let outcome = match self.change(command, &change) {
            Changed::Done { seq, event } => {
                id.insert(seq, self.evicted_up_to());
                Outcome::Done { seq, tx_id, event, duplicate: false }
            }
            Changed::Refused { refused: Refused { rejection, .. }, seq, as_of } => {
                if let Some(seq) = seq {
                    id.insert(seq, self.evicted_up_to());
                }
                let tx_id = tx_id_given.then_some(tx_id);
                Outcome::Refused { rejection, seq, tx_id, as_of, duplicate: false }
            }
            Changed::Stopped => Outcome::Unavailable(Unavailable::JournalStopped),
        };
        Executed::Outcome(outcome)
    }

    fn resolve<'a>(
        &self,
        tx_id: TxId<'a>,
        by: Option<By<'a>>,
        recalled: Option<&Recalled>,
        now: Now,
    ) -> Executed<'a> {
        let found = recalled.and_then(|recalled| recalled.found.clone());
        if let Some(transaction) = found {
            return Executed::Outcome(Outcome::Resolved { transaction, duplicate: true });
        }
        let tx_hash = self.history.hash(tx_id.as_str());
        let mut id = self.recent.place(tx_hash);
        if let Some(recall) = self.must_recall(&id, tx_hash, recalled) {
            return Executed::Recall(Request::Resolve { tx_id, by }, recall);
        }
        let event = Event::Void;
        let staged = Staged {
            now_us: now.us,
            not_after_us: None,
            tx_id: tx_id.as_str(),
            tx_hash,
            by: by.as_ref(),
            event: &event,
        };
        let placed = if self.plants.has(Planted::VoidNotStaged) {
            let head = self.staging.head();
            Ok(Placed { seq: head.seq.next(), at_us: now.us.max(head.at_us) })
        } else {
            self.staging.stage(staged, || ([], 0))
        };
        let Ok(Placed { seq, at_us }) = placed else {
            return Executed::Outcome(Outcome::Unavailable(Unavailable::JournalStopped));
        };
        id.insert(seq, self.evicted_up_to());
        let (tx_id, by) = (tx_id.into_owned(), by.map(By::into_owned));
        let transaction = Arc::new(Transaction { seq, tx_id, by, event, at_us });
        Executed::Outcome(Outcome::Resolved { transaction, duplicate: false })
    }

    /// Recent tx_ids up to this seq may make room for others.
    fn evicted_up_to(&self) -> Seq {
        if self.plants.has(Planted::EvictedEarly) {
            return Seq::new(u64::MAX);
        }
        self.history.indexed()
    }

    /// What must be read before a request under the tx_id of `id` can be decided; `None` when the
    /// tx_id is new for certain. The shard is locked, so nothing can come in between.
    fn must_recall(
        &self,
        id: &IdPlace<'_>,
        tx_hash: u64,
        recalled: Option<&Recalled>,
    ) -> Option<Recall> {
        let is_another = |seq| recalled.is_some_and(|recalled| recalled.is_another(seq));
        let is_searched =
            || recalled.is_some_and(|recalled| recalled.indexed >= self.history.indexed());
        let unread = id.seqs().any(|seq| !is_another(seq));
        if unread || (self.history.may_hold(tx_hash) && !is_searched()) {
            return Some(Recall { tx_hash, recent: id.seqs().collect() });
        }
        None
    }

    /// Locks the command's accounts, decides, stages and applies.
    fn change<'a>(&self, command: Command<'a>, change: &Change<'_>) -> Changed<'a> {
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
        let now = change.now;
        if change.not_after_us.is_some_and(|not_after_us| now.us > not_after_us) {
            return self.refuse_late(command, change);
        }
        self.find_all(&command, places);
        // An account that is missing now may exist a moment later, unless nobody can open one.
        let opening = places.iter().any(|place| place.found.is_none()).then(|| {
            let opening = lock(&self.opening);
            self.find_all(&command, places);
            opening
        });
        lock_ascending(places);
        let mut as_of = now.seq_durable;
        for (balance, state) in balances.iter_mut().zip(places.iter()) {
            if let Some(state) = &state.state {
                *balance = state.balance;
                as_of = as_of.max(state.seq);
            }
        }
        match decide(command, balances) {
            Ok(event) => {
                let committed = self.commit(&event, change, places);
                drop(opening);
                match (committed, event) {
                    (Ok(seq), event) => Changed::Done { seq, event },
                    (Err(Uncommitted::Stopped), _) => Changed::Stopped,
                    (Err(Uncommitted::Late), event) => match event.into_command() {
                        Some(command) => self.refuse_late(command, change),
                        None => unreachable!("a decided event answers a command"),
                    },
                }
            }
            Err(refused) => self.refuse(refused, as_of, change),
        }
    }

    /// Records a refusal when the client gave the tx_id. One that rests on the state of an account has
    /// the request's deadline as well: a late request is refused as late, whatever is there.
    fn refuse<'a>(&self, refused: Refused<'a>, as_of: Seq, change: &Change<'_>) -> Changed<'a> {
        let is_late = matches!(refused.rejection, Rejection::DeadlinePassed { .. });
        let not_after_us = change.not_after_us.filter(|_| !is_late);
        if !change.tx_id_given {
            return match not_after_us {
                Some(not_after_us) if self.staging.time_at(change.now.us) > not_after_us => {
                    self.refuse_late(refused.command, change)
                }
                _ => Changed::Refused { refused, seq: None, as_of },
            };
        }
        let event = Event::Refused(refused);
        let staged = self.staging.stage(change.staged(&event, not_after_us), || ([], 0));
        match (staged, event) {
            (Ok(Placed { seq, .. }), Event::Refused(refused)) => {
                Changed::Refused { refused, seq: Some(seq), as_of: seq }
            }
            (Err(Unstaged::Late), Event::Refused(Refused { command, .. })) => {
                self.refuse_late(command, change)
            }
            (_, _) => Changed::Stopped,
        }
    }

    fn refuse_late<'a>(&self, command: Command<'a>, change: &Change<'_>) -> Changed<'a> {
        let not_after_us = change.not_after_us.unwrap_or_default();
        let rejection = Rejection::DeadlinePassed { not_after_us };
        self.refuse(Refused { command, rejection }, change.now.seq_durable, change)
    }

    /// Opens what is missing, gives the event its seq, and sets the balances. On an error nothing
    /// was changed.
    fn commit<'t>(
        &'t self,
        event: &Event<'_>,
        change: &Change<'_>,
        places: &mut [Place<'t>],
    ) -> Result<Seq, Uncommitted> {
        if self.plants.has(Planted::EarlyUnlock) {
            return self.commit_unlocked_early(event, change, places);
        }
        let mut opened = Opened { from: usize::MAX, count: 0 };
        let staged = change.staged(event, change.not_after_us);
        let placed = self.staging.stage(staged, || {
            opened = self.open_missing(event, places);
            (numbers_of(places), opened.count)
        });
        let seq = match placed {
            Ok(Placed { seq, .. }) => seq,
            Err(Unstaged::Stopped) => return Err(Uncommitted::Stopped),
            Err(Unstaged::Late) => return Err(Uncommitted::Late),
        };
        let mut each = places.iter_mut();
        apply(event, |_, balance| {
            if let Some(state) = each.next().and_then(|place| place.state.as_mut()) {
                **state = AccountState { balance, seq };
            }
        });
        // The opening lock is held until then, so nobody who needs to know that they are missing
        // has looked meanwhile.
        self.publish(places, opened);
        Ok(seq)
    }

    /// Opens the accounts that are missing, in the event's order.
    /// IMPORTANT: only once the event is certain of its place, or numbers would be given out of
    /// the journal's order. Nobody can find the new accounts yet, so their locks are free, and
    /// their numbers are above all others, so that locking them now keeps the order.
    fn open_missing<'t>(&'t self, event: &Event<'_>, places: &mut [Place<'t>]) -> Opened {
        let mut opened = Opened { from: self.accounts.count(), count: 0 };
        for (place, leg) in places.iter_mut().zip(event.legs()) {
            if place.found.is_none() {
                let added = self.accounts.add(leg.account.as_str());
                place.state = Some(added.account.lock());
                place.found = Some(added);
                opened.count += 1;
            }
        }
        opened
    }

    /// Lets everybody find the accounts that were opened.
    fn publish(&self, places: &[Place<'_>], opened: Opened) {
        if opened.count > 0 {
            let found = places.iter().filter_map(|place| place.found);
            found
                .filter(|found| found.number >= opened.from)
                .for_each(|found| self.accounts.publish(found));
        }
    }

    /// The original's fault, for a test that must notice it: balances are set and the locks
    /// released before the event has its place in the log.
    fn commit_unlocked_early<'t>(
        &'t self,
        event: &Event<'_>,
        change: &Change<'_>,
        places: &mut [Place<'t>],
    ) -> Result<Seq, Uncommitted> {
        let opened = self.open_missing(event, places);
        for (place, leg) in places.iter_mut().zip(event.legs()) {
            if let Some(mut state) = place.state.take() {
                state.balance = leg.after;
                state.seq = state.seq.max(Seq::new(1));
            }
        }
        self.publish(places, opened);
        let numbers = numbers_of(places);
        let staged = self.staging.stage(change.staged(event, None), || (numbers, opened.count));
        let seq = staged.map_err(|_| Uncommitted::Stopped)?.seq;
        for place in places.iter_mut() {
            if let Some(found) = place.found {
                let mut state = found.account.lock();
                state.seq = state.seq.max(seq);
            }
        }
        Ok(seq)
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

fn numbers_of(places: &[Place<'_>]) -> Numbers {
    let number = |place: &Place<'_>| {
        let number = place.found.map_or(usize::MAX, |found| found.number);
        u32::try_from(number).unwrap_or_else(|_| panic!("accounts are numbered with 32 bits"))
    };
    match places {
        [one] => Numbers::Few { numbers: [number(one), 0], count: 1 },
        [one, two] => Numbers::Few { numbers: [number(one), number(two)], count: 2 },
        many => Numbers::Many(many.iter().map(number).collect()),
    }
}

impl Change<'_> {
    fn staged<'s, 'e>(&'s self, event: &'s Event<'e>, not_after_us: Option<u64>) -> Staged<'s, 'e> {
        let Self { tx_id, tx_hash, by, now, .. } = self;
        Staged { now_us: now.us, not_after_us, tx_id, tx_hash: *tx_hash, by: *by, event }
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
