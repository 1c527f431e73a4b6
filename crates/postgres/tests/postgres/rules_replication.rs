//! The rules of durability about the database that an engine serves (D34 to D37, D44, D47): it
//! replicates, it is the primary, and what it does not have twice is shown to nobody.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Outcome, Query, Request, Unavailable};
use ledger::TxId;
use postgres::{Address, CheckFault, Mode, OpenError, Options, Plants, PostgresEngine};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::bank::{
    account, ask, deposit, held, must_be_done, one, open, open_planted, open_unchecked,
};
use crate::cluster::{Cluster, LIMIT, Node};

/// So long nothing may be answered where something must wait: long enough to be noticed.
const A_WHILE: Duration = Duration::from_millis(700);

/// Sees to it that no answer of any kind shows a change that the standby does not have.
pub async fn ask_while_a_commit_waits(plants: Plants) {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let writer = open(bank.address(), LIMIT).await;
    let reader = open_planted(bank.address(), LIMIT, plants).await;
    must_be_done(&one(&writer, deposit("alice", 5, "t-1")).await);
    // Its second connection is there before the standby is not.
    reader.read(Query::Totals).await.unwrap();
    cluster.freeze(Node::Standby);
    let written = ask(&writer, deposit("alice", 2, "t-2"));
    cluster.wait_for_a_commit_that_waits().await;
    // A balance, a duplicate, a question about history: each waits for the standby as well.
    let asked: Vec<_> = [
        Request::Balance(account("alice")),
        deposit("alice", 5, "t-1"),
        Request::Resolve { tx_id: TxId::new("t-2").unwrap(), by: None },
    ]
    .into_iter()
    .map(|request| ask(&reader, request))
    .collect();
    let read = tokio::spawn({
        let reader = Arc::clone(&reader);
        async move { reader.read(Query::Totals).await }
    });
    tokio::time::sleep(A_WHILE).await;
    assert!(!written.is_finished() && !read.is_finished());
    assert!(asked.iter().all(|one| !one.is_finished()), "told before it is on the standby");
    cluster.wake(Node::Standby);
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
async fn pg_d34_nothing_of_any_kind_is_told_of_a_change_that_the_standby_does_not_have() {
    ask_while_a_commit_waits(Plants::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d34_what_a_crashed_primary_shows_again_is_told_once_the_standby_has_it() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let engine = open(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    cluster.freeze(Node::Standby);
    let written = ask(&engine, deposit("alice", 2, "t-2"));
    cluster.wait_for_a_commit_that_waits().await;
    cluster.kill(Node::Primary);
    cluster.restart(Node::Primary);
    // The row is there for all to see, on one machine.
    let seen = bank.superuser().await;
    let row = seen.query_one("SELECT balance FROM saldo.account", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 7);
    tokio::time::sleep(A_WHILE).await;
    assert!(!written.is_finished(), "told before it is on the standby");
    cluster.wake(Node::Standby);
    assert_eq!(must_be_done(&timeout(LIMIT, written).await.unwrap().unwrap()), 2);
    assert_eq!(held(&engine, "alice").await, Some(7), "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d35_a_primary_whose_commits_reach_no_standby_is_not_served() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    cluster.freeze(Node::Standby);
    // It answers every question, and may be a primary no longer without knowing.
    let opened = PostgresEngine::open(bank.address(), Options::default()).await.map(|_| ());
    assert!(matches!(opened, Err(OpenError::Unreachable { .. })), "{opened:?}");
    cluster.wake(Node::Standby);
    let engine = open(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d36_limits_that_a_role_has_by_default_end_no_session_of_the_bank() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    bank.run(&format!(
        "ALTER ROLE saldo_serves IN DATABASE {} SET idle_session_timeout = '100ms'",
        bank.database()
    ))
    .await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 1, "t-1")).await);
    let of = format!(
        "FROM pg_stat_activity WHERE datname = '{}' AND usename = 'saldo_serves'",
        bank.database()
    );
    let client = bank.superuser().await;
    let pid: i32 = client
        .query_one(&format!("SELECT pid {of} ORDER BY backend_start DESC LIMIT 1"), &[])
        .await
        .unwrap()
        .get(0);
    // Ten times as long as it may.
    cluster
        .wait_until(&format!(
            "SELECT count(*) = 0 OR bool_and(clock_timestamp() - state_change > '1s') {of} AND pid = {pid}"
        ))
        .await;
    let left = format!("SELECT count(*) {of} AND pid = {pid}");
    assert_eq!(client.query_one(&left, &[]).await.unwrap().get::<_, i64>(0), 1, "it was ended");
}

async fn refused(address: Address, mode: Mode) -> CheckFault {
    let options = Options { mode, ..Options::default() };
    match PostgresEngine::open(address, options).await.map(|_| ()) {
        Err(OpenError::Check(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d36_a_database_that_does_not_keep_the_promises_is_refused_with_its_reason() {
    let cluster = Cluster::single();
    let empty = Address::parse(&cluster.empty_database().await).unwrap();
    assert_eq!(refused(empty, Mode::Unchecked).await, CheckFault::NoSchema);
    let bank = cluster.bank().await;
    let fault = refused(bank.address(), Mode::Replicated).await;
    assert!(
        matches!(fault, CheckFault::Setting { name: "synchronous_standby_names", .. }),
        "{fault:?}"
    );
    for setting in ["fsync", "full_page_writes"] {
        cluster.set(setting, "off").await;
        let fault = refused(bank.address(), Mode::Unchecked).await;
        assert!(
            matches!(&fault, CheckFault::Setting { name, found, .. } if *name == setting && found == "off"),
            "{fault:?}"
        );
        cluster.set(setting, "on").await;
    }
    bank.run("UPDATE saldo.meta SET value = '3' WHERE key = 'schema_version'").await;
    let fault = refused(bank.address(), Mode::Unchecked).await;
    assert_eq!(fault, CheckFault::SchemaVersion { found: "3".to_owned(), needed: 2 });
    bank.run("UPDATE saldo.meta SET value = '2' WHERE key = 'schema_version'").await;
    must_be_done(
        &one(&*open_unchecked(bank.address(), LIMIT).await, deposit("alice", 5, "t-1")).await,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d36_a_database_of_another_encoding_is_refused() {
    let cluster = Cluster::any();
    let bank = cluster.bank_in("SQL_ASCII").await;
    let fault = refused(bank.address(), Mode::Unchecked).await;
    assert!(matches!(fault, CheckFault::Setting { name: "server_encoding", .. }), "{fault:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d36_a_server_in_recovery_is_not_served_and_a_role_that_does_not_wait_is_made_to() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let standby = bank.at(&[cluster.port(Node::Standby)]);
    let opened = PostgresEngine::open(standby, Options::default()).await.map(|_| ());
    let Err(OpenError::Unreachable { told }) = opened else { panic!("{opened:?}") };
    assert!(told.contains("no primary"), "{told}");
    // The standby first in the address costs nothing but the way there.
    let both = bank.at(&[cluster.port(Node::Standby), cluster.port(Node::Primary)]);
    cluster.run("ALTER ROLE saldo_serves SET synchronous_commit = off").await;
    let engine = open(both, LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    cluster.freeze(Node::Standby);
    let written = ask(&engine, deposit("alice", 2, "t-2"));
    cluster.wait_for_a_commit_that_waits().await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!written.is_finished(), "answered although no standby has it");
    cluster.wake(Node::Standby);
    must_be_done(&timeout(LIMIT, written).await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d37_a_server_goes_on_no_longer_once_replication_is_switched_off() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let engine = open(bank.address(), Duration::from_secs(2)).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    cluster.set("synchronous_standby_names", "").await;
    // The setting reaches each session with its next statement.
    for request in [deposit("alice", 1, "t-2"), Request::Balance(account("alice"))] {
        let outcome = one(&engine, request).await;
        let is_none = matches!(outcome, Outcome::Unavailable(Unavailable::DatabaseUnreachable));
        assert!(is_none, "{outcome:?}");
    }
    engine.read(Query::Totals).await.unwrap_err();
    cluster.set("synchronous_standby_names", "FIRST 1 (s)").await;
    must_be_done(&one(&engine, deposit("alice", 1, "t-2")).await);
}

/// The statements that prove a commit to be replicated, as a connection sends them.
async fn proves(client: &Client) -> [bool; 2] {
    let barrier = include_str!("../../src/queries/barrier.sql");
    let write = include_str!("../../src/queries/write.sql");
    let (texts, numbers, places): (Vec<String>, Vec<i64>, Vec<i32>) = Default::default();
    let (records, batch): (Vec<Vec<u8>>, _) = (Vec::new(), uuid::Uuid::nil());
    let written = client
        .query_one(
            write,
            &[
                &texts, &numbers, &numbers, &texts, &numbers, &numbers, &numbers, &batch, &texts,
                &places, &records, &texts, &numbers, &places, &numbers, &true,
            ],
        )
        .await;
    let is_division = |error: &Error| error.code() == Some(&SqlState::DIVISION_BY_ZERO);
    assert!(written.as_ref().err().is_none_or(is_division), "{written:?}");
    [client.execute(barrier, &[&0_i32, &true]).await.unwrap() == 1, written.is_ok()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d37_a_session_that_lost_its_settings_to_a_pooler_commits_nothing() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let client = bank.superuser().await;
    for (setting, is_proof) in
        [("on", true), ("local", false), ("off", false), ("remote_apply", true)]
    {
        client.batch_execute(&format!("SET synchronous_commit = {setting}")).await.unwrap();
        assert_eq!(proves(&client).await, [is_proof; 2], "{setting}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d44_a_primary_that_was_replaced_while_it_stood_still_answers_nothing_when_it_wakes() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let (old, new) = (cluster.port(Node::Primary), cluster.port(Node::Standby));
    let engine = open(bank.at(&[old, new]), LIMIT).await;
    let stale = open(bank.at(&[old]), Duration::from_secs(1)).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    assert_eq!(held(&stale, "alice").await, Some(5));
    stale.read(Query::Totals).await.unwrap();

    cluster.freeze(Node::Primary);
    cluster.run_on(Node::Standby, "SELECT pg_promote()").await;
    // The standby of the new primary keeps its log alone, and says when it is flushed.
    let log = cluster.new_folder("log");
    let receiver = cluster
        .program("pg_receivewal")
        .arg("--synchronous")
        .arg("-D")
        .arg(&log)
        .args(["-d", &format!("host=127.0.0.1 port={new} user=saldo application_name=x")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _receiver = Ended(receiver.unwrap());
    cluster
        .run_on(Node::Standby, "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (x)'")
        .await;
    cluster.run_on(Node::Standby, "SELECT pg_reload_conf()").await;

    must_be_done(&timeout(LIMIT, one(&engine, deposit("alice", 2, "t-2"))).await.unwrap());
    cluster.wake(Node::Primary);
    // The old primary has the account, with less in it; it knows nothing of its successor.
    let seen = bank.superuser().await;
    let row = seen.query_one("SELECT balance FROM saldo.account", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 5);
    for request in [Request::Balance(account("alice")), deposit("alice", 5, "t-1")] {
        let outcome = one(&stale, request).await;
        let is_none = matches!(outcome, Outcome::Unavailable(Unavailable::DatabaseUnreachable));
        assert!(is_none, "{outcome:?}");
    }
    stale.read(Query::Totals).await.unwrap_err();
    // Whoever has both addresses finds the one that serves.
    let both = open(bank.at(&[old, new]), LIMIT).await;
    assert_eq!(held(&both, "alice").await, Some(7));
    assert_eq!(held(&engine, "alice").await, Some(7));
}

/// A program that is ended with the test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d47_a_host_that_stands_still_does_not_use_up_the_time_of_the_next_one() {
    // Connections to it are made, and nobody ever answers on them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let silent_port = silent.local_addr().unwrap().port();
    let engine = open_unchecked(bank.at(&[silent_port, bank.port()]), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d47_a_host_that_must_not_be_used_does_not_hide_the_one_that_may() {
    let (cluster, unfit) = (Cluster::any(), Cluster::single());
    let bank = cluster.bank().await;
    unfit.run("CREATE ROLE saldo_serves LOGIN PASSWORD 'serves'").await;
    unfit.run(&format!("CREATE DATABASE {}", bank.database())).await;
    let unfit_port = unfit.port(Node::Primary);
    let engine = open_unchecked(bank.at(&[unfit_port, bank.port()]), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d47_a_primary_that_freezes_is_left_for_another_within_the_patience_of_a_request() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    // Two ways to one server: one of them freezes with a connection open on it.
    let proxy = crate::proxy::Proxy::before(bank.port()).await;
    let patience = Duration::from_secs(10);
    let engine = open_unchecked(bank.at(&[proxy.port, bank.port()]), patience).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    engine.read(Query::Totals).await.unwrap();
    proxy.freeze();
    let written = ask(&engine, deposit("alice", 2, "t-2"));
    let read = timeout(LIMIT, engine.read(Query::Totals)).await.unwrap();
    read.unwrap();
    must_be_done(&timeout(LIMIT, written).await.unwrap().unwrap());
    assert_eq!(held(&engine, "alice").await, Some(7), "once");
}
