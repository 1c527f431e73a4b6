//! What cannot be read fails those who asked for it, and nobody else.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use engine::embedded::{Embedded, Options, open};
use engine::{Engine, Outcome, Request};
use journal::ACTIVE;
use journal::disk::SimDisk;
use journal::{Currency, Genesis, LedgerId};
use ledger::{AccountId, Amount, Command, TxId};

fn start(disk: &SimDisk) -> Embedded<SimDisk> {
    let currency = Currency::new("BRL").unwrap();
    let options = Options::new(Genesis { ledger: LedgerId(7), currency });
    let disk = Arc::new(disk.clone());
    let parts = open(Arc::clone(&disk), Arc::new(SimDisk::new()), &options).unwrap();
    Embedded::start(disk, parts, &options, Box::new(|_| {}))
}

fn deposit(tx_id: &str) -> Request<'static> {
    let account = AccountId::new("alice").unwrap();
    let command = Command::Deposit { account, amount: Amount::new(1).unwrap() };
    let tx_id = TxId::new(tx_id.to_owned()).unwrap();
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: None }
}

/// Makes the line of the event under this tx_id unreadable, where it stands on the disk.
fn damage_line(disk: &SimDisk, tx_id: &str) {
    let bytes = disk.cached_bytes(ACTIVE).unwrap();
    let place = bytes.windows(tx_id.len()).position(|window| window == tx_id.as_bytes()).unwrap();
    disk.flip_bit(ACTIVE, u64::try_from(place).unwrap(), 7).unwrap();
}

async fn outcomes<'e>(
    engine: &'e Embedded<SimDisk>,
    batch: Vec<Request<'static>>,
) -> Vec<Outcome<'e>> {
    let answered = engine.execute(batch).await;
    assert!(answered.rest.is_empty());
    answered.outcomes
}

fn is_repeated(outcome: &Outcome<'_>) -> bool {
    matches!(outcome, Outcome::Done { duplicate: true, .. })
}

#[tokio::test]
async fn a_tx_id_that_cannot_be_read_fails_its_own_requests_alone() {
    let disk = SimDisk::new();
    let engine = start(&disk);
    let batch = || ["first", "second", "third", "second", "first"].map(deposit).to_vec();
    outcomes(&engine, batch()).await;
    damage_line(&disk, "second");
    let mut asked = batch();
    asked.push(deposit("new"));
    let told = outcomes(&engine, asked).await;
    let [first, second, third, again, last, new] = told.as_slice() else { panic!("{told:?}") };
    assert!([first, third, last].into_iter().all(is_repeated), "{told:?}");
    for unread in [second, again] {
        assert!(matches!(unread, Outcome::Unavailable(_)), "{told:?}");
    }
    assert!(matches!(new, Outcome::Done { duplicate: false, .. }), "{told:?}");
    engine.close().unwrap();
}
