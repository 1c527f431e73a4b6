//! A slow reading holds up who asked for it, and no write of anybody else. The disk says when threads
//! are blocked inside a read; nothing here sleeps.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use engine::embedded::{Embedded, Options, open};
use engine::query::Span;
use engine::{Answered, BoxFuture, Engine, Outcome, Query, Request};
use journal::disk::SimDisk;
use journal::{Currency, Genesis, LedgerId};
use ledger::{AccountId, Amount, Balance, Command, Openings, Seq, TxId};

/// Far more than a busy machine needs; reached only when a test fails.
const LIMIT: Duration = Duration::from_secs(30);

/// Threads that read for questions, and as many for recalls.
const THREADS: usize = 2;

/// Room for four portions.
const BUFFER_BYTES_MAX: u32 = 64 << 10;

fn start(disk: &SimDisk) -> Embedded<SimDisk> {
    let currency = Currency::new("BRL").unwrap();
    let genesis = Genesis { ledger: LedgerId(7), currency };
    let options = Options { buffer_bytes_max: BUFFER_BYTES_MAX, ..Options::new(genesis) };
    let disk = Arc::new(disk.clone());
    let parts = open(Arc::clone(&disk), Arc::new(SimDisk::new()), &options).unwrap();
    Embedded::start(disk, parts, &options, Box::new(|_| {}))
}

fn write(tx_id: String, command: Command<'static>) -> Request<'static> {
    let tx_id = TxId::new(tx_id).unwrap();
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: None, by: None }
}

fn deposit(tx_id: &str) -> Request<'static> {
    let account = AccountId::new("alice").unwrap();
    write(tx_id.to_owned(), Command::Deposit { account, amount: Amount::new(1).unwrap() })
}

/// A change whose record takes most of a portion.
fn large(number: usize) -> Request<'static> {
    let name = |n: usize| AccountId::new(format!("{n:0>48}")).unwrap();
    let openings = (0..100).map(|n| (name(n), Balance::ZERO)).collect();
    write(format!("large-{number}"), Command::Init(Openings::new(openings).unwrap()))
}

/// Polls once, so that what the future asks for is on its way.
fn begin<'e, T>(mut future: BoxFuture<'e, T>) -> BoxFuture<'e, T> {
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "nothing held it up");
    future
}

async fn in_time<T>(future: BoxFuture<'_, T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it waits for a reading of somebody else")
}

fn are_done(answered: &Answered<'_>) -> bool {
    let is_done = |outcome: &Outcome<'_>| matches!(outcome, Outcome::Done { .. });
    answered.rest.is_empty() && answered.outcomes.iter().all(is_done)
}

#[tokio::test]
async fn a_repeated_write_does_not_wait_for_slow_pages_of_history() {
    let disk = SimDisk::new();
    let engine = start(&disk);
    engine.execute(vec![deposit("first")]).await;
    disk.hold_reads(THREADS);
    let span = Span { from: Seq::new(1), to: None, limit: 1 };
    let pages: Vec<_> =
        (0..THREADS).map(|_| begin(engine.read(Query::Transactions(span)))).collect();
    assert!(disk.wait_for_held_reads(THREADS, LIMIT), "the pages were never read");
    assert!(are_done(&in_time(engine.execute(vec![deposit("first")])).await));
    disk.release_reads();
    for page in pages {
        in_time(page).await.unwrap();
    }
    engine.close().unwrap();
}

#[tokio::test]
async fn a_new_write_does_not_wait_for_slow_recalls_that_have_writes_behind_them() {
    let disk = SimDisk::new();
    let engine = start(&disk);
    engine.execute(vec![deposit("first")]).await;
    disk.hold_reads(THREADS);
    // More of them than the buffer has room for.
    let slow: Vec<_> =
        (1..=8).map(|n| begin(engine.execute(vec![deposit("first"), large(n)]))).collect();
    assert!(disk.wait_for_held_reads(THREADS, LIMIT), "nothing was recalled");
    assert!(are_done(&in_time(engine.execute(vec![large(0)])).await));
    disk.release_reads();
    for answer in slow {
        assert!(are_done(&in_time(answer).await));
    }
    engine.close().unwrap();
}

#[tokio::test]
async fn batches_that_reserve_again_after_a_recall_do_not_wait_for_each_other_for_ever() {
    let disk = SimDisk::new();
    let engine = start(&disk);
    engine.execute(vec![deposit("first")]).await;
    disk.hold_reads(THREADS);
    // Each has something staged before it recalls, and something to stage behind it.
    let batch = |n: usize| vec![large(2 * n), deposit("first"), large(2 * n + 1)];
    let mut answers: Vec<_> = (0..8).map(|n| begin(engine.execute(batch(n)))).collect();
    disk.release_reads();
    // All at once: each holds what it holds while the others go on.
    let all = std::future::poll_fn(|context| {
        answers.retain_mut(|answer| match answer.as_mut().poll(context) {
            Poll::Ready(answered) => {
                assert!(are_done(&answered));
                false
            }
            Poll::Pending => true,
        });
        if answers.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    });
    in_time(Box::pin(all)).await;
    engine.close().unwrap();
}
