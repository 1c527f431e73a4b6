//! What became of a tx_id is settled once, for ever.

use ledger::Event;

use super::Instance;
use super::ask::{
    again, answer, answer_of, ask, ask_one, deposit, done, given, held, made, refused, resolve,
    transfer, voided, withdraw,
};
use super::books::Books;
use crate::seam::Outcome;

/// What was done or refused under a tx_id is told as it was, and asking takes no seq.
pub async fn resolving_tells_what_was_done_and_what_was_refused(instance: Instance) {
    let engine = &*instance.engine;
    let mut books = Books::default();
    let requests = [
        given(deposit("a", 100), "t1"),
        given(transfer("a", "b", 40), "t2"),
        given(withdraw("a", 61), "t3"),
        made(deposit("c", 5), "t4"),
    ];
    books.ask(engine, requests.to_vec()).await;
    for _ in 0..2 {
        books.ask(engine, ["t3", "t1", "t4", "t2"].map(resolve).to_vec()).await;
    }
    assert_eq!(engine.seq_durable().get(), 4);
    let outcome = ask_one(engine, resolve("t3")).await;
    let Outcome::Resolved { transaction, duplicate: true } = outcome else { panic!("{outcome:?}") };
    assert!(matches!(transaction.event, Event::Refused(_)), "{transaction:?}");
}

/// A tx_id under which nothing happened is given up: the first time that anybody asks, and then it
/// stays so.
pub async fn an_unknown_tx_id_is_voided_once(instance: Instance) {
    let engine = &*instance.engine;
    let first = ask_one(engine, resolve("t1")).await;
    let Outcome::Resolved { transaction, duplicate: false } = &first else { panic!("{first:?}") };
    assert_eq!((transaction.seq.get(), &transaction.event), (1, &Event::Void));
    for _ in 0..2 {
        let second = ask_one(engine, resolve("t1")).await;
        let told = matches!(&second, Outcome::Resolved { transaction: told, duplicate: true }
            if told == transaction);
        assert!(told, "{second:?}");
    }
    assert_eq!(engine.seq_durable().get(), 1);
}

/// No request under a voided tx_id is ever executed, whatever it asks for.
pub async fn a_write_under_a_voided_tx_id_is_refused_for_ever(instance: Instance) {
    let engine = &*instance.engine;
    ask_one(engine, resolve("t1")).await;
    for request in [
        given(deposit("a", 5), "t1"),
        made(deposit("a", 5), "t1"),
        given(withdraw("b", 5), "t1"),
        given(transfer("a", "b", 1), "t1"),
    ] {
        assert_eq!(answer(engine, request).await, voided(1));
    }
    assert_eq!(held(engine, &["a", "b"]).await.0, [None, None]);
    assert_eq!(engine.seq_durable().get(), 1);
    assert_eq!(answer(engine, given(deposit("a", 5), "t2")).await, done(2, &[("a", 0, 5)]));
}

/// A batch runs in order here as well: the request before the question is executed, the one
/// behind it is not.
pub async fn a_request_and_its_resolve_in_one_batch_are_settled_in_order(instance: Instance) {
    let engine = &*instance.engine;
    let batch = vec![
        given(deposit("a", 5), "t1"),
        resolve("t1"),
        resolve("t2"),
        given(deposit("a", 7), "t2"),
        resolve("t2"),
    ];
    let outcomes = ask(engine, batch).await;
    let [t1, done_t1, void_t2, t2, again_t2] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert_eq!(answer_of(t1), done(1, &[("a", 0, 5)]));
    assert!(matches!(done_t1, Outcome::Resolved { transaction, duplicate: true }
        if transaction.seq.get() == 1));
    assert!(matches!(void_t2, Outcome::Resolved { transaction, duplicate: false }
        if transaction.seq.get() == 2));
    assert_eq!(answer_of(t2), voided(2));
    assert!(matches!(again_t2, Outcome::Resolved { duplicate: true, .. }));
    assert_eq!(held(engine, &["a"]).await.0, [Some(5)]);
}

/// A refusal that was not recorded settles nothing: its tx_id is free, and can be voided.
pub async fn a_refusal_that_was_not_recorded_can_still_be_voided(instance: Instance) {
    let engine = &*instance.engine;
    let no = answer(engine, made(withdraw("a", 1), "t1")).await;
    assert_eq!(no, refused("insufficient_funds", 0, None));
    let outcome = ask_one(engine, resolve("t1")).await;
    assert!(matches!(outcome, Outcome::Resolved { duplicate: false, .. }), "{outcome:?}");
    assert_eq!(answer(engine, made(withdraw("a", 1), "t1")).await, voided(1));
}

/// Voids, and what resolving told, outlive any number of restarts.
pub async fn what_was_settled_outlives_a_restart(instance: Instance) {
    let first = answer(&*instance.engine, given(deposit("a", 5), "t1")).await;
    ask_one(&*instance.engine, resolve("t2")).await;
    let Outcome::Resolved { transaction, .. } = ask_one(&*instance.engine, resolve("t1")).await
    else {
        panic!("t1 was not resolved")
    };
    let mut instance = instance;
    for _ in 0..3 {
        instance = instance.reopened().await;
        let engine = &*instance.engine;
        assert_eq!(answer(engine, given(deposit("a", 5), "t2")).await, voided(2));
        assert_eq!(answer(engine, given(deposit("a", 5), "t1")).await, again(&first));
        let told = ask_one(engine, resolve("t1")).await;
        let same = matches!(&told, Outcome::Resolved { transaction: told, duplicate: true }
            if *told == transaction);
        assert!(same, "{told:?}");
        let void = ask_one(engine, resolve("t2")).await;
        assert!(matches!(void, Outcome::Resolved { duplicate: true, .. }), "{void:?}");
        assert_eq!(engine.seq_durable().get(), 2);
    }
    // A name that nobody used in any life is free.
    let outcome = ask_one(&*instance.engine, resolve("t3")).await;
    assert!(matches!(outcome, Outcome::Resolved { duplicate: false, .. }), "{outcome:?}");
}
