//! A bank on a simulated disk, and clients on threads of their own.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::embedded::{Embedded, Options, open};
use engine::{Engine, Outcome, Query, Reading, Request};
use journal::disk::SimDisk;
use journal::{Currency, Genesis, LedgerId, Sizes};
use ledger::{AccountId, Amount, Balance, Command, Openings, Transfer, TxId};

use crate::history::Told;

/// Far longer than any of these tests takes: who is not done by then waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// Small files and groups, so that groups are cut, padding grows and files rotate all the time.
pub const SIZES: Sizes = Sizes {
    group_bytes_max: 8 << 10,
    segment_bytes_max: 256 << 10,
    pad_step_bytes_min: 4 << 10,
    pad_step_bytes_max: 64 << 10,
};

pub struct Bank {
    pub disk: SimDisk,
    pub engine: Embedded<SimDisk>,
}

impl Bank {
    pub fn open(disk: SimDisk) -> Self {
        Self::open_with(disk, SimDisk::new(), SIZES, 256 << 10)
    }

    /// Opens a bank whose index lies on `index_disk`, with runs and a table of recent tx_ids so
    /// small that most of what happened is in the index soon.
    pub fn open_with(
        disk: SimDisk,
        index_disk: SimDisk,
        sizes: Sizes,
        buffer_bytes_max: u32,
    ) -> Self {
        let genesis = Genesis { ledger: LedgerId(7), currency: Currency::new("BRL").unwrap() };
        let options = Options {
            sizes,
            buffer_bytes_max,
            checkpoint_bytes: 1 << 20,
            index: ::history::Options {
                chunk_events: 64,
                run_events: 512,
                merge_fan_in: 4,
                ..::history::Options::default()
            },
            index_lag_events_max: 16_384,
            recent_slots: 512,
            ..Options::new(genesis)
        };
        let handle = Arc::new(disk.clone());
        let parts = open(Arc::clone(&handle), Arc::new(index_disk), &options).unwrap();
        let engine = Embedded::start(handle, parts, &options, Box::new(|_| {}));
        Self { disk, engine }
    }

    /// Runs a batch on this thread.
    pub fn ask(&self, batch: Vec<Request<'static>>) -> Vec<Told<'_>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcomes = runtime.block_on(self.engine.execute(batch.clone())).outcomes;
        let seq_durable = self.engine.seq_durable();
        assert_eq!(outcomes.len(), batch.len(), "one outcome per request");
        for outcome in &outcomes {
            assert!(outcome.rests_on() <= seq_durable, "told before it is durable: {outcome:?}");
        }
        batch.into_iter().zip(outcomes).collect()
    }

    /// Asks about history on this thread.
    pub fn read(&self, query: Query<'static>) -> Reading {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let reading = runtime.block_on(self.engine.read(query)).unwrap();
        assert!(reading.as_of() <= self.engine.seq_durable(), "told before it is durable");
        reading
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
    pub fn close(self) {
        self.engine.close().unwrap();
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
    let tx_id = TxId::new(tx_id).unwrap();
    Request::Write { command, tx_id, tx_id_given, not_after_us: None, by: None }
}

/// The same request with a deadline.
pub fn until(request: Request<'static>, deadline_us: Option<u64>) -> Request<'static> {
    let Request::Write { command, tx_id, tx_id_given, .. } = request else {
        panic!("only a change has a deadline: {request:?}")
    };
    Request::Write { command, tx_id, tx_id_given, not_after_us: deadline_us, by: None }
}

pub fn resolve(tx_id: String) -> Request<'static> {
    Request::Resolve { tx_id: TxId::new(tx_id).unwrap(), by: None }
}

/// Microseconds since the Unix epoch.
pub fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_micros()).unwrap()
}

pub fn account(name: &str) -> AccountId<'static> {
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
