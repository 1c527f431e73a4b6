//! Decides a batch over locked copies of its accounts, and says what is to be written. Pure: no
//! database, no clock.
//!
//! **Invariant:** requests run in their order, each seeing what those before it did.
//! **Invariant:** a decision rests on locked rows alone, or on names that were missing: those that
//! the batch opens are proved missing by their insertion, all others stand in `absences`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use engine::{BalanceReading, Outcome, Request, Unavailable};
use journal::{encode_record, limits, record_bytes_max};
use ledger::{
    AccountId, Balance, By, Command, Event, Leg, Refused, Rejection, Repeated, Seq, Transaction,
    TxId, decide,
};

/// A row of an account, locked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) version: i64,
    pub(crate) balance: Balance,
}

/// What the batch was found to stand on.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Rows by name; a name without one was missing.
    pub(crate) rows: HashMap<String, Row>,
    /// What stands under tx_ids of the batch.
    pub(crate) known: HashMap<String, Arc<Transaction<'static>>>,
    /// The end of the one order, and its time.
    pub(crate) head: Seq,
    pub(crate) at_us: u64,
}

/// What the database gave a batch that was committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed {
    /// The seq of its first event.
    pub(crate) first: Seq,
    /// The time of all its events.
    pub(crate) at_us: u64,
}

/// A decided batch.
#[derive(Debug)]
pub(crate) struct Plan {
    drafts: Vec<Draft>,
    head: Seq,
    pub(crate) writes: Writes,
    /// Names whose absence decided something, and which the batch does not open.
    pub(crate) absences: BTreeSet<String>,
}

/// What a batch writes.
#[derive(Debug)]
pub(crate) struct Writes {
    /// tx_id and record of each event, in order.
    pub(crate) records: Vec<(String, Vec<u8>)>,
    /// What becomes of each account that changed.
    pub(crate) changes: BTreeMap<String, Change>,
    /// A line of a statement each.
    pub(crate) entries: Vec<Entry>,
    pub(crate) money_in: i128,
    pub(crate) world: i128,
    /// The time of the batch, unless the one before it has a later one.
    pub(crate) at_us: u64,
    /// The earliest deadline of what was executed, or refused for another reason: the time may not
    /// pass it.
    pub(crate) not_after_us: Option<u64>,
}

/// What becomes of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// The version that was read; `None`: it is opened.
    pub(crate) before: Option<i64>,
    pub(crate) after: i64,
    pub(crate) balance: i64,
}

/// An account as an event of the batch left it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) account: String,
    pub(crate) version: i64,
    pub(crate) n: i32,
    pub(crate) balance: i64,
}

/// Where something stands: known, or the n-th event of this batch.
#[derive(Clone, Copy, Debug)]
enum Place {
    At(Seq),
    New(u64),
}

/// What stands under a tx_id. Shared, for it may be large and asked for by many.
#[derive(Debug)]
enum Known {
    /// Since before this batch.
    Old(Arc<Transaction<'static>>),
    /// The n-th event of this batch.
    New { n: u64, by: Option<By<'static>>, event: Arc<Event<'static>> },
}

impl Known {
    fn place(&self) -> Place {
        match self {
            Self::Old(found) => Place::At(found.seq),
            Self::New { n, .. } => Place::New(*n),
        }
    }

    fn event(&self) -> &Event<'static> {
        match self {
            Self::Old(found) => &found.event,
            Self::New { event, .. } => event,
        }
    }
}

/// An outcome whose seqs are known once the batch has its place.
#[derive(Debug)]
enum Draft {
    Ready(Outcome<'static>),
    Done {
        place: Place,
        tx_id: TxId<'static>,
        event: Event<'static>,
        duplicate: bool,
    },
    /// By the n-th event of the batch.
    Resolved {
        n: u64,
        tx_id: TxId<'static>,
        by: Option<By<'static>>,
        event: Arc<Event<'static>>,
        duplicate: bool,
    },
    Recorded {
        place: Place,
        rejection: Rejection,
        tx_id: TxId<'static>,
        duplicate: bool,
    },
    /// `behind`: how many events of the batch came before.
    Refused {
        rejection: Rejection,
        behind: u64,
    },
    Conflict {
        place: Place,
        tx_id: TxId<'static>,
        behind: u64,
    },
    Balance {
        reading: BalanceReading<'static>,
        behind: u64,
    },
    Balances {
        readings: Vec<BalanceReading<'static>>,
        behind: u64,
    },
}

/// An account while the batch runs.
struct Account {
    /// The version that was read.
    read: Option<i64>,
    version: i64,
    balance: Balance,
}

struct Run {
    accounts: HashMap<String, Account>,
    known: HashMap<String, Known>,
    at_us: u64,
    writes: Writes,
    absences: BTreeSet<String>,
}

/// Decides `requests` at the clock's `now_us`, in microseconds since the Unix epoch.
pub(crate) fn plan(requests: Vec<Request<'static>>, loaded: Loaded, now_us: u64) -> Plan {
    let Loaded { rows, known, head, at_us } = loaded;
    let at_us = now_us.max(at_us);
    let account =
        |row: Row| Account { read: Some(row.version), version: row.version, balance: row.balance };
    let mut run = Run {
        accounts: rows.into_iter().map(|(name, row)| (name, account(row))).collect(),
        known: known.into_iter().map(|(tx_id, found)| (tx_id, Known::Old(found))).collect(),
        at_us,
        writes: Writes {
            records: Vec::new(),
            changes: BTreeMap::new(),
            entries: Vec::new(),
            money_in: 0,
            world: 0,
            at_us,
            not_after_us: None,
        },
        absences: BTreeSet::new(),
    };
    let drafts = requests.into_iter().map(|request| run.request(request)).collect();
    let Run { accounts, mut writes, absences, .. } = run;
    for (name, account) in accounts {
        if account.read != Some(account.version) && account.version > 0 {
            let Account { read, version, balance } = account;
            let change = Change { before: read, after: version, balance: balance.get() };
            writes.changes.insert(name, change);
        }
    }
    Plan { drafts, head, writes, absences }
}

impl Run {
    fn request(&mut self, request: Request<'static>) -> Draft {
        match request {
            Request::Write { command, tx_id, tx_id_given, not_after_us, by } => {
                self.write(command, tx_id, tx_id_given, not_after_us, by)
            }
            Request::Resolve { tx_id, by } => self.resolve(tx_id, by),
            Request::Balance(account) => {
                let behind = self.count();
                Draft::Balance { reading: self.reading(account), behind }
            }
            Request::Balances(accounts) => {
                let behind = self.count();
                let readings = accounts.into_iter().map(|account| self.reading(account)).collect();
                Draft::Balances { readings, behind }
            }
        }
    }

    fn write(
        &mut self,
        command: Command<'static>,
        tx_id: TxId<'static>,
        tx_id_given: bool,
        not_after_us: Option<u64>,
        by: Option<By<'static>>,
    ) -> Draft {
        if record_bytes_max(&command, tx_id.as_str(), by.as_ref()) > limits::RECORD_BYTES_MAX {
            return Draft::Ready(Outcome::Unavailable(Unavailable::TooLarge));
        }
        if let Some(known) = self.known.get(tx_id.as_str()) {
            return repeated(known.place(), known.event(), &command, tx_id, self.count());
        }
        if let Some(not_after_us) = not_after_us.filter(|not_after_us| self.at_us > *not_after_us) {
            let rejection = Rejection::DeadlinePassed { not_after_us };
            return self.refuse(Refused { command, rejection }, tx_id, tx_id_given, by);
        }
        let missing: Vec<String> = command
            .accounts()
            .filter(|account| !self.exists(account.as_str()))
            .map(|account| account.as_str().to_owned())
            .collect();
        let balances: Vec<Balance> =
            command.accounts().map(|account| self.held(account.as_str())).collect();
        let decided = decide(command, &balances);
        if decided.is_ok() || tx_id_given {
            // Should the batch get a later time than this, it is decided again by that.
            self.writes.not_after_us = match (self.writes.not_after_us, not_after_us) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        match decided {
            Ok(event) => {
                let place = self.record(&tx_id, by, &event);
                Draft::Done { place, tx_id, event, duplicate: false }
            }
            Err(refused) => {
                self.absences.extend(missing);
                self.refuse(refused, tx_id, tx_id_given, by)
            }
        }
    }

    fn resolve(&mut self, tx_id: TxId<'static>, by: Option<By<'static>>) -> Draft {
        let (is_known, n) = (self.known.contains_key(tx_id.as_str()), self.count());
        if !is_known {
            self.record(&tx_id, by.clone(), &Event::Void);
        }
        match self.known.get(tx_id.as_str()) {
            Some(Known::Old(found)) => {
                let transaction = Arc::clone(found);
                Draft::Ready(Outcome::Resolved { transaction, duplicate: true })
            }
            Some(Known::New { n, by, event }) => {
                let (n, by, event) = (*n, by.clone(), Arc::clone(event));
                Draft::Resolved { n, tx_id, by, event, duplicate: is_known }
            }
            None => {
                let (event, duplicate) = (Arc::new(Event::Void), false);
                Draft::Resolved { n, tx_id, by, event, duplicate }
            }
        }
    }

    /// Records a refusal when the client gave the tx_id.
    fn refuse(
        &mut self,
        refused: Refused<'static>,
        tx_id: TxId<'static>,
        is_given: bool,
        by: Option<By<'static>>,
    ) -> Draft {
        let rejection = refused.rejection.clone();
        if !is_given {
            return Draft::Refused { rejection, behind: self.count() };
        }
        let place = self.record(&tx_id, by, &Event::Refused(refused));
        Draft::Recorded { place, rejection, tx_id, duplicate: false }
    }

    /// Gives an event its place in the batch, and applies it.
    fn record(
        &mut self,
        tx_id: &TxId<'static>,
        by: Option<By<'static>>,
        event: &Event<'static>,
    ) -> Place {
        let count = self.count();
        let n = i32::try_from(self.count()).unwrap_or(i32::MAX);
        let mut record = Vec::with_capacity(256);
        let by_text = by.as_ref().map(By::as_str);
        encode_record(&mut record, Seq::ZERO, tx_id.as_str(), by_text, event, 0);
        self.writes.records.push((tx_id.as_str().to_owned(), record));
        self.writes.money_in += event.money_in();
        self.writes.world += event.world_delta();
        for Leg { account, after, before: _ } in event.legs() {
            let name = account.as_str();
            let account = match self.accounts.get_mut(name) {
                Some(account) => account,
                None => self.accounts.entry(name.to_owned()).or_insert(Account {
                    read: None,
                    version: 0,
                    balance: Balance::ZERO,
                }),
            };
            account.version = account.version.strict_add(1);
            account.balance = *after;
            self.writes.entries.push(Entry {
                account: name.to_owned(),
                version: account.version,
                n,
                balance: after.get(),
            });
        }
        let known = Known::New { n: count, by, event: Arc::new(event.clone()) };
        self.known.insert(tx_id.as_str().to_owned(), known);
        Place::New(count)
    }

    fn reading(&mut self, account: AccountId<'static>) -> BalanceReading<'static> {
        let name = account.as_str();
        let balance = self.exists(name).then(|| self.held(name));
        if balance.is_none() {
            self.absences.insert(name.to_owned());
        }
        BalanceReading { account, balance }
    }

    fn exists(&self, name: &str) -> bool {
        self.accounts.contains_key(name)
    }

    fn held(&self, name: &str) -> Balance {
        self.accounts.get(name).map_or(Balance::ZERO, |account| account.balance)
    }

    /// How many events the batch has so far.
    fn count(&self) -> u64 {
        self.writes.records.len() as u64
    }
}

/// What a tx_id that stands for `event` says to a request for `command`.
fn repeated(
    place: Place,
    event: &Event<'static>,
    command: &Command<'_>,
    tx_id: TxId<'static>,
    behind: u64,
) -> Draft {
    match event.repeated(command) {
        Repeated::Done(event) => Draft::Done { place, tx_id, event, duplicate: true },
        Repeated::Refused(rejection) => {
            Draft::Recorded { place, rejection, tx_id, duplicate: true }
        }
        Repeated::Conflict => Draft::Conflict { place, tx_id, behind },
    }
}

impl Plan {
    /// Whether the batch records nothing.
    pub(crate) fn is_only_asking(&self) -> bool {
        self.writes.records.is_empty()
    }

    /// The outcomes, now that the batch has its place; `None` for one that wrote nothing.
    pub(crate) fn outcomes(self, committed: Option<Committed>) -> Vec<Outcome<'static>> {
        let head = self.head;
        let seq_of = |n: u64| {
            let first = committed.map_or(head.get() + 1, |committed| committed.first.get());
            Seq::new(first + n)
        };
        let at = |place: Place| match place {
            Place::At(seq) => seq,
            Place::New(n) => seq_of(n),
        };
        let at_us = committed.map_or(0, |committed| committed.at_us);
        let mut resolved: HashMap<u64, Arc<Transaction<'static>>> = HashMap::new();
        let position = |behind: u64| match behind.checked_sub(1) {
            None => head,
            Some(last) => seq_of(last),
        };
        let mut finish = |draft: Draft| match draft {
            Draft::Ready(outcome) => outcome,
            Draft::Done { place, tx_id, event, duplicate } => {
                Outcome::Done { seq: at(place), tx_id, event, duplicate }
            }
            Draft::Resolved { n, tx_id, by, event, duplicate } => {
                let made = resolved.entry(n).or_insert_with(|| {
                    let (seq, event) = (seq_of(n), Event::clone(&event));
                    Arc::new(Transaction { seq, tx_id, by, event, at_us })
                });
                Outcome::Resolved { transaction: Arc::clone(made), duplicate }
            }
            Draft::Recorded { place, rejection, tx_id, duplicate } => {
                let seq = at(place);
                let (tx_id, as_of) = (Some(tx_id), seq);
                Outcome::Refused { rejection, seq: Some(seq), tx_id, as_of, duplicate }
            }
            Draft::Refused { rejection, behind } => {
                let (as_of, duplicate) = (position(behind), false);
                Outcome::Refused { rejection, seq: None, tx_id: None, as_of, duplicate }
            }
            Draft::Conflict { place, tx_id, behind } => {
                Outcome::Conflict { tx_id, as_of: at(place).max(position(behind)) }
            }
            Draft::Balance { reading, behind } => {
                Outcome::Balance { reading, as_of: position(behind) }
            }
            Draft::Balances { readings, behind } => {
                Outcome::Balances { readings, as_of: position(behind) }
            }
        };
        self.drafts.into_iter().map(&mut finish).collect()
    }
}
