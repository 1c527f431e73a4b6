//! A bank without threads of its own, which a scenario brings, and what is asked of it.

use std::sync::Arc;

use ::history::{Group, History};
use engine::Request;
use engine::embedded::{Checkpoint, Core, Executed, Now, Options, Parts, Recaller, open};
use journal::disk::SimDisk;
use journal::{Committed, Currency, Genesis, LedgerId, Plants, PositionHandle, Sizes, Writer};
use ledger::{AccountId, Amount, Balance, Command, Openings, Seq, Transfer, TxId};
use shuttle::sync::Mutex;
use shuttle::thread;

use crate::history::{Told, judge, sum_of};

pub const NOW_US: u64 = 1_764_000_000_000_000;

/// A bank of the accounts a, b and c with 100 each. Whoever holds the writer commits.
pub struct Bank {
    pub disk: SimDisk,
    pub core: Core<SimDisk>,
    pub index: Arc<History<SimDisk>>,
    pub recaller: Recaller<SimDisk>,
    /// Taken by who commits; nobody holds a lock of the bank while it waits for it.
    pub writer: Mutex<Writer<SimDisk>>,
    pub position: PositionHandle,
    pub options: Options,
    /// What was told before the threads began.
    pub told: Vec<Told<'static>>,
}

impl Bank {
    pub fn open(plants: Plants) -> Self {
        // Enough shards that the tx_ids of a scenario do not wait for each other.
        Self::open_with(2_048, plants)
    }

    pub fn open_with(recent_slots: usize, plants: Plants) -> Self {
        let genesis = Genesis { ledger: LedgerId(7), currency: Currency::new("BRL").unwrap() };
        // Groups of two or three events, so that one swap of the buffer gives several.
        let sizes = Sizes {
            group_bytes_max: 400,
            segment_bytes_max: 1 << 10,
            pad_step_bytes_min: 512,
            pad_step_bytes_max: 512,
        };
        // A run for every event or two.
        let index = ::history::Options {
            chunk_events: 1,
            run_events: 2,
            merge_fan_in: 2,
            ..::history::Options::default()
        };
        let options = Options { sizes, plants, index, recent_slots, ..Options::new(genesis) };
        let disk = SimDisk::new();
        let handle = Arc::new(disk.clone());
        let parts = open(Arc::clone(&handle), Arc::new(SimDisk::new()), &options).unwrap();
        let recaller = parts.recaller(handle);
        let Parts { core, writer, history: index, report: _, index_report: _, lock: _ } = parts;
        let position = writer.position();
        let writer = Mutex::new(writer);
        let mut bank =
            Self { disk, core, index, recaller, writer, position, options, told: vec![] };
        bank.told = vec![bank.ask(write(init(&[("a", 100), ("b", 100), ("c", 100)]), "init"))];
        bank.commit_all();
        bank
    }

    /// Asks, and recalls as often as it takes: for that the asker commits what nobody else has.
    pub fn ask(&self, request: Request<'static>) -> Told<'static> {
        self.ask_with(request, |rests_on| {
            while self.index.appended().seq < rests_on {
                self.commit();
            }
        })
    }

    /// Asks; `wait` returns once what a recall rests on was appended to the index.
    pub fn ask_with(&self, request: Request<'static>, wait: impl Fn(Seq)) -> Told<'static> {
        let now = Now { us: NOW_US, seq_durable: self.position.get().seq };
        let (mut next, mut recalled) = (request.clone(), None);
        loop {
            match self.core.execute(next, recalled.as_ref(), now) {
                Executed::Outcome(outcome) => return (request, outcome),
                Executed::Recall(same, recall) => {
                    wait(recall.rests_on());
                    let tx_id = same.tx_id().unwrap();
                    recalled = Some(self.recaller.recall(tx_id, &recall).unwrap());
                    next = same;
                }
            }
        }
    }

    /// Commits the next group and gives it to the index; `false` when nothing is staged.
    pub fn commit(&self) -> bool {
        let mut writer = self.writer.lock().unwrap();
        let Some(committed) = writer.commit().unwrap() else { return false };
        self.append(committed);
        true
    }

    pub fn commit_all(&self) {
        while self.commit() {}
    }

    pub fn append(&self, committed: Committed<'_>) {
        let Committed { head, seal, traces, file_first, offset, .. } = committed;
        self.index.append(Group { head, seal, traces, file_first, offset });
    }

    /// One step of the index's work after the other until there is none.
    pub fn index_all(&self) {
        while self.index_step() {}
    }

    pub fn index_step(&self) -> bool {
        let name_of = |number| self.core.name_of(number).map(str::to_owned);
        self.index.work(&name_of, true).unwrap() != ::history::Work::Idle
    }

    /// Runs so many clients, each on a thread of its own, beside `meanwhile` on this one. Adds
    /// what they were told to `told`.
    pub fn clients(&mut self, scripts: &[&[Request<'static>]], meanwhile: impl FnOnce(&Self)) {
        let told: Vec<Told<'static>> = thread::scope(|scope| {
            let bank = &*self;
            let clients: Vec<_> = scripts
                .iter()
                .map(|script| {
                    scope.spawn(move || {
                        let told = script.iter().map(|request| bank.ask(request.clone()));
                        told.collect::<Vec<_>>()
                    })
                })
                .collect();
            meanwhile(bank);
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        self.told.extend(told);
    }

    /// Commits the rest and closes the journal. It must be whole, its order that of execution,
    /// and what it gives must be what the state in memory holds.
    pub fn judge(&mut self) {
        self.core.staging().stop();
        self.commit_all();
        self.writer.lock().unwrap().close().unwrap();
        let model = judge(&self.disk, Seq::ZERO, &self.told);
        for (name, held) in model.balances() {
            let (_, outcome) = self.ask(balances(&[name]));
            assert_eq!(sum_of(&outcome).map(i128::from), Some(*held), "{name}");
        }
    }
}

/// A snapshot that is written, copied `accounts_max` accounts at a time.
pub fn checkpoint(bank: &Bank, accounts_max: usize) -> journal::Finished<SimDisk> {
    let disk = Arc::new(bank.disk.clone());
    let Options { genesis_if_new: genesis, plants, .. } = &bank.options;
    let position = bank.position.get();
    let begun = Checkpoint::begin(&bank.core, disk, genesis, position, NOW_US, *plants);
    let mut checkpoint = begun.unwrap();
    while checkpoint.copy(accounts_max).unwrap() {}
    checkpoint.finish().unwrap()
}

pub fn account(name: &str) -> AccountId<'static> {
    AccountId::new(name.to_owned()).unwrap()
}

pub fn deposit(to: &str, minor_units: i64) -> Command<'static> {
    Command::Deposit { account: account(to), amount: Amount::new(minor_units).unwrap() }
}

pub fn transfer(from: &str, to: &str, minor_units: i64) -> Command<'static> {
    let amount = Amount::new(minor_units).unwrap();
    Command::Transfer(Transfer::new(account(from), account(to), amount).unwrap())
}

pub fn init(openings: &[(&str, i64)]) -> Command<'static> {
    let openings =
        openings.iter().map(|(name, held)| (account(name), Balance::new(*held).unwrap()));
    Command::Init(Openings::new(openings.collect()).unwrap())
}

pub fn write(command: Command<'static>, tx_id: &str) -> Request<'static> {
    let tx_id = TxId::new(tx_id.to_owned()).unwrap();
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None }
}

/// A change under a tx_id that the server made: its refusal is not recorded.
pub fn unnamed(command: Command<'static>, tx_id: &str) -> Request<'static> {
    let tx_id = TxId::new(tx_id.to_owned()).unwrap();
    Request::Write { command, tx_id, tx_id_given: false, not_after_us: None, by: None }
}

pub fn resolve(tx_id: &str) -> Request<'static> {
    Request::Resolve { tx_id: TxId::new(tx_id.to_owned()).unwrap(), by: None }
}

pub fn balances(names: &[&str]) -> Request<'static> {
    Request::Balances(names.iter().map(|name| account(name)).collect())
}
