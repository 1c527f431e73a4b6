//! A bank on a simulated disk, clients on threads of their own, and the judgement afterwards:
//! what every client was told, held against the journal.

use std::collections::HashMap;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use engine::embedded::{Embedded, Options, open};
use engine::{Engine, Outcome, Request};
use journal::disk::SimDisk;
use journal::{Currency, Genesis, LedgerId, Sizes, verify};
use ledger::model::Model;
use ledger::{AccountId, Amount, Balance, Command, Openings, Seq, Transfer, TxId};

use crate::history;

/// Far longer than any of these tests takes: who is not done by then waits for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// Small files and groups, so that groups are cut, padding grows and files rotate all the time.
const SIZES: Sizes = Sizes {
    group_bytes_max: 8 << 10,
    segment_bytes_max: 256 << 10,
    pad_step_bytes_min: 4 << 10,
    pad_step_bytes_max: 64 << 10,
};

pub struct Bank {
    pub disk: SimDisk,
    pub engine: Embedded<SimDisk>,
}

/// One request of a client and what it was told.
pub type Told<'e> = (Request<'static>, Outcome<'e>);

impl Bank {
    pub fn open(disk: SimDisk) -> Self {
        Self::open_with(disk, SIZES)
    }

    pub fn open_with(disk: SimDisk, sizes: Sizes) -> Self {
        let genesis = Genesis { ledger: LedgerId(7), currency: Currency::new("BRL").unwrap() };
        let options = Options {
            sizes,
            buffer_bytes_max: 256 << 10,
            checkpoint_bytes: 1 << 20,
            ..Options::new(genesis)
        };
        let handle = Arc::new(disk.clone());
        let parts = open(Arc::clone(&handle), &options).unwrap();
        let engine = Embedded::start(handle, parts, &options, Box::new(|_| {}));
        Self { disk, engine }
    }

    /// Runs a batch on this thread.
    pub fn ask(&self, batch: Vec<Request<'static>>) -> Vec<Told<'_>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcomes = runtime.block_on(self.engine.execute(batch.clone()));
        assert_eq!(outcomes.len(), batch.len(), "one outcome per request");
        batch.into_iter().zip(outcomes).collect()
    }

    /// Runs so many clients at once, each on a thread of its own, none before all are there.
    /// Returns what they returned.
    pub fn clients<'b, T: Send>(
        &'b self,
        count: u64,
        client: impl Fn(&'b Self, u64) -> T + Sync,
    ) -> Vec<T> {
        let all_there = Barrier::new(usize::try_from(count).unwrap());
        let (client, all_there) = (&client, &all_there);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..count)
                .map(|number| {
                    scope.spawn(move || {
                        all_there.wait();
                        client(self, number)
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        })
    }

    /// What the accounts hold now.
    pub fn held(&self, names: &[String]) -> Vec<Option<i64>> {
        let told = self.ask(vec![balances(names)]);
        let Some((_, Outcome::Balances { readings, .. })) = told.first() else {
            panic!("{told:?}")
        };
        readings.iter().map(|reading| reading.balance.map(Balance::get)).collect()
    }

    /// Stops in order.
    pub fn close(self) -> SimDisk {
        self.engine.close().unwrap();
        self.disk
    }
}

/// Fails the test when `what` does not end: a deadlock, or a wake-up that was lost.
pub fn in_time(what: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel::<()>();
    let running = thread::spawn(move || {
        what();
        drop(done);
    });
    match is_done.recv_timeout(PATIENCE) {
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = running.join() {
                std::panic::resume_unwind(panic);
            }
        }
        Err(RecvTimeoutError::Timeout) => panic!("it does not end: a deadlock"),
    }
}

/// Holds what the clients were told against the journal:
/// * the model, run in the order of the journal, does the same, account by account;
/// * everything acknowledged stands there exactly once with the acknowledged result, and nothing
///   that nobody asked for;
/// * every reading and every unrecorded refusal is what the accounts held at its position.
///
/// The ledger may hold more from before. Returns the model as it stands at the end.
pub fn judge(disk: &SimDisk, told: &[Told<'_>]) -> Model {
    let mut changes: HashMap<&str, Vec<&Outcome<'_>>> = HashMap::new();
    let mut readings: HashMap<Seq, Vec<&Told<'_>>> = HashMap::new();
    for one in told {
        match one {
            (_, Outcome::Done { tx_id, .. })
            | (_, Outcome::Refused { seq: Some(_), tx_id: Some(tx_id), .. }) => {
                changes.entry(tx_id.as_str()).or_default().push(&one.1);
            }
            (
                _,
                Outcome::Balance { as_of, .. }
                | Outcome::Balances { as_of, .. }
                | Outcome::Refused { as_of, .. },
            ) => readings.entry(*as_of).or_default().push(one),
            (_, Outcome::Conflict { .. } | Outcome::Unavailable(_)) => {}
            (_, Outcome::Unknown { .. }) => panic!("nothing was lost here: {one:?}"),
        }
    }
    let lines = history::lines(disk);
    let model = history::replay(&lines, |entry, model| {
        for outcome in changes.remove(entry.tx_id.as_str()).unwrap_or_default() {
            assert!(history::tells(outcome, entry), "{outcome:?} was told of {entry:?}");
        }
        for reading in readings.remove(&entry.seq).unwrap_or_default() {
            assert_shows(reading, model);
        }
    });
    assert!(changes.is_empty(), "acknowledged and not in the journal: {changes:?}");
    assert!(readings.is_empty(), "shown and not in the journal: {readings:?}");
    let proof = verify(disk, None, |_| {}).unwrap();
    assert_eq!(proof.last.get(), model.seq());
    assert_eq!(proof.sum, model.balances().values().sum::<i128>());
    // The snapshot of the last stop: each account once.
    let snapshots = &proof.survey.snapshots;
    let accounts_count = snapshots.first().map(|(_, snapshot)| snapshot.accounts_count);
    assert_eq!(accounts_count, Some(model.balances().len() as u64));
    model
}

/// What was shown of some accounts is what the model holds in them now.
fn assert_shows((request, outcome): &Told<'_>, model: &Model) {
    let held = |account: &AccountId<'_>| model.balance(account.as_str());
    match (outcome, request) {
        (Outcome::Balance { reading, .. }, _) => {
            let shown = reading.balance.map(|balance| i128::from(balance.get()));
            assert_eq!(shown, held(&reading.account), "{outcome:?}");
        }
        (Outcome::Balances { readings, .. }, _) => {
            for reading in readings {
                let shown = reading.balance.map(|balance| i128::from(balance.get()));
                assert_eq!(shown, held(&reading.account), "{outcome:?}");
            }
        }
        (Outcome::Refused { rejection, .. }, Request::Write { command, .. }) => {
            let payer = command.accounts().next().unwrap();
            let shown = rejection.balance().map(|balance| i128::from(balance.get()));
            assert_eq!(shown, Some(held(payer).unwrap_or(0)), "{outcome:?}");
        }
        (_, _) => panic!("nothing is shown: {outcome:?}"),
    }
}

/// The sum of a reading of several balances; what is not there counts as nothing.
pub fn sum_of(outcome: &Outcome<'_>) -> Option<i64> {
    let Outcome::Balances { readings, .. } = outcome else { return None };
    Some(readings.iter().filter_map(|reading| reading.balance).map(Balance::get).sum())
}

pub fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

pub fn balances(names: &[String]) -> Request<'static> {
    Request::Balances(names.iter().map(|name| account(name)).collect())
}

pub fn init(names: &[String], each: i64) -> Command<'static> {
    let each = Balance::new(each).unwrap();
    let openings = names.iter().map(|name| (account(name), each)).collect();
    Command::Init(Openings::new(openings).unwrap())
}

pub fn deposit(to: &str, minor_units: i64) -> Command<'static> {
    Command::Deposit { account: account(to), amount: Amount::new(minor_units).unwrap() }
}

pub fn transfer(from: &str, to: &str, minor_units: i64) -> Command<'static> {
    let amount = Amount::new(minor_units).unwrap();
    Command::Transfer(Transfer::new(account(from), account(to), amount).unwrap())
}

pub fn write(command: Command<'static>, tx_id: String, tx_id_given: bool) -> Request<'static> {
    Request::Write { command, tx_id: TxId::new(tx_id).unwrap(), tx_id_given }
}

fn account(name: &str) -> AccountId<'static> {
    AccountId::new(name.to_owned()).unwrap()
}

/// Chance from a seed: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Whether something that happens once in `times` happens now.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Two different ones of `names`.
    pub fn two<'n>(&mut self, names: &'n [String]) -> (&'n str, &'n str) {
        let count = names.len() as u64;
        let from = self.below(count);
        let to = (from + 1 + self.below(count - 1)) % count;
        let name = |n: u64| names[usize::try_from(n).unwrap()].as_str();
        (name(from), name(to))
    }

    /// An amount from 1 to `most`.
    pub fn amount(&mut self, most: u64) -> i64 {
        i64::try_from(1 + self.below(most)).unwrap()
    }
}
