//! A bank in a database of its own, and what tests ask of it.
//!
//! Engines serve it as the role of `docs/operating-postgres.md`, with the rights that are named there
//! and no others; so each test also shows that they are enough.

use std::sync::Arc;
use std::time::Duration;

use engine::{Outcome, Request};
use journal::{Currency, LedgerId};
use ledger::{AccountId, Amount, Balance, Command, Transfer, TxId};
use postgres::{Address, Mode, Options, Plants, PostgresEngine, create_schema};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

use crate::cluster::client;

const MANUAL: &str = include_str!("../../../../docs/operating-postgres.md");

/// The statements with which the manual makes the role that serves.
pub fn rights() -> &'static str {
    let (_, begun) = MANUAL.split_once("```sql\n").expect("the manual names the rights");
    begun.split_once("```").expect("the block ends").0
}

/// A database with the schema of a new ledger.
pub struct Bank {
    /// Where its superuser finds it.
    owner: String,
    /// Hosts and ports of its servers, of which one is the primary.
    places: Vec<(String, u16)>,
    database: String,
}

impl Bank {
    /// Makes one in an empty database, which a superuser finds at `owner`.
    pub async fn create(owner: String) -> Self {
        let address = Address::parse(&owner).unwrap();
        create_schema(&address, LedgerId(0x5a1d0), &Currency::new("BRL").unwrap()).await.unwrap();
        let superuser = client(&owner).await;
        // Tests that share a server find the role there.
        let role = "DO $$ BEGIN CREATE ROLE saldo_serves LOGIN PASSWORD 'serves'; \
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
        superuser.batch_execute(role).await.unwrap();
        let (_, grants) = rights().split_once(";\n").expect("the role, then its rights");
        superuser.batch_execute(grants).await.unwrap();
        let config: Config = owner.parse().unwrap();
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => panic!("{}: no host", path.display()),
        });
        Self {
            places: hosts.zip(config.get_ports().iter().copied()).collect(),
            database: config.get_dbname().unwrap().to_owned(),
            owner,
        }
    }

    /// Where the serving role finds it.
    pub fn address(&self) -> Address {
        Address::parse(&self.text_at(&self.places)).unwrap()
    }

    /// Where its superuser finds it.
    pub fn owners_address(&self) -> Address {
        Address::parse(&self.owner).unwrap()
    }

    /// Where the serving role finds it at other ports of its first host, one after the other.
    pub fn at(&self, ports: &[u16]) -> Address {
        let places: Vec<_> = ports.iter().map(|port| (self.places[0].0.clone(), *port)).collect();
        Address::parse(&self.text_at(&places)).unwrap()
    }

    /// Where another client finds it in that role.
    pub fn as_serving_role(&self) -> String {
        self.text_at(&self.places)
    }

    fn text_at(&self, places: &[(String, u16)]) -> String {
        let places: Vec<_> = places.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        let (places, database) = (places.join(","), &self.database);
        format!("postgres://saldo_serves:serves@{places}/{database}?sslmode=disable")
    }

    /// The port of its first server.
    pub fn port(&self) -> u16 {
        self.places[0].1
    }

    /// The name of its database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// A connection of its superuser.
    pub async fn superuser(&self) -> Client {
        client(&self.owner).await
    }

    /// Runs statements as its superuser.
    pub async fn run(&self, statements: &str) {
        self.superuser().await.batch_execute(statements).await.unwrap();
    }
}

pub fn account(name: &str) -> AccountId<'static> {
    AccountId::new(name.to_owned()).unwrap()
}

pub fn deposit(to: &str, units: i64, tx_id: &str) -> Request<'static> {
    given(Command::Deposit { account: account(to), amount: Amount::new(units).unwrap() }, tx_id)
}

pub fn withdraw(from: &str, units: i64, tx_id: &str) -> Request<'static> {
    given(Command::Withdraw { account: account(from), amount: Amount::new(units).unwrap() }, tx_id)
}

pub fn transfer(from: &str, to: &str, units: i64, tx_id: &str) -> Request<'static> {
    let transfer = Transfer::new(account(from), account(to), Amount::new(units).unwrap());
    given(Command::Transfer(transfer.unwrap()), tx_id)
}

pub fn given(command: Command<'static>, tx_id: &str) -> Request<'static> {
    let tx_id = TxId::new(tx_id.to_owned()).unwrap();
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None }
}

/// An engine with one connection that writes: a second one would be opened, and checked, when a
/// test has its standby frozen.
pub async fn open(address: Address, patience: Duration) -> Arc<PostgresEngine> {
    open_with(address, Options { patience, slots: 1, ..Options::default() }).await
}

/// The same with a fault that a test planted.
pub async fn open_planted(
    address: Address,
    patience: Duration,
    plants: Plants,
) -> Arc<PostgresEngine> {
    open_with(address, Options { patience, slots: 1, plants, ..Options::default() }).await
}

/// One that trusts a database without a standby.
pub async fn open_unchecked(address: Address, patience: Duration) -> Arc<PostgresEngine> {
    let options = Options { patience, slots: 1, mode: Mode::Unchecked, ..Options::default() };
    open_with(address, options).await
}

pub async fn open_with(address: Address, options: Options) -> Arc<PostgresEngine> {
    Arc::new(PostgresEngine::open(address, options).await.unwrap())
}

pub async fn one(engine: &PostgresEngine, request: Request<'static>) -> Outcome<'static> {
    engine.run(vec![request]).await.into_iter().next().unwrap()
}

/// The same, while the test goes on.
pub fn ask(
    engine: &Arc<PostgresEngine>,
    request: Request<'static>,
) -> tokio::task::JoinHandle<Outcome<'static>> {
    let engine = Arc::clone(engine);
    tokio::spawn(async move { one(&engine, request).await })
}

pub async fn held(engine: &PostgresEngine, name: &str) -> Option<i64> {
    let outcome = one(engine, Request::Balance(account(name))).await;
    let Outcome::Balance { reading, .. } = outcome else { panic!("{outcome:?}") };
    reading.balance.map(Balance::get)
}

/// Stops unless the request was done.
#[track_caller]
pub fn must_be_done(outcome: &Outcome<'static>) -> u64 {
    let Outcome::Done { seq, .. } = outcome else { panic!("{outcome:?}") };
    seq.get()
}
