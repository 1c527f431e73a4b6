//! Who did it stands in every event, for ever.

use ledger::limits::BY_BYTES_MAX;
use ledger::{By, Transaction};

use super::Instance;
use super::ask::{
    account, again, answer, answer_of, ask, ask_one, by, deposit, given, given_until, init, read,
    resolve, transfer, tx_id, withdraw,
};
use super::books::{Books, PAST_US};
use crate::query::{Named, Order, PAGE_MAX, Query, Reading, StatementPage};
use crate::seam::{Engine, Outcome};

/// Every kind of event, refusals and voids too, says who did it; one that nobody is named for says
/// nothing. All ways to read it agree, and it outlives restarts.
pub async fn who_did_it_stands_in_every_event_for_ever(instance: Instance) {
    let (mut books, mut instance) = (Books::default(), instance);
    let long = "\u{e9}".repeat(BY_BYTES_MAX / 2);
    let batches = [
        vec![by(given(init(&[("a", 100)]), "t1"), "user:ana"), given(deposit("a", 1), "t2")],
        vec![by(given(transfer("a", "b", 7), "t3"), &long), by(resolve("t4"), "user:\"b\\")],
        vec![
            by(given(withdraw("b", 5_000), "t5"), "token:k7f3q2"),
            by(given_until(deposit("a", 1), "t6", PAST_US), "user:ana"),
            given(withdraw("b", 2), "t7"),
        ],
    ];
    for batch in batches {
        books.ask(&*instance.engine, batch).await;
    }
    let expected = [
        Some("user:ana"),
        None,
        Some(&*long),
        Some("user:\"b\\"),
        Some("token:k7f3q2"),
        Some("user:ana"),
        None,
    ];
    for _ in 0..3 {
        for (n, expected) in (1..).zip(&expected) {
            let found = transaction(&*instance.engine, &format!("t{n}")).await;
            assert_eq!(found.by.as_ref().map(By::as_str), *expected, "{found:?}");
        }
        let (from, to, after, end) = (None, None, None, None);
        let page =
            StatementPage { from, to, order: Order::OldestFirst, limit: PAGE_MAX, after, end };
        let account = account("b");
        let query = Query::Statement { account, page };
        let Reading::Statement(statement) = books.check(&*instance.engine, query).await else {
            panic!("a statement was asked for")
        };
        let named: Vec<_> =
            statement.lines.iter().map(|line| line.by.as_ref().map(By::as_str)).collect();
        assert_eq!(named, [Some(&*long), None]);
        instance = instance.reopened().await;
    }
}

/// Whoever asks again, or resolves it: the event stays that of who did it first.
pub async fn a_duplicate_keeps_who_did_it_first(instance: Instance) {
    let engine = &*instance.engine;
    let batch = vec![
        by(given(deposit("a", 5), "t1"), "user:ana"),
        by(given(deposit("a", 5), "t1"), "user:bob"),
        by(given(withdraw("a", 50), "t2"), "user:bob"),
        by(resolve("t2"), "user:ana"),
        by(resolve("t3"), "user:ana"),
        by(resolve("t3"), "user:bob"),
        given(deposit("a", 5), "t4"),
        by(given(deposit("a", 5), "t4"), "user:bob"),
    ];
    let outcomes = ask(engine, batch.clone()).await;
    let again_outcomes = ask(engine, batch).await;
    let first = [("t1", Some("user:ana")), ("t2", Some("user:bob")), ("t3", Some("user:ana"))];
    for (tx_id, expected) in first.into_iter().chain([("t4", None)]) {
        let found = transaction(engine, tx_id).await;
        assert_eq!(found.by.as_ref().map(By::as_str), expected, "{found:?}");
        let resolved = ask_one(engine, by(resolve(tx_id), "user:carol")).await;
        assert!(tells(&resolved, &found), "{resolved:?}");
    }
    let resolved = outcomes.iter().chain(&again_outcomes);
    for outcome in resolved.filter(|outcome| matches!(outcome, Outcome::Resolved { .. })) {
        let Outcome::Resolved { transaction: told, .. } = outcome else { continue };
        let found = transaction(engine, told.tx_id.as_str()).await;
        assert!(tells(outcome, &found), "{outcome:?}");
    }
    assert_eq!(engine.seq_durable().get(), 4, "a duplicate takes no seq");
}

/// The same request by somebody else is the same request, and gets the same answer.
pub async fn who_asks_is_no_part_of_what_a_tx_id_is_bound_to(instance: Instance) {
    let engine = &*instance.engine;
    let first = answer(engine, by(given(deposit("a", 5), "t1"), "user:ana")).await;
    assert_eq!(answer(engine, by(given(deposit("a", 5), "t1"), "user:bob")).await, again(&first));
    assert_eq!(answer(engine, given(deposit("a", 5), "t1")).await, again(&first));
    let other = ask_one(engine, by(given(deposit("a", 6), "t1"), "user:ana")).await;
    assert_eq!(answer_of(&other), ledger::model::Answer::TxIdReused);
}

async fn transaction(engine: &dyn Engine, id: &str) -> Transaction<'static> {
    let query = Query::Transaction(Named::TxId(tx_id(id)));
    let Reading::Transaction { transaction: Some(found), .. } = read(engine, query).await else {
        panic!("{id} happened")
    };
    found
}

fn tells(outcome: &Outcome<'_>, found: &Transaction<'_>) -> bool {
    matches!(outcome, Outcome::Resolved { transaction, .. } if **transaction == *found)
}
