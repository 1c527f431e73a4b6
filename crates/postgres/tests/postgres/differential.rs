//! One random history given to two engines: the same answers, the same balances, the same past.
//! `SALDO_DIFFERENTIAL` says how many requests (2,000).

use std::env;
use std::sync::Arc;

use engine::embedded::{Embedded, Options as FolderOptions, open};
use engine::query::{Moment, Named, Order, Span, StatementPage};
use engine::{Engine, Outcome, Query, Reading, Request};
use journal::disk::SimDisk;
use journal::{Currency, Genesis, LedgerId};
use ledger::{AccountId, Amount, Balance, By, Command, Openings, Seq, Transaction, Transfer, TxId};
use postgres::{Mode, Options, PostgresEngine};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use crate::cluster::Cluster;

const NAMES: [&str; 7] = ["a", "b", "c", "ab", "\u{e9}", "Z", "a/1"];
/// Most requests in a batch.
const BATCH_MAX: u64 = 40;

struct Random(Xoshiro256PlusPlus);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn account(&mut self) -> AccountId<'static> {
        let place = usize::try_from(self.below(NAMES.len() as u64)).unwrap();
        AccountId::new(NAMES[place]).unwrap()
    }

    fn amount(&mut self) -> Amount {
        let units = match self.below(50) {
            0 => 9_007_199_254_740_991,
            1..5 => 1_000_000,
            _ => 1 + self.below(500),
        };
        Amount::new(i64::try_from(units).unwrap()).unwrap()
    }

    fn command(&mut self) -> Command<'static> {
        match self.below(12) {
            0 => {
                let mut openings: Vec<_> = (0..1 + self.below(3)).map(|_| self.account()).collect();
                openings.sort_by(|one, other| one.as_str().cmp(other.as_str()));
                openings.dedup();
                let held = i64::try_from(self.below(2_000)).unwrap();
                let with = |account| (account, Balance::new(held).unwrap());
                Command::Init(Openings::new(openings.into_iter().map(with).collect()).unwrap())
            }
            1..4 => Command::Deposit { account: self.account(), amount: self.amount() },
            4..6 => Command::Withdraw { account: self.account(), amount: self.amount() },
            _ => loop {
                let (from, to, amount) = (self.account(), self.account(), self.amount());
                if let Ok(transfer) = Transfer::new(from, to, amount) {
                    break Command::Transfer(transfer);
                }
            },
        }
    }

    /// A request; some under a tx_id that was used before, some long past their deadline.
    fn request(&mut self, number: u64) -> Request<'static> {
        let used = match self.below(8) {
            0 => self.below(number + 1),
            _ => number,
        };
        let tx_id = TxId::new(format!("t-{used}")).unwrap();
        let by = match self.below(4) {
            0 => Some(By::new(format!("user:{}", self.below(3))).unwrap()),
            _ => None,
        };
        match self.below(10) {
            0 => Request::Balance(self.account()),
            1 => Request::Balances((0..self.below(4)).map(|_| self.account()).collect()),
            2 => Request::Resolve { tx_id, by },
            _ => Request::Write {
                command: self.command(),
                tx_id,
                tx_id_given: self.below(4) > 0,
                not_after_us: match self.below(12) {
                    0 => Some(1),
                    1 => Some(u64::from(u32::MAX) << 20),
                    _ => None,
                },
                by,
            },
        }
    }
}

/// The same outcome but for the clock of the engine, and for the position of an answer that is true
/// at several.
fn without_times(outcome: Outcome<'_>) -> Outcome<'_> {
    let nowhere = Seq::ZERO;
    match outcome {
        Outcome::Resolved { transaction, duplicate } => Outcome::Resolved {
            transaction: Arc::new(Transaction { at_us: 0, ..(*transaction).clone() }),
            duplicate,
        },
        Outcome::Balance { reading, .. } => Outcome::Balance { reading, as_of: nowhere },
        Outcome::Balances { readings, .. } => Outcome::Balances { readings, as_of: nowhere },
        Outcome::Conflict { tx_id, .. } => Outcome::Conflict { tx_id, as_of: nowhere },
        Outcome::Refused { rejection, seq, tx_id, as_of, duplicate } => {
            let as_of = if seq.is_some() { as_of } else { nowhere };
            Outcome::Refused { rejection, seq, tx_id, as_of, duplicate }
        }
        outcome @ (Outcome::Done { .. } | Outcome::Unavailable(_) | Outcome::Unknown { .. }) => {
            outcome
        }
    }
}

/// The same reading but for the clock of the engine.
fn timeless(mut reading: Reading) -> Reading {
    match &mut reading {
        Reading::Transaction { transaction, .. } => {
            if let Some(transaction) = transaction {
                transaction.at_us = 0;
            }
        }
        Reading::Transactions { transactions, .. } => {
            transactions.iter_mut().for_each(|transaction| transaction.at_us = 0);
        }
        Reading::Statement(statement) => {
            statement.lines.iter_mut().for_each(|line| line.at_us = 0);
        }
        Reading::Totals(totals) => totals.at_us = 0,
        Reading::BalanceAt { .. } | Reading::Accounts { .. } | Reading::NotYet { .. } => {}
    }
    reading
}

fn questions(random: &mut Random, head: u64, number: u64) -> Vec<Query<'static>> {
    let seq = |random: &mut Random| Seq::new(random.below(head + 2));
    let tx_id = TxId::new(format!("t-{}", random.below(number + 1))).unwrap();
    let order = if random.below(2) == 0 { Order::NewestFirst } else { Order::OldestFirst };
    let page = StatementPage {
        from: Some(Moment::Seq(seq(random))),
        to: None,
        order,
        limit: usize::try_from(1 + random.below(30)).unwrap(),
        after: None,
        end: None,
    };
    vec![
        Query::Transaction(Named::TxId(tx_id)),
        Query::Transaction(Named::Seq(seq(random))),
        Query::Transactions(Span { from: seq(random), to: None, limit: 20 }),
        Query::Statement { account: random.account(), page },
        Query::BalanceAt { account: random.account(), at: Moment::Seq(seq(random)) },
        Query::Accounts { prefix: "a".into(), after: None, limit: 2, count: true },
        Query::Totals,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_answer_a_random_history_in_the_same_way() {
    let wanted: u64 = env::var("SALDO_DIFFERENTIAL").map_or(2_000, |count| count.parse().unwrap());
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = Random(Xoshiro256PlusPlus::seed_from_u64(seed));
    let cluster = Cluster::any();
    let options = Options { mode: Mode::Unchecked, ..Options::default() };
    let address = cluster.bank().await.address();
    let database = PostgresEngine::open(address, options).await.unwrap();
    let genesis = Genesis { ledger: LedgerId(7), currency: Currency::new("BRL").unwrap() };
    let options = FolderOptions::new(genesis);
    let disk = Arc::new(SimDisk::new());
    let parts = open(Arc::clone(&disk), Arc::new(SimDisk::new()), &options).unwrap();
    let folder = Embedded::start(disk, parts, &options, Box::new(|_| {}));
    let mut number = 0;
    while number < wanted {
        let count = 1 + random.below(BATCH_MAX);
        let batch: Vec<_> = (number..number + count).map(|n| random.request(n)).collect();
        number += count;
        let told = folder.execute(batch.clone()).await;
        assert!(told.rest.is_empty());
        let (one, other) = (told.outcomes, database.run(batch.clone()).await);
        for ((request, one), other) in batch.iter().zip(one).zip(other) {
            assert_eq!(without_times(one), without_times(other), "{request:?}");
        }
        let head = folder.seq_durable().get();
        for query in questions(&mut random, head, number) {
            let one = folder.read(query.clone()).await.map(timeless);
            let other = database.read(query.clone()).await.map(timeless);
            assert_eq!(one, other, "{query:?}");
        }
    }
    let all = Query::Accounts { prefix: "".into(), after: None, limit: 100, count: true };
    assert_eq!(folder.read(all.clone()).await, database.read(all).await);
    folder.close().unwrap();
    database.close().await;
}
