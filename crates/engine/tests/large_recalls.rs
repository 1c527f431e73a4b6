//! Recalls of large transactions: one batch takes bounded memory, however little its requests say.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use engine::embedded::{Embedded, Options, open};
use engine::{Answered, Engine, Outcome, Request};
use journal::disk::SimDisk;
use journal::{Currency, Genesis, LedgerId};
use ledger::{AccountId, Amount, Balance, Command, Openings, Transaction, TxId};

/// Accounts of each large transaction.
const ACCOUNTS: usize = 4_000;

/// A batch may recall what names so many accounts, and one event more.
const RECALLED_ACCOUNTS_MAX: usize = 10_000;

fn start() -> Embedded<SimDisk> {
    let currency = Currency::new("BRL").unwrap();
    let options = Options::new(Genesis { ledger: LedgerId(7), currency });
    let disk = Arc::new(SimDisk::new());
    let parts = open(Arc::clone(&disk), Arc::new(SimDisk::new()), &options).unwrap();
    Embedded::start(disk, parts, &options, Box::new(|_| {}))
}

fn tx_id(text: &str) -> TxId<'static> {
    TxId::new(text.to_owned()).unwrap()
}

fn write(tx_id_text: &str, command: Command<'static>) -> Request<'static> {
    Request::Write {
        command,
        tx_id: tx_id(tx_id_text),
        tx_id_given: true,
        not_after_us: None,
        by: None,
    }
}

fn deposit(text: &str) -> Request<'static> {
    let account = AccountId::new("a0").unwrap();
    write(text, Command::Deposit { account, amount: Amount::new(1).unwrap() })
}

fn resolve(text: &str) -> Request<'static> {
    Request::Resolve { tx_id: tx_id(text), by: None }
}

/// An engine with large transactions under these tx_ids.
async fn with_large(tx_ids: &[String]) -> Embedded<SimDisk> {
    let engine = start();
    for text in tx_ids {
        let openings = (0..ACCOUNTS).map(|n| AccountId::new(format!("a{n}")).unwrap());
        let openings = openings.map(|account| (account, Balance::ZERO)).collect();
        let init = Command::Init(Openings::new(openings).unwrap());
        let answered = engine.execute(vec![write(text, init)]).await;
        assert!(matches!(answered.outcomes[..], [Outcome::Done { .. }]));
    }
    engine
}

fn large_tx_ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("large-{n}")).collect()
}

/// The transactions that outcomes hold, each once.
fn held(outcomes: &[Outcome<'_>]) -> Vec<Arc<Transaction<'static>>> {
    let mut held: Vec<Arc<Transaction<'static>>> = Vec::new();
    for outcome in outcomes {
        if let Outcome::Resolved { transaction, .. } = outcome
            && !held.iter().any(|one| Arc::ptr_eq(one, transaction))
        {
            held.push(Arc::clone(transaction));
        }
    }
    held
}

#[tokio::test]
async fn a_thousand_resolves_of_one_large_transaction_hold_it_once() {
    let engine = with_large(&large_tx_ids(1)).await;
    let batch: Vec<_> = (0..1_000).map(|_| resolve("large-0")).collect();
    let Answered { outcomes, rest } = engine.execute(batch).await;
    assert_eq!((outcomes.len(), rest.len()), (1_000, 0));
    assert_eq!(held(&outcomes).len(), 1);
    engine.close().unwrap();
}

#[tokio::test]
async fn a_batch_of_resolves_of_large_transactions_comes_back_in_portions() {
    let tx_ids = large_tx_ids(10);
    let engine = with_large(&tx_ids).await;
    let mut rest: Vec<_> = tx_ids.iter().map(|text| resolve(text)).collect();
    rest.push(deposit("behind"));
    let asked_count = rest.len();
    let mut told = Vec::new();
    while !rest.is_empty() {
        let answered = engine.execute(rest).await;
        let held = held(&answered.outcomes);
        assert!(held.len() * ACCOUNTS < RECALLED_ACCOUNTS_MAX + ACCOUNTS, "{}", held.len());
        for outcome in answered.outcomes {
            if let Outcome::Resolved { transaction, .. } = &outcome {
                told.push(transaction.tx_id.as_str().to_owned());
            } else if let Outcome::Done { tx_id, .. } = &outcome {
                told.push(tx_id.as_str().to_owned());
            }
        }
        rest = answered.rest;
    }
    let expected: Vec<_> = tx_ids.into_iter().chain(["behind".to_owned()]).collect();
    assert_eq!(told, expected);
    assert_eq!(told.len(), asked_count);
    engine.close().unwrap();
}

#[tokio::test]
async fn writes_under_the_tx_ids_of_large_transactions_are_conflicts_one_after_the_other() {
    let tx_ids = large_tx_ids(6);
    let engine = with_large(&tx_ids).await;
    let mut rest: Vec<_> = tx_ids.iter().chain(&tx_ids).map(|text| deposit(text)).collect();
    let mut conflicts_count = 0;
    while !rest.is_empty() {
        let answered = engine.execute(rest).await;
        let is_conflict = |outcome: &Outcome<'_>| matches!(outcome, Outcome::Conflict { .. });
        assert!(answered.outcomes.iter().all(is_conflict));
        conflicts_count += answered.outcomes.len();
        rest = answered.rest;
    }
    assert_eq!(conflicts_count, 12);
    engine.close().unwrap();
}
