//! The rules of durability about a commit and its end (D30 to D33, D38, D41 to D43): nothing is told
//! that could be lost, nothing that was told is, and nothing is done twice.

use std::time::Duration;

use engine::{Outcome, Unavailable};
use postgres::{Mode, Options, Plants};
use tokio::time::timeout;

use crate::bank::{
    ask, deposit, held, must_be_done, one, open, open_planted, open_unchecked, open_with,
};
use crate::cluster::{Cluster, LIMIT, Node};
use crate::proxy::{Fault, Proxy};

/// So long nothing may be answered where something must wait: long enough to be noticed.
const A_WHILE: Duration = Duration::from_millis(700);

/// Ends the wait of a commit for its standby, and sees to it that it is told as no success.
pub async fn end_the_wait_of_a_commit(cluster: &Cluster, function: &str, plants: Plants) {
    let bank = cluster.bank().await;
    let engine = open_planted(bank.address(), LIMIT, plants).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    cluster.freeze(Node::Standby);
    let written = ask(&engine, deposit("alice", 2, "t-2"));
    cluster.wait_for_a_commit_that_waits().await;
    cluster
        .run(&format!("SELECT {function}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))
        .await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!written.is_finished(), "{function}: answered although no standby has it");
    cluster.wake(Node::Standby);
    let written = timeout(LIMIT, written).await.unwrap().unwrap();
    // It was committed by the first attempt, and the second one found it.
    assert_eq!(must_be_done(&written), 2);
    assert_eq!(held(&engine, "alice").await, Some(7), "{function}: once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d30_a_commit_whose_wait_is_cancelled_is_no_success_and_is_settled_by_its_tx_id() {
    let cluster = Cluster::replicated();
    for function in ["pg_cancel_backend", "pg_terminate_backend"] {
        end_the_wait_of_a_commit(&cluster, function, Plants::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d31_a_role_that_hides_warnings_hides_no_cancelled_commit() {
    let cluster = Cluster::replicated();
    cluster.bank().await;
    cluster.run("ALTER ROLE saldo_serves SET client_min_messages = error").await;
    end_the_wait_of_a_commit(&cluster, "pg_cancel_backend", Plants::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d32_an_attempt_that_takes_too_long_is_left_and_never_cancelled() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let port = bank.port();
    let proxy = Proxy::before(port).await;
    let engine = open_unchecked(bank.at(&[proxy.port]), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    // Its locks are held until the idle transaction is ended by the database.
    proxy.do_to_the_next_commit(Fault::FreezeBefore);
    must_be_done(&one(&engine, deposit("alice", 2, "t-2")).await);
    assert_eq!(proxy.faults_done(), 1);
    // The question takes its whole time, and goes with its connection.
    let impatient = open_unchecked(bank.at(&[proxy.port]), Duration::from_secs(1)).await;
    must_be_done(&one(&impatient, deposit("alice", 1, "t-3")).await);
    proxy.freeze();
    let lost = one(&impatient, deposit("alice", 1, "t-4")).await;
    assert!(matches!(lost, Outcome::Unavailable(Unavailable::DatabaseUnreachable)), "{lost:?}");
    proxy.thaw();
    assert_eq!(held(&impatient, "alice").await, Some(8));
    assert_eq!(proxy.cancel_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d33_no_limit_of_the_role_ends_the_wait_of_a_commit() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    cluster.run("ALTER ROLE saldo_serves SET statement_timeout = '500ms'").await;
    cluster.run("ALTER ROLE saldo_serves SET lock_timeout = '500ms'").await;
    let engine = open(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    cluster.freeze(Node::Standby);
    let written = ask(&engine, deposit("alice", 2, "t-2"));
    cluster.wait_for_a_commit_that_waits().await;
    let lasts = "SELECT count(*) > 0 FROM pg_stat_activity \
                 WHERE wait_event = 'SyncRep' AND now() - query_start > interval '3 s'";
    cluster.wait_until(lasts).await;
    assert!(!written.is_finished(), "answered although no standby has it");
    cluster.wake(Node::Standby);
    let written = timeout(LIMIT, written).await.unwrap().unwrap();
    assert!(matches!(written, Outcome::Done { duplicate: false, .. }), "{written:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d33_a_server_that_stands_still_between_its_trips_keeps_no_rows_from_others() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let proxy = Proxy::before(bank.port()).await;
    let frozen = open_unchecked(bank.at(&[proxy.port]), LIMIT).await;
    let lively = open_unchecked(bank.address(), LIMIT).await;
    must_be_done(&one(&frozen, deposit("alice", 5, "t-1")).await);
    proxy.do_to_the_next_commit(Fault::FreezeBefore);
    let stands_still = ask(&frozen, deposit("alice", 2, "t-2"));
    let holds = format!(
        "SELECT count(*) = 1 FROM pg_stat_activity \
         WHERE datname = '{}' AND state = 'idle in transaction'",
        bank.database()
    );
    cluster.wait_until(&holds).await;
    // Nothing of it gets through, not even its end.
    proxy.freeze();
    let done = timeout(LIMIT, one(&lively, deposit("alice", 1, "t-3"))).await.unwrap();
    must_be_done(&done);
    assert!(!stands_still.is_finished());
    proxy.thaw();
    must_be_done(&timeout(LIMIT, stands_still).await.unwrap().unwrap());
    assert_eq!(held(&lively, "alice").await, Some(8));
}

/// Sees to it that a batch whose rows have another version than it read is not told as done.
pub async fn write_over_a_stale_version(plants: Plants) {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let patience = Duration::from_secs(1);
    let options =
        Options { patience, slots: 1, mode: Mode::Unchecked, plants, ..Options::default() };
    let engine = open_with(bank.address(), options).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    // No row is found under the version that was read. COMMIT is answered all the same, as the end
    // of a transaction that failed.
    bank.run(
        "CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RETURN NULL; END $$; \
         CREATE TRIGGER nothing BEFORE UPDATE ON saldo.account \
         FOR EACH ROW EXECUTE FUNCTION public.nothing()",
    )
    .await;
    let stale = one(&engine, deposit("alice", 2, "t-2")).await;
    assert!(matches!(stale, Outcome::Unavailable(Unavailable::DatabaseUnreachable)), "{stale:?}");
    let written = "SELECT count(*) FROM saldo.tx WHERE tx_id = 't-2'";
    let row = bank.superuser().await.query_one(written, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0, "nothing is written");
    bank.run("DROP TRIGGER nothing ON saldo.account").await;
    assert_eq!(must_be_done(&one(&engine, deposit("alice", 2, "t-2")).await), 2);
    assert_eq!(held(&engine, "alice").await, Some(7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d38_a_batch_whose_rows_have_another_version_is_not_told_as_done() {
    write_over_a_stale_version(Plants::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d41_a_commit_whose_answer_is_lost_is_settled_by_asking_again_behind_its_locks() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let proxy = Proxy::before(bank.port()).await;
    let engine = open(bank.at(&[proxy.port]), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    cluster.freeze(Node::Standby);
    proxy.do_to_the_next_commit(Fault::FreezeAnswer);
    let written = ask(&engine, deposit("alice", 2, "t-2"));
    cluster.wait_for_a_commit_that_waits().await;
    proxy.cut();
    // A waiting commit is not to be seen by anybody, and may still land.
    tokio::time::sleep(A_WHILE).await;
    assert!(!written.is_finished(), "nobody can know what became of it");
    cluster.wake(Node::Standby);
    let written = timeout(LIMIT, written).await.unwrap().unwrap();
    assert_eq!(must_be_done(&written), 2);
    assert_eq!(held(&engine, "alice").await, Some(7), "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d41_a_commit_that_nobody_answers_is_asked_again_on_another_connection() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let proxy = Proxy::before(bank.port()).await;
    let engine = open_unchecked(bank.at(&[proxy.port]), Duration::from_secs(6)).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    proxy.do_to_the_next_commit(Fault::FreezeAnswer);
    // Within the patience of a request, not at its end.
    let written = one(&engine, deposit("alice", 2, "t-2")).await;
    assert_eq!(must_be_done(&written), 2);
    assert_eq!(proxy.faults_done(), 1);
    assert_eq!(proxy.cancel_requests(), 0);
    assert_eq!(held(&engine, "alice").await, Some(7), "once");
}

/// Sees to it that a commit whose end does not come in time is told as unknown, with its tx_id.
pub async fn lose_a_commit(plants: Plants) {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let engine = open_planted(bank.address(), Duration::from_secs(2), plants).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    cluster.freeze(Node::Standby);
    let lost = timeout(LIMIT, one(&engine, deposit("alice", 2, "t-2"))).await.unwrap();
    let Outcome::Unknown { tx_id: Some(tx_id) } = lost else { panic!("{lost:?}") };
    assert_eq!(tx_id.as_str(), "t-2");
    cluster.wake(Node::Standby);
    let patient = open(bank.address(), LIMIT).await;
    let settled = one(&patient, deposit("alice", 2, "t-2")).await;
    must_be_done(&settled);
    assert_eq!(held(&patient, "alice").await, Some(7), "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d42_an_outcome_that_nobody_knows_comes_with_its_tx_id_when_the_time_is_over() {
    lose_a_commit(Plants::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_do_not_pile_up_at_the_database_while_its_standby_is_away() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let engine = open(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    cluster.freeze(Node::Standby);
    let written = ask(&engine, deposit("alice", 2, "t-2"));
    cluster.wait_for_a_commit_that_waits().await;
    // From here on each connection waits with its first commit, and those that nobody waits for any
    // more stay as well.
    let waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    cluster.run(&format!("SELECT pg_terminate_backend(pid) {waiting}")).await;
    let since = format!("SELECT max(now() - query_start) > interval '7 s' {waiting}");
    cluster.wait_until(&format!("SELECT coalesce(({since}), false)")).await;
    let seen = bank.superuser().await;
    let row = seen.query_one(&format!("SELECT count(*) {waiting}"), &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
    cluster.wake(Node::Standby);
    assert_eq!(must_be_done(&timeout(LIMIT, written).await.unwrap().unwrap()), 2);
}
