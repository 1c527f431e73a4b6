//! What cannot be read fails those who asked for it, and nobody else.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use engine::embedded::{Embedded, Executed, Now, Options, open};
use engine::query::Named;
use engine::{Engine, Outcome, Query, Reading, Request, Unavailable};
use history::{Group, Work};
use journal::ACTIVE;
use journal::disk::{Call, Fault, SimDisk};
use journal::{Committed, Currency, Genesis, LedgerId};
use ledger::{AccountId, Amount, Command, Seq, TxId};

/// An index that has a run for every few events.
fn options() -> Options {
    let currency = Currency::new("BRL").unwrap();
    let mut options = Options::new(Genesis { ledger: LedgerId(7), currency });
    options.index.chunk_events = 4;
    options.index.run_events = 8;
    options
}

fn start_with(disk: &SimDisk, index_disk: &SimDisk) -> Embedded<SimDisk> {
    let options = options();
    let (disk, index_disk) = (Arc::new(disk.clone()), Arc::new(index_disk.clone()));
    let parts = open(Arc::clone(&disk), index_disk, &options).unwrap();
    Embedded::start(disk, parts, &options, Box::new(|_| {}))
}

fn start(disk: &SimDisk) -> Embedded<SimDisk> {
    start_with(disk, &SimDisk::new())
}

fn deposit(tx_id: &str) -> Request<'static> {
    let account = AccountId::new("alice").unwrap();
    let command = Command::Deposit { account, amount: Amount::new(1).unwrap() };
    let tx_id = TxId::new(tx_id.to_owned()).unwrap();
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None }
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
        assert_eq!(*unread, Outcome::Unavailable(Unavailable::JournalUnreadable));
    }
    assert!(matches!(new, Outcome::Done { duplicate: false, .. }), "{told:?}");
    engine.close().unwrap();
}

#[tokio::test]
async fn a_disk_that_fails_once_is_told_as_the_journal_that_cannot_be_read_and_then_is_read() {
    let disk = SimDisk::new();
    let engine = start(&disk);
    outcomes(&engine, vec![deposit("first")]).await;
    let fail_next =
        || disk.fail_call_at(Call::ReadAt, disk.operations_of(Call::ReadAt) + 1, Fault::Io);
    fail_next();
    let told = outcomes(&engine, vec![deposit("first")]).await;
    assert_eq!(told, [Outcome::Unavailable(Unavailable::JournalUnreadable)]);
    let query = || Query::Transaction(Named::Seq(Seq::new(1)));
    fail_next();
    assert_eq!(engine.read(query()).await, Err(Unavailable::JournalUnreadable));
    assert!(is_repeated(&outcomes(&engine, vec![deposit("first")]).await[0]));
    assert!(engine.read(query()).await.is_ok());
    engine.close().unwrap();
}

/// A bank of a hundred events whose index has whole pages, of its very history, that say of each
/// event that it stands further behind.
fn bank_with_a_misleading_index(disk: &SimDisk, index_disk: &SimDisk) {
    let (disk, index_disk) = (Arc::new(disk.clone()), Arc::new(index_disk.clone()));
    let mut parts = open(disk, index_disk, &options()).unwrap();
    for number in 1..=100 {
        let now = Now { us: number, seq_durable: Seq::ZERO };
        let executed = parts.core.execute(deposit(&format!("t{number}")), None, now);
        assert!(matches!(executed, Executed::Outcome(Outcome::Done { .. })));
        while let Some(committed) = parts.writer.commit().unwrap() {
            let Committed { head, seal, traces, file_first, offset, .. } = committed;
            let offset = offset + 2_000;
            parts.history.append(Group { head, seal, traces, file_first, offset });
        }
    }
    while parts.history.work(&|_| Some("alice".to_owned()), true).unwrap() != Work::Idle {}
}

#[tokio::test]
async fn an_index_that_leads_to_the_wrong_place_is_made_good_by_the_next_start() {
    let (disk, index_disk) = (SimDisk::new(), SimDisk::new());
    bank_with_a_misleading_index(&disk, &index_disk);
    let query = || Query::Transaction(Named::Seq(Seq::new(60)));
    let engine = start_with(&disk, &index_disk);
    assert_eq!(engine.read(query()).await, Err(Unavailable::IndexDamaged));
    engine.close().unwrap();
    drop(engine);
    let engine = start_with(&disk, &index_disk);
    let reading = engine.read(query()).await.unwrap();
    let Reading::Transaction { transaction: Some(found), .. } = &reading else {
        panic!("{reading:?}")
    };
    assert_eq!((found.seq, found.tx_id.as_str()), (Seq::new(60), "t60"));
    engine.close().unwrap();
}
