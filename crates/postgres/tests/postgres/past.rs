//! Questions about history: what was told of the past stays so, and no question keeps others waiting.

use std::time::Duration;

use engine::query::{Moment, Named, Order, Query, Reading, StatementPage};
use engine::{Engine, Unavailable};
use ledger::Seq;

use crate::bank::{account, deposit, must_be_done, one, open_unchecked};
use crate::cluster::{Cluster, LIMIT};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_gets_a_time_that_a_statement_was_asked_up_to_or_from() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    for (n, is_its_end) in [true, false].into_iter().enumerate() {
        let seq = must_be_done(&one(&engine, deposit("alice", 1, &format!("t-{n}"))).await);
        let query = Query::Transaction(Named::Seq(Seq::new(seq)));
        let Ok(Reading::Transaction { transaction: Some(last), .. }) = engine.read(query).await
        else {
            panic!("it was told as done")
        };
        // It is over by now, for the event was asked for since.
        let at_us = last.at_us + 1;
        let at = Some(Moment::Time(at_us));
        let (from, to) = if is_its_end { (None, at) } else { (at, None) };
        let page =
            StatementPage { from, to, order: Order::OldestFirst, limit: 9, after: None, end: None };
        let query = Query::Statement { account: account("alice"), page };
        let reading = engine.read(query).await.unwrap();
        assert!(matches!(reading, Reading::Statement(_)), "{reading:?}");
        // A server whose clock is behind gives its events the time of the head at least.
        let head = "SELECT at FROM saldo.head";
        let head: i64 = bank.superuser().await.query_one(head, &[]).await.unwrap().get(0);
        assert!(u64::try_from(head).unwrap() > at_us, "{head} is not behind {at_us}");
    }
}

fn all_accounts() -> Query<'static> {
    Query::Accounts { prefix: "".into(), after: None, limit: 9, count: true }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_is_too_heavy_is_ended_in_the_database_and_not_asked_again() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), Duration::from_secs(6)).await;
    must_be_done(&one(&engine, deposit("alice", 1, "t-1")).await);
    // Each row of an account takes an hour.
    bank.run(
        "CREATE SCHEMA odd; GRANT USAGE ON SCHEMA odd TO PUBLIC; \
         CREATE FUNCTION odd.slow() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN \
           PERFORM pg_sleep(3600); RETURN true; END $$; \
         ALTER TABLE saldo.account ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY odd ON saldo.account USING (odd.slow())",
    )
    .await;
    assert_eq!(engine.read(all_accounts()).await, Err(Unavailable::DatabaseUnreachable));
    let working = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND usename = 'saldo_serves' \
         AND state <> 'idle'",
        bank.database()
    );
    let working = bank.superuser().await.query_one(&working, &[]).await.unwrap();
    assert_eq!(working.get::<_, i64>(0), 0, "the database still works on it");
    assert!(engine.read(Query::Totals).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_accounts_are_counted_without_looking_at_each() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let engine = open_unchecked(bank.address(), LIMIT).await;
    must_be_done(&one(&engine, deposit("alice", 1, "t-1")).await);
    bank.run("UPDATE saldo.head SET accounts = 7").await;
    let reading = engine.read(all_accounts()).await;
    assert!(matches!(reading, Ok(Reading::Accounts { count: Some(7), .. })), "{reading:?}");
}
