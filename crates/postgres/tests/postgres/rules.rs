//! The rules of durability over a database with a synchronous standby, each under its number in the
//! design: nothing is told that could be lost, and nothing that was told is.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::Cluster;
use engine::{Engine, Outcome, Query, Request, Unavailable};
use ledger::{AccountId, Amount, Balance, Command, Seq, Transfer, TxId};
use postgres::{Address, CheckFault, Mode, OpenError, Options, PostgresEngine};
use tokio::time::timeout;

/// So long nothing may be answered where something must wait: long enough to be noticed.
const A_WHILE: Duration = Duration::from_millis(700);
/// Far more than a busy machine needs.
const LIMIT: Duration = Duration::from_secs(60);

fn account(name: &str) -> AccountId<'static> {
    AccountId::new(name.to_owned()).unwrap()
}

fn deposit(to: &str, units: i64, tx_id: &str) -> Request<'static> {
    let command = Command::Deposit { account: account(to), amount: Amount::new(units).unwrap() };
    given(command, tx_id)
}

fn given(command: Command<'static>, tx_id: &str) -> Request<'static> {
    let tx_id = TxId::new(tx_id.to_owned()).unwrap();
    Request::Write { command, tx_id, tx_id_given: true, not_after_us: None }
}

async fn open(address: &Address, patience: Duration) -> Arc<PostgresEngine> {
    // One connection: a second one would be opened, and checked, when a test has its standby frozen.
    let options = Options { patience, slots: 1, ..Options::default() };
    Arc::new(PostgresEngine::open(address.clone(), options).await.unwrap())
}

async fn one(engine: &PostgresEngine, request: Request<'static>) -> Outcome<'static> {
    let batch = vec![request];
    let outcomes = engine.run(batch).await;
    outcomes.into_iter().next().unwrap()
}

async fn held(engine: &PostgresEngine, name: &str) -> Option<i64> {
    let outcome = one(engine, Request::Balance(account(name))).await;
    let Outcome::Balance { reading, .. } = outcome else { panic!("{outcome:?}") };
    reading.balance.map(Balance::get)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d34_nothing_of_any_kind_is_told_of_a_change_that_the_standby_does_not_have() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let (writer, reader) = (open(&bank, LIMIT).await, open(&bank, LIMIT).await);
    assert!(matches!(one(&writer, deposit("alice", 5, "t-1")).await, Outcome::Done { .. }));
    cluster.freeze_standby();
    let written = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move { one(&writer, deposit("alice", 2, "t-2")).await }
    });
    cluster.wait_for_a_commit_that_waits().await;
    // A balance, a duplicate, a question about history: each waits for the standby as well.
    let asked: Vec<_> = [
        Request::Balance(account("alice")),
        deposit("alice", 5, "t-1"),
        Request::Resolve(TxId::new("t-2").unwrap()),
    ]
    .into_iter()
    .map(|request| {
        let reader = Arc::clone(&reader);
        tokio::spawn(async move { one(&reader, request).await })
    })
    .collect();
    let read = tokio::spawn({
        let reader = Arc::clone(&reader);
        async move { reader.read(Query::Totals).await }
    });
    tokio::time::sleep(A_WHILE).await;
    assert!(!written.is_finished() && !read.is_finished());
    assert!(asked.iter().all(|one| !one.is_finished()), "told before it is on the standby");
    cluster.wake_standby();
    let written = timeout(LIMIT, written).await.unwrap().unwrap();
    assert!(matches!(written, Outcome::Done { duplicate: false, .. }), "{written:?}");
    for one in asked {
        let outcome = timeout(LIMIT, one).await.unwrap().unwrap();
        assert!(
            !matches!(outcome, Outcome::Unavailable(_) | Outcome::Unknown { .. }),
            "{outcome:?}"
        );
    }
    timeout(LIMIT, read).await.unwrap().unwrap().unwrap();
    assert_eq!(held(&reader, "alice").await, Some(7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d30_a_commit_whose_wait_is_cancelled_is_no_success_and_is_settled_by_its_tx_id() {
    for function in ["pg_cancel_backend", "pg_terminate_backend"] {
        let cluster = Cluster::replicated();
        let bank = cluster.bank().await;
        let engine = open(&bank, LIMIT).await;
        assert!(matches!(one(&engine, deposit("alice", 5, "t-1")).await, Outcome::Done { .. }));
        cluster.freeze_standby();
        let written = tokio::spawn({
            let engine = Arc::clone(&engine);
            async move { one(&engine, deposit("alice", 2, "t-2")).await }
        });
        cluster.wait_for_a_commit_that_waits().await;
        cluster
            .run(&format!(
                "SELECT {function}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            ))
            .await;
        tokio::time::sleep(A_WHILE).await;
        assert!(!written.is_finished(), "{function}: answered although no standby has it");
        cluster.wake_standby();
        let written = timeout(LIMIT, written).await.unwrap().unwrap();
        // It was committed by the first attempt, and the second one found it.
        assert!(matches!(written, Outcome::Done { seq, .. } if seq == Seq::new(2)), "{written:?}");
        assert_eq!(held(&engine, "alice").await, Some(7), "{function}: once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d36_a_database_that_does_not_keep_the_promises_is_refused_with_its_reason() {
    let cluster = Cluster::single();
    let empty = cluster.empty_database().await;
    let refused = |address: Address, mode| async move {
        let options = Options { mode, ..Options::default() };
        match PostgresEngine::open(address, options).await.map(|_| ()) {
            Err(OpenError::Check(fault)) => fault,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(empty, Mode::Unchecked).await, CheckFault::NoSchema);
    let bank = cluster.bank().await;
    let fault = refused(bank.clone(), Mode::Replicated).await;
    assert!(
        matches!(fault, CheckFault::Setting { name: "synchronous_standby_names", .. }),
        "{fault:?}"
    );
    cluster.run("ALTER SYSTEM SET full_page_writes = off").await;
    cluster.run("SELECT pg_reload_conf()").await;
    cluster.wait_until("SELECT current_setting('full_page_writes') = 'off'").await;
    let fault = refused(bank, Mode::Unchecked).await;
    assert!(matches!(fault, CheckFault::Setting { name: "full_page_writes", .. }), "{fault:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d37_a_server_goes_on_no_longer_once_replication_is_switched_off() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let engine = open(&bank, Duration::from_secs(2)).await;
    assert!(matches!(one(&engine, deposit("alice", 5, "t-1")).await, Outcome::Done { .. }));
    cluster.run("ALTER SYSTEM SET synchronous_standby_names = ''").await;
    cluster.run("SELECT pg_reload_conf()").await;
    cluster.wait_until("SELECT current_setting('synchronous_standby_names') = ''").await;
    // The setting reaches each session with its next statement.
    for request in [deposit("alice", 1, "t-2"), Request::Balance(account("alice"))] {
        let outcome = one(&engine, request).await;
        let is_none = matches!(outcome, Outcome::Unavailable(Unavailable::DatabaseUnreachable));
        assert!(is_none, "{outcome:?}");
    }
    assert!(engine.read(Query::Totals).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d42_an_outcome_that_nobody_knows_comes_with_its_tx_id_when_the_time_is_over() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let engine = open(&bank, Duration::from_secs(2)).await;
    assert!(matches!(one(&engine, deposit("alice", 5, "t-1")).await, Outcome::Done { .. }));
    cluster.freeze_standby();
    let lost = timeout(LIMIT, one(&engine, deposit("alice", 2, "t-2"))).await.unwrap();
    let Outcome::Unknown { tx_id: Some(tx_id) } = lost else { panic!("{lost:?}") };
    assert_eq!(tx_id.as_str(), "t-2");
    cluster.wake_standby();
    let patient = open(&bank, LIMIT).await;
    let settled = one(&patient, deposit("alice", 2, "t-2")).await;
    assert!(matches!(settled, Outcome::Done { .. }), "{settled:?}");
    assert_eq!(held(&patient, "alice").await, Some(7), "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_the_same_hot_accounts_lose_and_double_nothing() {
    const CLIENTS: usize = 8;
    const BATCHES: usize = 12;
    const BATCH: usize = 20;
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let options = Options { mode: Mode::Unchecked, ..Options::default() };
    let mut engines = Vec::new();
    for _ in 0..2 {
        engines.push(Arc::new(PostgresEngine::open(bank.clone(), options).await.unwrap()));
    }
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let engine = Arc::clone(&engines[client % 2]);
            tokio::spawn(async move {
                let mut seqs = Vec::new();
                for number in 0..BATCHES {
                    let batch = (0..BATCH)
                        .map(|place| {
                            let tx_id = format!("{client}-{number}-{place}");
                            // Opposite directions, so that locks taken out of order would meet.
                            let (from, to) = if client < 4 { ("a", "b") } else { ("b", "a") };
                            match place % 4 {
                                0 => deposit(from, 3, &tx_id),
                                _ => {
                                    let amount = Amount::new(1).unwrap();
                                    let transfer =
                                        Transfer::new(account(from), account(to), amount);
                                    given(Command::Transfer(transfer.unwrap()), &tx_id)
                                }
                            }
                        })
                        .collect();
                    for outcome in engine.run(batch).await {
                        let (Outcome::Done { seq, duplicate: false, .. }
                        | Outcome::Refused { seq: Some(seq), duplicate: false, .. }) = outcome
                        else {
                            panic!("{outcome:?}")
                        };
                        seqs.push(seq.get());
                    }
                }
                assert!(seqs.is_sorted(), "the requests of a client run in their order");
                seqs
            })
        })
        .collect();
    let mut seqs = Vec::new();
    for client in clients {
        seqs.extend(timeout(LIMIT, client).await.unwrap().unwrap());
    }
    seqs.sort_unstable();
    let count = u64::try_from(CLIENTS * BATCHES * BATCH).unwrap();
    assert_eq!(seqs, (1..=count).collect::<Vec<_>>(), "each has a place, and there is no gap");
    let sum = held(&engines[0], "a").await.unwrap() + held(&engines[1], "b").await.unwrap();
    let deposits = i64::try_from(CLIENTS * BATCHES * BATCH / 4).unwrap();
    assert_eq!(sum, deposits * 3, "what came in is there");
}
