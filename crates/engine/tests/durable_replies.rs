//! No reply shows what is not durable: while a sync is held, whatever rests on the group behind it
//! waits, whether it is a balance, a refusal, a duplicate or a conflict, and nothing else does.
//!
//! The disk says when the journal's thread is blocked inside the sync; nothing here sleeps.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use engine::embedded::{Embedded, Options, open};
use engine::{Answered, BoxFuture, Engine, Outcome, Request, Vitals};
use journal::ACTIVE;
use journal::disk::{PowerLoss, SimDisk};
use journal::{Currency, Genesis, LedgerId};
use ledger::{AccountId, Amount, Balance, Command, Openings, Seq, Transfer, TxId};

/// Far more than a busy machine needs; reached only when a test fails.
const LIMIT: Duration = Duration::from_secs(30);
/// How often what must wait is asked whether it still does.
const POLLS: usize = 200;

type Answer<'e> = BoxFuture<'e, Answered<'e>>;

fn account(name: &'static str) -> AccountId<'static> {
    AccountId::new(name).unwrap()
}

fn write(tx_id: &'static str, tx_id_given: bool, command: Command<'static>) -> Request<'static> {
    Request::Write {
        command,
        tx_id: TxId::new(tx_id).unwrap(),
        tx_id_given,
        not_after_us: None,
        by: None,
    }
}

fn transfer(from: &'static str, to: &'static str, minor_units: i64) -> Command<'static> {
    let amount = Amount::new(minor_units).unwrap();
    Command::Transfer(Transfer::new(account(from), account(to), amount).unwrap())
}

fn withdraw(from: &'static str, minor_units: i64) -> Command<'static> {
    Command::Withdraw { account: account(from), amount: Amount::new(minor_units).unwrap() }
}

fn options() -> Options {
    let currency = Currency::new("BRL").unwrap();
    Options::new(Genesis { ledger: LedgerId(7), currency })
}

/// An engine over `disk`, whose index is made anew: its syncs are not the journal's.
fn start(disk: &SimDisk) -> Embedded<SimDisk> {
    let disk = Arc::new(disk.clone());
    let parts = open(Arc::clone(&disk), Arc::new(SimDisk::new()), &options()).unwrap();
    Embedded::start(disk, parts, &options(), Box::new(|_| {}))
}

/// A bank with alice at 100 and carol at 5, all of it durable.
async fn bank(disk: &SimDisk) -> Embedded<SimDisk> {
    let engine = start(disk);
    let openings = [("alice", 100), ("carol", 5)];
    let openings = openings.map(|(name, held)| (account(name), Balance::new(held).unwrap()));
    let init = Command::Init(Openings::new(openings.to_vec()).unwrap());
    let outcomes = engine.execute(vec![write("opening", true, init)]).await.outcomes;
    assert!(matches!(outcomes[..], [Outcome::Done { .. }]), "{outcomes:?}");
    engine
}

/// Asks; the answer waits for the sync that is held.
fn ask<'e>(engine: &'e Embedded<SimDisk>, request: Request<'static>) -> Answer<'e> {
    let mut answer = engine.execute(vec![request]);
    if let Poll::Ready(answered) = poll(&mut answer) {
        panic!("answered before its sync: {answered:?}");
    }
    answer
}

fn poll<'e>(answer: &mut Answer<'e>) -> Poll<Answered<'e>> {
    answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits until the journal's thread is inside the sync of the group that holds `tx_id`: its bytes
/// are written, and the sync has not returned. An idle seal that came first is let through.
fn wait_until_blocked_behind(disk: &SimDisk, tx_id: &str) {
    let is_written = || {
        let bytes = disk.cached_bytes(ACTIVE).unwrap();
        bytes.windows(tx_id.len()).any(|window| window == tx_id.as_bytes())
    };
    while !is_written() {
        assert!(disk.wait_for_held_sync(LIMIT), "the journal's thread never came to a sync");
        if !is_written() {
            disk.release_held_syncs();
        }
        std::thread::yield_now();
    }
    assert!(disk.wait_for_held_sync(LIMIT), "the journal's thread never came to its sync");
}

/// Everything that rests on alice's transfer under the tx_id `first`, which left her 60.
fn questions() -> Vec<Request<'static>> {
    vec![
        Request::Balance(account("alice")),
        Request::Balance(account("bob")),
        Request::Balances(vec![account("carol"), account("bob")]),
        // 90 were there before the transfer.
        write("unnamed", false, withdraw("alice", 90)),
        write("named", true, withdraw("alice", 90)),
        write("first", true, transfer("alice", "bob", 40)),
        write("first", true, transfer("alice", "bob", 41)),
        Request::Resolve { tx_id: TxId::new("first").unwrap(), by: None },
        write("second", true, transfer("bob", "carol", 1)),
        Request::Resolve { tx_id: TxId::new("unknown").unwrap(), by: None },
    ]
}

#[tokio::test]
async fn while_a_sync_is_held_nothing_that_rests_on_it_is_answered() {
    let disk = SimDisk::new();
    let engine = bank(&disk).await;
    disk.hold_syncs();
    let mut answers = vec![ask(&engine, write("first", true, transfer("alice", "bob", 40)))];
    wait_until_blocked_behind(&disk, "\"first\"");
    let operations = disk.operations();
    answers.extend(questions().into_iter().map(|question| ask(&engine, question)));
    for _ in 0..POLLS {
        tokio::task::yield_now().await;
        for answer in &mut answers {
            assert!(poll(answer).is_pending());
        }
    }
    assert_eq!(disk.operations(), operations, "the journal's thread is inside its sync");
    assert_eq!(engine.seq_durable(), Seq::new(1));

    disk.release_syncs();
    let mut outcomes = Vec::new();
    for answer in answers {
        outcomes.extend(tokio::time::timeout(LIMIT, answer).await.unwrap().outcomes);
    }
    let told: Vec<String> = outcomes.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "done",
            "60",
            "40",
            "5 40",
            "refused at 60",
            "refused at 60",
            "done again",
            "conflict",
            "settled at 2",
            "done",
            "settled at 5",
        ]
    );
    assert!(outcomes.iter().all(|outcome| outcome.rests_on() >= Seq::new(2)), "{outcomes:?}");
    engine.close().unwrap();
}

#[tokio::test]
async fn what_rests_on_nothing_new_is_answered_while_a_sync_is_held() {
    let disk = SimDisk::new();
    let engine = bank(&disk).await;
    disk.hold_syncs();
    let first = ask(&engine, write("first", true, transfer("alice", "bob", 40)));
    wait_until_blocked_behind(&disk, "\"first\"");
    let opening = [("alice", 100), ("carol", 5)];
    let opening = opening.map(|(name, held)| (account(name), Balance::new(held).unwrap()));
    let opening = Command::Init(Openings::new(opening.to_vec()).unwrap());
    let old = [
        Request::Balance(account("carol")),
        Request::Balance(account("nobody")),
        write("unnamed", false, withdraw("carol", 6)),
        write("opening", true, opening),
        write("opening", true, withdraw("carol", 1)),
    ];
    for request in old {
        // What stands under a tx_id is read by another thread; none waits for the sync.
        let Ok(Answered { outcomes, .. }) =
            tokio::time::timeout(LIMIT, engine.execute(vec![request.clone()])).await
        else {
            panic!("waits for a sync that it does not rest on: {request:?}");
        };
        assert!(outcomes.iter().all(|outcome| outcome.rests_on() <= Seq::new(1)), "{outcomes:?}");
    }
    assert!(disk.wait_for_held_sync(LIMIT), "the sync was held all the time");
    disk.release_syncs();
    tokio::time::timeout(LIMIT, first).await.unwrap();
    engine.close().unwrap();
}

#[tokio::test]
async fn when_the_power_goes_inside_the_sync_nobody_was_told_anything() {
    for seed in 0..16 {
        let disk = SimDisk::seeded(seed);
        let engine = bank(&disk).await;
        disk.hold_syncs();
        let mut answers = vec![ask(&engine, write("first", true, transfer("alice", "bob", 40)))];
        wait_until_blocked_behind(&disk, "\"first\"");
        answers.extend(questions().into_iter().map(|question| ask(&engine, question)));

        disk.power_loss(seed, PowerLoss::Ordered);
        for answer in answers {
            let outcomes = tokio::time::timeout(LIMIT, answer).await.unwrap().outcomes;
            assert!(matches!(outcomes[..], [Outcome::Unknown { .. }]), "{outcomes:?}");
        }
        engine.close().unwrap_err();
        drop(engine);

        // Whatever is there now, asking again with the same tx_id settles it, once.
        let engine = start(&disk);
        let again = write("first", true, transfer("alice", "bob", 40));
        let asked = vec![again, Request::Balances(vec![account("alice"), account("bob")])];
        let outcomes = engine.execute(asked).await.outcomes;
        assert_eq!(told(&outcomes[1]), "60 40", "seed {seed}: {outcomes:?}");
        engine.close().unwrap();
    }
}

/// What an outcome says, in a word or two.
fn told(outcome: &Outcome<'_>) -> String {
    let balance = |held: Option<Balance>| held.map_or("none".to_owned(), |held| held.to_string());
    match outcome {
        Outcome::Done { duplicate: false, .. } => "done".to_owned(),
        Outcome::Done { duplicate: true, .. } => "done again".to_owned(),
        Outcome::Balance { reading, .. } => balance(reading.balance),
        Outcome::Balances { readings, .. } => {
            let told: Vec<String> = readings.iter().map(|one| balance(one.balance)).collect();
            told.join(" ")
        }
        Outcome::Resolved { transaction, .. } => format!("settled at {}", transaction.seq),
        Outcome::Refused { rejection, .. } => {
            format!("refused at {}", balance(rejection.balance()))
        }
        Outcome::Conflict { .. } => "conflict".to_owned(),
        Outcome::Unavailable(why) => why.to_string(),
        Outcome::Unknown { .. } => "unknown".to_owned(),
    }
}

#[tokio::test]
async fn what_was_committed_and_what_still_waits_is_told_in_numbers() {
    let disk = SimDisk::new();
    let engine = bank(&disk).await;
    let vitals = || match engine.vitals() {
        Vitals::Folder(vitals) => vitals,
        Vitals::Database(vitals) => panic!("{vitals:?}"),
    };
    let before = vitals();
    assert_eq!((before.seq_staged, before.seq_durable), (Seq::new(1), Seq::new(1)));
    assert_eq!((before.group_events.sum, before.commit_us.count()), (1, 1));
    disk.hold_syncs();
    let first = ask(&engine, write("first", true, transfer("alice", "bob", 40)));
    wait_until_blocked_behind(&disk, "\"first\"");
    let during = vitals();
    assert_eq!((during.seq_staged, during.seq_durable), (Seq::new(2), Seq::new(1)));
    assert_eq!(during.commit_us.count(), 1, "a group counts once it is synced");
    disk.release_syncs();
    tokio::time::timeout(LIMIT, first).await.unwrap();
    let after = vitals();
    assert_eq!((after.group_events.sum, after.commit_us.count()), (2, 2));
    assert!(after.journal_bytes > before.journal_bytes);
    assert_eq!(after.checkpoint, None);
    engine.checkpoint().unwrap();
    assert_eq!(vitals().checkpoint.map(|made| made.seq), Some(Seq::new(2)));
}
