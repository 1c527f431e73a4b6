//! A journal to test with: a writer over a simulated disk, and the few balances that its events
//! lead to.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::disk::{Disk, SimDisk};
use journal::{
    Contradiction, Currency, Found, Genesis, LedgerId, OpenError, OpenOptions, Opened, Plants,
    Position, Report, Sizes, SnapshotHead, SnapshotWriter, Staged, Writer,
};
use ledger::{AccountId, Amount, Balance, Command, Event, Refused, Seq, Transfer, decide};

/// An open folder.
pub struct Book<D: Disk = SimDisk> {
    pub writer: Writer<D>,
    pub report: Report,
    accounts: BTreeMap<String, (Balance, Seq)>,
    _lock: D::File,
}

fn options(sizes: Sizes) -> OpenOptions {
    let currency = Currency::new("BRL").expect("three upper-case letters");
    let genesis_if_new = Genesis { ledger: LedgerId(0x5a1d0), currency };
    OpenOptions { sizes, ..OpenOptions::new(genesis_if_new) }
}

impl Book {
    /// Opens the folder of `disk`, as another process would.
    pub fn open(disk: &SimDisk, sizes: Sizes) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(disk.clone()), sizes)
    }

    /// Makes a checkpoint of everything committed so far.
    pub fn checkpoint(&self, disk: &SimDisk) {
        let Position { seq, seal, .. } = self.writer.position().get();
        let genesis = self.report.genesis.clone();
        let head = SnapshotHead { genesis, seq, timestamp_us: 0, seal };
        let disk = Arc::new(disk.clone());
        let mut writer = SnapshotWriter::begin(disk, &head, Plants::default()).expect("begun");
        for (name, (balance, seq)) in &self.accounts {
            writer.account(name, *balance, *seq).expect("written");
        }
        writer.finish().expect("finished").publish().expect("published");
    }
}

impl<D: Disk> Book<D> {
    /// Opens the folder of `disk`.
    pub fn open_on(disk: Arc<D>, sizes: Sizes) -> Result<Self, OpenError> {
        let mut accounts = BTreeMap::new();
        let sink = |found: Found<'_>| -> Result<(), Contradiction> {
            match found {
                Found::Account { account, balance, seq } => {
                    accounts.insert(account.as_str().to_owned(), (balance, seq));
                }
                Found::Event { transaction: entry, .. } => {
                    for leg in entry.event.legs() {
                        let held = (leg.after, entry.seq);
                        accounts.insert(leg.account.as_str().to_owned(), held);
                    }
                }
            }
            Ok(())
        };
        let lock = journal::lock_folder(&*disk)?;
        let opened = journal::open(disk, lock, &options(sizes), &|_| {}, sink)?;
        let Opened { writer, report, lock } = opened;
        Ok(Self { writer, report, accounts, _lock: lock })
    }

    pub fn balance(&self, account: &str) -> i64 {
        self.accounts.get(account).map_or(0, |(held, _)| held.get())
    }

    /// Stages a deposit and returns its seq.
    pub fn deposit(&mut self, account: &str, minor_units: i64) -> Seq {
        self.try_deposit(account, minor_units).expect("the journal takes it")
    }

    /// As [`Book::deposit`]; `None` when the journal has stopped.
    pub fn try_deposit(&mut self, account: &str, minor_units: i64) -> Option<Seq> {
        let account = AccountId::new(account.to_owned()).expect("a name");
        let amount = Amount::new(minor_units).expect("an amount");
        self.stage(Command::Deposit { account, amount })
    }

    /// Stages a transfer, or its refusal, and returns its seq.
    pub fn transfer(&mut self, from: &str, to: &str, minor_units: i64) -> Seq {
        let from = AccountId::new(from.to_owned()).expect("a name");
        let to = AccountId::new(to.to_owned()).expect("a name");
        let amount = Amount::new(minor_units).expect("an amount");
        let transfer = Transfer::new(from, to, amount).expect("two accounts");
        self.stage(Command::Transfer(transfer)).expect("the journal takes it")
    }

    fn stage(&mut self, command: Command<'static>) -> Option<Seq> {
        let held = |account: &AccountId<'_>| {
            self.accounts.get(account.as_str()).map_or(Balance::ZERO, |(held, _)| *held)
        };
        let balances: Vec<Balance> = command.accounts().map(held).collect();
        let event = match decide(command, &balances) {
            Ok(event) => event,
            Err(Refused { command, rejection }) => Event::Refused(Refused { command, rejection }),
        };
        let staging = self.writer.staging();
        let tx_id = format!("tx-{}", staging.head().seq.next());
        let at_us = 1_764_000_000_000_000;
        let staged = Staged::unindexed(at_us, &tx_id, &event);
        let seq = staging.stage(staged, || ([], 0)).ok()?.seq;
        for leg in event.legs() {
            self.accounts.insert(leg.account.as_str().to_owned(), (leg.after, seq));
        }
        Some(seq)
    }

    /// Commits everything staged.
    pub fn commit(&mut self) {
        while self.writer.commit().expect("committed").is_some() {}
    }

    /// Stops in order, without a checkpoint.
    pub fn close(mut self) {
        self.writer.staging().stop();
        self.writer.close().expect("closed");
    }
}
