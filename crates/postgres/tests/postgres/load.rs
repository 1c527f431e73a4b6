//! Clients of several engines over the same few accounts, with a record of all that they were told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{Outcome, Request};
use ledger::{Balance, Command, Openings};
use postgres::PostgresEngine;
use rand::seq::IndexedRandom;
use tokio::task::JoinSet;

use crate::bank::{account, deposit, given, must_be_done, one, transfer, withdraw};
use crate::cluster::LIMIT;

/// The hot accounts.
pub const ACCOUNTS: [&str; 4] = ["h0", "h1", "h2", "h3"];
const CLIENTS_PER_ENGINE: usize = 4;
const BATCH: usize = 8;
/// What each account holds at first; a withdrawal of more than all of them hold is refused.
const OPENING: i64 = 1_000_000;
const TOO_MUCH: i64 = 1_000_000_000_000;

/// One request, and what was told.
#[derive(Clone, Debug)]
pub struct Told {
    pub request: Request<'static>,
    /// Whether its client had asked the same before.
    pub is_repeated: bool,
    pub began: Instant,
    pub ended: Instant,
    pub outcome: Outcome<'static>,
}

impl Told {
    pub fn is_unknown(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown { .. })
    }
}

/// Clients that ask until they are stopped.
pub struct Load {
    told: Arc<Mutex<Vec<Told>>>,
    /// Changes that were acknowledged.
    acknowledged: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

/// Opens the accounts.
pub async fn prepare(engine: &PostgresEngine) {
    let with = |name: &&str| (account(name), Balance::new(OPENING).unwrap());
    let openings = Openings::new(ACCOUNTS.iter().map(with).collect()).unwrap();
    must_be_done(&one(engine, given(Command::Init(openings), "opening")).await);
}

impl Load {
    /// Starts clients for each engine; `run` makes their tx_ids different from those of other runs.
    pub fn start(engines: &[Arc<PostgresEngine>], run: &str) -> Self {
        let mut load = Self {
            told: Arc::default(),
            acknowledged: Arc::default(),
            is_over: Arc::default(),
            clients: JoinSet::new(),
        };
        for (number, engine) in engines.iter().enumerate() {
            for client in 0..CLIENTS_PER_ENGINE {
                let client = Client {
                    engine: Arc::clone(engine),
                    name: format!("{run}-{number}-{client}"),
                    told: Arc::clone(&load.told),
                    acknowledged: Arc::clone(&load.acknowledged),
                    is_over: Arc::clone(&load.is_over),
                };
                load.clients.spawn(client.run());
            }
        }
        load
    }

    /// Waits until so many more changes are acknowledged.
    pub async fn progress(&self, more: u64) {
        let wanted = self.acknowledged() + more;
        let began = Instant::now();
        while self.acknowledged() < wanted {
            assert!(began.elapsed() < 2 * LIMIT, "nothing goes on: {}", self.acknowledged());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Changes that were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// Ends the clients; all that they were told.
    pub async fn stop(mut self) -> Vec<Told> {
        self.is_over.store(true, Ordering::Release);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

struct Client {
    engine: Arc<PostgresEngine>,
    name: String,
    told: Arc<Mutex<Vec<Told>>>,
    acknowledged: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Client {
    async fn run(self) {
        let mut asked = Vec::new();
        let mut number = 0;
        while !self.is_over.load(Ordering::Acquire) {
            let batch: Vec<_> = (0..BATCH).map(|_| self.request(&mut asked, &mut number)).collect();
            let began = Instant::now();
            let requests = batch.iter().map(|(request, _)| request.clone()).collect();
            let outcomes = self.engine.run(requests).await;
            let ended = Instant::now();
            assert_eq!(outcomes.len(), batch.len());
            let mut told = self.told.lock().unwrap();
            for ((request, is_repeated), outcome) in batch.into_iter().zip(outcomes) {
                let is_done = matches!(outcome, Outcome::Done { .. });
                self.acknowledged.fetch_add(u64::from(is_done), Ordering::AcqRel);
                told.push(Told { request, is_repeated, began, ended, outcome });
            }
        }
    }

    /// The next request, and whether it was asked before.
    fn request(
        &self,
        asked: &mut Vec<Request<'static>>,
        number: &mut u64,
    ) -> (Request<'static>, bool) {
        let mut random = rand::rng();
        let kind = rand::random::<u32>() % 20;
        if kind == 0
            && let Some(request) = asked.choose(&mut random)
        {
            return (request.clone(), true);
        }
        let pair: Vec<&&str> = ACCOUNTS.sample(&mut random, 2).collect();
        if kind < 3 {
            return (Request::Balance(account(pair[0])), false);
        }
        *number += 1;
        let tx_id = format!("{}-{number}", self.name);
        let units = 1 + i64::from(rand::random::<u16>() % 100);
        let request = match kind {
            3..5 => withdraw(pair[0], TOO_MUCH, &tx_id),
            5 => withdraw(pair[0], units, &tx_id),
            6..8 => deposit(pair[0], units, &tx_id),
            _ => transfer(pair[0], pair[1], units, &tx_id),
        };
        asked.push(request.clone());
        (request, false)
    }
}
