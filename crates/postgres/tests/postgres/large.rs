//! Requests and pages over events that name many accounts: memory has a bound.

use std::sync::Arc;

use engine::query::{Order, PAGE_MAX, Query, Reading, StatementPage};
use engine::{Answered, Engine, Outcome, Request};
use ledger::{Balance, Command, Openings, TxId};
use postgres::PostgresEngine;

use crate::bank::{account, given, must_be_done, one, open_unchecked};
use crate::cluster::{Cluster, LIMIT};

/// Sets the balances of `count` accounts, the same ones each time.
async fn init(engine: &PostgresEngine, count: usize, tx_id: &str) {
    let openings = (0..count).map(|n| (account(&format!("{n:0>60}")), Balance::ZERO));
    let command = Command::Init(Openings::new(openings.collect()).unwrap());
    must_be_done(&one(engine, given(command, tx_id)).await);
}

fn resolve(tx_id: &str) -> Request<'static> {
    Request::Resolve { tx_id: TxId::new(tx_id.to_owned()).unwrap(), by: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_asks_for_much_history_ends_early_and_gives_the_rest_back() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    let tx_ids: Vec<String> = (0..6).map(|n| format!("t-{n}")).collect();
    for tx_id in &tx_ids {
        init(&engine, 3_000, tx_id).await;
    }
    let batch: Vec<_> = tx_ids.iter().map(|tx_id| resolve(tx_id)).collect();
    let Answered { outcomes, rest } = engine.execute(batch.clone()).await;
    // Three of them name fewer than 10,000 accounts.
    assert_eq!((outcomes.len(), &rest[..]), (4, &batch[4..]));
    let Answered { outcomes: others, rest } = engine.execute(rest).await;
    assert_eq!(rest, []);
    for (tx_id, outcome) in tx_ids.iter().zip(outcomes.iter().chain(&others)) {
        let Outcome::Resolved { transaction, duplicate: true } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(transaction.tx_id.as_str(), tx_id);
        assert_eq!(transaction.event.accounts_count(), 3_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_of_a_batch_ask_for_is_held_once() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    init(&engine, 3_000, "t-1").await;
    for tx_id in ["t-1", "unused"] {
        let outcomes = engine.run(vec![resolve(tx_id); 50]).await;
        assert_eq!(outcomes.len(), 50);
        let [Outcome::Resolved { transaction: first, .. }, others @ ..] = &outcomes[..] else {
            panic!("{outcomes:?}")
        };
        for outcome in others {
            let Outcome::Resolved { transaction, duplicate: true } = outcome else {
                panic!("{outcome:?}")
            };
            assert!(Arc::ptr_eq(first, transaction), "{tx_id} is held twice");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_statement_ends_behind_events_that_name_many_accounts_and_the_next_joins() {
    const EVENTS: usize = 12;
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    for n in 0..EVENTS {
        init(&engine, 10_000, &format!("t-{n}")).await;
    }
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let (mut after, mut counts, mut seqs) = (None, Vec::new(), Vec::new());
        loop {
            let page =
                StatementPage { from: None, to: None, order, limit: PAGE_MAX, after, end: None };
            let query = Query::Statement { account: account(&format!("{:0>60}", 7)), page };
            let reading = engine.read(query).await.unwrap();
            let Reading::Statement(statement) = reading else { panic!("{reading:?}") };
            counts.push(statement.lines.len());
            seqs.extend(statement.lines.iter().map(|line| line.seq.get()));
            after = statement.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(counts, [10, 2]);
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=12).collect::<Vec<_>>());
    }
}
