//! The rules about errors of the database (D40, D45, D46): what was certainly rolled back is done
//! again, what may have been committed is asked again, and what no retry mends stops the engine.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::{Engine, Outcome, Query, Request, Unavailable};
use postgres::{CheckFault, Mode, OpenError, Options, Plants, PostgresEngine};
use tokio::time::timeout;

use crate::bank::{
    Bank, account, ask, deposit, held, must_be_done, one, open_unchecked, open_with, transfer,
};
use crate::cluster::{Cluster, LIMIT};
use crate::plant::{Moment, plant, unplant};
use crate::proxy::Proxy;

/// Codes of a definite rollback.
const RETRIED: [&str; 5] = ["40001", "40P01", "55P03", "23505", "22012"];
/// Those of trouble that passes: elsewhere, or later.
const PASSING: [&str; 9] =
    ["40003", "57014", "57P01", "57P02", "57P03", "25P03", "25006", "53100", "08006"];
/// Those that no retry mends.
const FATAL: [&str; 3] = ["23514", "42501", "XX000"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d40_a_batch_that_an_error_rolled_back_or_may_have_is_done_once_in_the_end() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 1, "first")).await);
    let mut done = 1;
    for moment in Moment::ALL {
        for code in RETRIED.into_iter().chain(PASSING) {
            plant(&bank, moment, code, 2).await;
            let tx_id = format!("{moment:?}-{code}");
            let outcome = timeout(LIMIT, one(&engine, deposit("alice", 1, &tx_id))).await.unwrap();
            done += 1;
            assert_eq!(must_be_done(&outcome), done, "{moment:?} {code}");
            unplant(&bank, 2).await;
        }
    }
    assert_eq!(held(&engine, "alice").await, i64::try_from(done).ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d40_what_was_certainly_rolled_back_costs_no_connection() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 1, "first")).await);
    let served_by = connections(&bank).await;
    for moment in Moment::ALL {
        for code in RETRIED {
            plant(&bank, moment, code, 1).await;
            let tx_id = format!("{moment:?}-{code}");
            must_be_done(&one(&engine, deposit("alice", 1, &tx_id)).await);
            unplant(&bank, 1).await;
        }
    }
    assert_eq!(connections(&bank).await, served_by);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d40_what_found_no_room_was_certainly_not_done_unless_its_commit_said_so() {
    let cluster = Cluster::any();
    for moment in Moment::ALL {
        let bank = cluster.bank().await;
        let engine = open_unchecked(bank.address(), Duration::from_secs(1)).await;
        must_be_done(&one(&engine, deposit("alice", 1, "first")).await);
        plant(&bank, moment, "53100", 1_000_000).await;
        let mut told_as_not_done = false;
        // An attempt that the end of the time cuts short is unknown, whatever it would have met.
        for n in 0..5 {
            let request = deposit("alice", 1, &format!("t-{n}"));
            let outcome = timeout(LIMIT, one(&engine, request)).await.unwrap();
            let is_not_done = Outcome::Unavailable(Unavailable::DatabaseUnreachable);
            told_as_not_done = outcome == is_not_done;
            let is_unknown = matches!(outcome, Outcome::Unknown { .. });
            assert!(told_as_not_done || is_unknown, "{moment:?}: {outcome:?}");
            if told_as_not_done {
                break;
            }
        }
        assert_eq!(told_as_not_done, moment != Moment::Committing, "{moment:?}");
    }
}

/// The processes that serve the engine.
async fn connections(bank: &Bank) -> Vec<i32> {
    let of = "SELECT pid FROM pg_stat_activity \
              WHERE datname = current_database() AND usename = 'saldo_serves' ORDER BY pid";
    let rows = bank.superuser().await.query(of, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d40_a_deadlock_with_somebody_else_and_a_lock_that_is_held_long_are_waited_out() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    for name in ["a", "b"] {
        must_be_done(&one(&engine, deposit(name, 10, &format!("open-{name}"))).await);
    }
    let other = bank.superuser().await;
    // It takes the rows in the opposite order, and leaves it to the engine to notice.
    other.batch_execute("SET deadlock_timeout = '1min'; BEGIN").await.unwrap();
    let lock = |name| format!("SELECT FROM saldo.account WHERE name = '{name}' FOR UPDATE");
    other.batch_execute(&lock("b")).await.unwrap();
    let moved = ask(&engine, transfer("a", "b", 1, "t-1"));
    cluster.wait_until(&waiting_for_locks(&bank, 1)).await;
    // The engine has a, and waits for b.
    timeout(LIMIT, other.batch_execute(&lock("a"))).await.unwrap().unwrap();
    // It has given up, and now waits longer than its limit, more than once.
    let given_up = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'saldo_serves' \
                    AND wait_event_type = 'Lock' AND datname = ";
    for _ in 0..2 {
        let now: String =
            other.query_one("SELECT clock_timestamp()::text", &[]).await.unwrap().get(0);
        let again = format!("{given_up} '{}' AND xact_start > '{now}'", bank.database());
        cluster.wait_until(&again).await;
    }
    assert!(!moved.is_finished());
    other.batch_execute("ROLLBACK").await.unwrap();
    must_be_done(&timeout(LIMIT, moved).await.unwrap().unwrap());
    assert_eq!(held(&engine, "b").await, Some(11));
}

fn waiting_for_locks(bank: &Bank, count: usize) -> String {
    format!(
        "SELECT count(*) = {count} FROM pg_stat_activity \
         WHERE wait_event_type = 'Lock' AND datname = '{}'",
        bank.database()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d41_a_refusal_is_told_only_when_the_attempt_that_was_lost_can_no_longer_be_committed() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let proxy = Proxy::before(bank.port()).await;
    let engine = open_unchecked(bank.at(&[proxy.port]), LIMIT).await;
    let other = bank.superuser().await;
    // The first attempt is sent whole, and waits for its place.
    other.batch_execute("BEGIN; SELECT FROM saldo.head FOR UPDATE").await.unwrap();
    let not_after = SystemTime::now() + Duration::from_millis(500);
    let not_after_us = not_after.duration_since(UNIX_EPOCH).unwrap().as_micros();
    let Request::Write { command, tx_id, .. } = deposit("alice", 5, "made-by-the-server") else {
        panic!()
    };
    let request = Request::Write {
        command,
        tx_id,
        tx_id_given: false,
        not_after_us: Some(not_after_us.try_into().unwrap()),
        by: None,
    };
    let asked = ask(&engine, request);
    cluster.wait_until(&waiting_for_locks(&bank, 1)).await;
    cluster
        .wait_until(&format!(
            "SELECT extract(epoch FROM clock_timestamp()) * 1000000 > {not_after_us} + 1000"
        ))
        .await;
    // Its answer is lost, and the next attempt finds the deadline passed, and no account.
    proxy.cut();
    let two = waiting_for_locks(&bank, 2);
    let began = Instant::now();
    let watch = bank.superuser().await;
    while !asked.is_finished() && !watch.query_one(&two, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(began.elapsed() < LIMIT, "the next attempt neither waits nor is answered");
    }
    other.batch_execute("ROLLBACK").await.unwrap();
    let outcome = timeout(LIMIT, asked).await.unwrap().unwrap();
    cluster.wait_until(&waiting_for_locks(&bank, 0)).await;
    let held = held(&engine, "alice").await;
    if matches!(outcome, Outcome::Refused { .. }) {
        assert_eq!(held, None, "refused, and done all the same");
    } else {
        must_be_done(&outcome);
        assert_eq!(held, Some(5));
    }
}

/// Sees to it that a refusal rests on one moment though an account is opened while it waits.
pub async fn open_an_account_while_another_waits(plants: Plants) {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let opens = open_unchecked(bank.address(), LIMIT).await;
    let options = Options { mode: Mode::Unchecked, slots: 1, plants, ..Options::default() };
    let refuses = open_with(bank.address(), options).await;
    must_be_done(&one(&opens, deposit("a", 10, "t-1")).await);
    let other = bank.superuser().await;
    other.batch_execute("BEGIN; SELECT FROM saldo.account FOR UPDATE").await.unwrap();
    let opened = ask(&opens, transfer("a", "z", 4, "t-2"));
    cluster.wait_until(&waiting_for_locks(&bank, 1)).await;
    // It waits behind the other, has not seen z, and will see what the other left in a.
    let moved = ask(&refuses, transfer("z", "a", 3, "t-3"));
    cluster.wait_until(&waiting_for_locks(&bank, 2)).await;
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(must_be_done(&timeout(LIMIT, opened).await.unwrap().unwrap()), 2);
    let moved = timeout(LIMIT, moved).await.unwrap().unwrap();
    assert_eq!(must_be_done(&moved), 3, "z has what it needs: {moved:?}");
    assert_eq!(held(&opens, "z").await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d45_a_refusal_rests_on_one_moment_though_an_account_is_opened_while_it_waits() {
    open_an_account_while_another_waits(Plants::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d46_an_error_that_no_retry_mends_stops_the_engine_and_nothing_is_done_twice() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let mut done = 0;
    for moment in Moment::ALL {
        for code in FATAL {
            let engine = open_unchecked(bank.address(), LIMIT).await;
            done += 1;
            must_be_done(&one(&engine, deposit("alice", 1, &format!("before-{done}"))).await);
            plant(&bank, moment, code, 1).await;
            let request = deposit("alice", 1, &format!("{moment:?}-{code}"));
            let outcome = one(&engine, request.clone()).await;
            if moment == Moment::Reading {
                assert!(is_stopped(&outcome), "{outcome:?}");
            } else {
                assert!(matches!(&outcome, Outcome::Unknown { tx_id: Some(_) }), "{outcome:?}");
            }
            assert!(is_stopped(&one(&engine, request.clone()).await), "{moment:?} {code}");
            assert_eq!(engine.read(Query::Totals).await, Err(Unavailable::JournalStopped));
            unplant(&bank, 1).await;
            let next = open_unchecked(bank.address(), LIMIT).await;
            must_be_done(&one(&next, request).await);
            done += 1;
            assert_eq!(held(&next, "alice").await, Some(done));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_the_database_does_not_take_fails_who_asked_with_it_and_nobody_else() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 1, "first")).await);
    let batch = || (0..3).map(|n| deposit("alice", 1, &format!("t-{n}"))).collect();
    // The batch, its first two, its first, and its second; then it passes.
    plant(&bank, Moment::Reading, "22021", 3).await;
    let outcomes = timeout(LIMIT, engine.run(batch())).await.unwrap();
    let not_done = Outcome::Unavailable(Unavailable::DatabaseUnreachable);
    let failed = outcomes.iter().filter(|outcome| **outcome == not_done).count();
    assert!((1..3).contains(&failed), "{outcomes:?}");
    let done = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Done { .. })).count();
    assert_eq!(failed + done, 3, "{outcomes:?}");
    unplant(&bank, 3).await;
    bank.run(
        "CREATE SCHEMA odd; GRANT USAGE ON SCHEMA odd TO PUBLIC; \
         CREATE FUNCTION odd.no() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN \
           RAISE EXCEPTION 'odd' USING ERRCODE = '22021'; END $$; \
         ALTER TABLE saldo.account ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY odd ON saldo.account USING (odd.no())",
    )
    .await;
    let query = Query::Accounts { prefix: "".into(), after: None, limit: 1, count: false };
    // Sooner than its patience ends: it is not asked again.
    let asked = timeout(LIMIT / 2, engine.read(query)).await.unwrap();
    assert_eq!(asked, Err(Unavailable::DatabaseUnreachable));
    bank.run("ALTER TABLE saldo.account DISABLE ROW LEVEL SECURITY; DROP SCHEMA odd CASCADE").await;
    // The engine goes on, and what was told as not done can be asked again.
    let again = engine.run(batch()).await;
    for outcome in &again {
        must_be_done(outcome);
    }
    assert_eq!(held(&engine, "alice").await, Some(4));
}

fn is_stopped(outcome: &Outcome<'static>) -> bool {
    matches!(outcome, Outcome::Unavailable(Unavailable::JournalStopped))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d46_a_record_or_a_balance_that_cannot_be_stops_the_engine() {
    let cluster = Cluster::any();
    let damages = [
        ("UPDATE saldo.tx SET record = 'x'", deposit("alice", 5, "t-1")),
        (
            "ALTER TABLE saldo.account DROP CONSTRAINT account_balance_check; \
             UPDATE saldo.account SET balance = 9007199254740993",
            deposit("alice", 1, "t-2"),
        ),
        ("DELETE FROM saldo.head", deposit("alice", 1, "t-2")),
        ("DELETE FROM saldo.head", Request::Balance(account("alice"))),
        (
            "ALTER TABLE saldo.head ALTER at DROP NOT NULL; UPDATE saldo.head SET at = NULL",
            deposit("alice", 1, "t-2"),
        ),
        ("UPDATE saldo.head SET seq = -1", Request::Balance(account("alice"))),
        (
            "UPDATE saldo.batch SET at = -1",
            Request::Resolve { tx_id: ledger::TxId::new("t-1").unwrap(), by: None },
        ),
    ];
    for (damage, request) in damages {
        let bank = cluster.bank().await;
        let engine = open_unchecked(bank.address(), LIMIT).await;
        must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
        bank.run(damage).await;
        let outcome = one(&engine, request).await;
        assert!(is_stopped(&outcome), "{damage}: {outcome:?}");
        let outcome = one(&engine, deposit("bob", 1, "t-3")).await;
        assert!(is_stopped(&outcome), "{damage}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d46_an_answer_to_a_commit_that_cannot_be_leaves_it_unknown_and_stops_the_engine() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    // The place that the batch gets is none.
    bank.run(
        "ALTER TABLE saldo.batch ALTER at DROP NOT NULL; \
         CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
           NEW.at = NULL; RETURN NEW; END $$; \
         CREATE TRIGGER odd BEFORE INSERT ON saldo.batch FOR EACH ROW EXECUTE FUNCTION odd()",
    )
    .await;
    let outcome = timeout(LIMIT / 2, one(&engine, deposit("alice", 5, "t-1"))).await.unwrap();
    assert!(matches!(&outcome, Outcome::Unknown { tx_id: Some(_) }), "{outcome:?}");
    assert!(is_stopped(&one(&engine, deposit("alice", 5, "t-2")).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d46_a_lost_row_of_the_barrier_stops_the_engine_and_is_named() {
    static SAID: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let on_fatal = |text: &str| SAID.lock().unwrap().push_str(text);
    let options = Options { slots: 1, on_fatal, ..Options::default() };
    let engine = open_with(bank.address(), options).await;
    must_be_done(&one(&engine, deposit("alice", 5, "t-1")).await);
    bank.run("DELETE FROM saldo.barrier").await;
    let asked = timeout(LIMIT / 2, one(&engine, Request::Balance(account("alice")))).await;
    assert!(is_stopped(&asked.unwrap()));
    assert_eq!(*SAID.lock().unwrap(), "the table barrier has lost a row");
    let opened = PostgresEngine::open(bank.address(), Options::default()).await;
    let Err(OpenError::Check(fault)) = opened else { panic!("it served") };
    assert_eq!(fault, CheckFault::RowMissing { table: "barrier" });
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
        engines.push(open_with(bank.address(), options).await);
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
                                _ => transfer(from, to, 1, &tx_id),
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
