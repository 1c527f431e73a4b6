//! Back-pressure of the index: what waits for it is bounded, and the bound never stops the bank.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;
use std::time::Duration;

use engine::embedded::{Embedded, Options, open};
use engine::{Engine, Outcome, Request};
use journal::disk::SimDisk;
use journal::{Currency, Genesis, LedgerId};
use ledger::{AccountId, Amount, Command, TxId};

/// Far more than a busy machine needs; reached only when a test fails.
const LIMIT: Duration = Duration::from_secs(60);

fn deposit(number: u64) -> Request<'static> {
    let account = AccountId::new("alice").unwrap();
    let command = Command::Deposit { account, amount: Amount::new(1).unwrap() };
    let tx_id = TxId::new(format!("d-{number}")).unwrap();
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None }
}

#[tokio::test]
async fn a_bound_below_what_the_index_writes_at_once_stops_nobody_for_ever() {
    let currency = Currency::new("BRL").unwrap();
    let mut options = Options::new(Genesis { ledger: LedgerId(7), currency });
    options.index.chunk_events = 16;
    options.index.run_events = 256;
    options.index_lag_events_max = 1;
    let disk = Arc::new(SimDisk::new());
    let parts = open(Arc::clone(&disk), Arc::new(SimDisk::new()), &options).unwrap();
    let engine = Embedded::start(disk, parts, &options, Box::new(|_| {}));
    for first in (0..2_048).step_by(64) {
        let batch = (first..first + 64).map(deposit).collect();
        let answered = tokio::time::timeout(LIMIT, engine.execute(batch)).await.unwrap();
        let outcomes = answered.outcomes;
        let is_done = |outcome: &Outcome<'_>| matches!(outcome, Outcome::Done { .. });
        assert!(outcomes.iter().all(is_done), "{outcomes:?}");
    }
    engine.close().unwrap();
}
