//! Questions about history: what was told of the past stays so.

use engine::Engine;
use engine::query::{Moment, Named, Order, Query, Reading, StatementPage};
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
