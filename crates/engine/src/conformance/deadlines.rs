//! A request that comes after its deadline is not executed.

use ledger::Rejection;
use ledger::model::Answer;

use super::Instance;
use super::ask::{
    again, answer, ask_one, deposit, done, given, given_until, held, late, made, resolve, transfer,
    with_deadline, withdraw,
};
use super::books::{FAR_US, PAST_US};
use crate::seam::Outcome;

/// A late request is refused, tells its deadline, and opens and changes nothing. Its tx_id stands
/// for that refusal from then on, with whatever deadline it is asked again.
pub async fn what_comes_after_its_deadline_is_refused_and_recorded(instance: Instance) {
    let engine = &*instance.engine;
    let outcome = ask_one(engine, given_until(deposit("a", 5), "t1", PAST_US)).await;
    assert!(
        matches!(&outcome, Outcome::Refused { rejection, seq: Some(seq), .. }
            if *rejection == Rejection::DeadlinePassed { not_after_us: PAST_US } && seq.get() == 1),
        "{outcome:?}"
    );
    assert_eq!(held(engine, &["a"]).await.0, [None]);
    for request in [
        given_until(deposit("a", 5), "t1", PAST_US),
        given_until(deposit("a", 5), "t1", FAR_US),
        given(deposit("a", 5), "t1"),
    ] {
        assert_eq!(answer(engine, request).await, again(&late(Some(1))));
    }
    assert_eq!(answer(engine, given(deposit("a", 6), "t1")).await, Answer::TxIdReused);
    assert_eq!(answer(engine, given(deposit("a", 5), "t2")).await, done(2, &[("a", 0, 5)]));
    let settled = ask_one(engine, resolve("t1")).await;
    assert!(matches!(settled, Outcome::Resolved { duplicate: true, .. }), "{settled:?}");
}

/// A request that comes in time is executed as if it had no deadline.
pub async fn what_comes_before_its_deadline_is_executed(instance: Instance) {
    let engine = &*instance.engine;
    let first = answer(engine, given_until(deposit("a", 5), "t1", FAR_US)).await;
    assert_eq!(first, done(1, &[("a", 0, 5)]));
    let second = answer(engine, with_deadline(made(transfer("a", "b", 2), "t2"), FAR_US)).await;
    assert_eq!(second, done(2, &[("a", 5, 3), ("b", 0, 2)]));
    let no = answer(engine, given_until(withdraw("a", 4), "t3", FAR_US)).await;
    assert!(matches!(no, Answer::Refused { code: "insufficient_funds", seq: Some(3), .. }));
}

/// A deadline is no part of what a tx_id is bound to: what was executed stays so, however late it
/// is asked for again.
pub async fn what_was_executed_in_time_stays_so_whatever_the_deadline(instance: Instance) {
    let engine = &*instance.engine;
    let first = answer(engine, given_until(deposit("a", 5), "t1", FAR_US)).await;
    let no = answer(engine, given(withdraw("a", 6), "t2")).await;
    for deadline_us in [PAST_US, FAR_US] {
        let same = answer(engine, given_until(deposit("a", 5), "t1", deadline_us)).await;
        assert_eq!(same, again(&first));
        let same = answer(engine, given_until(withdraw("a", 6), "t2", deadline_us)).await;
        assert_eq!(same, again(&no));
        let other = answer(engine, given_until(deposit("a", 6), "t1", deadline_us)).await;
        assert_eq!(other, Answer::TxIdReused);
    }
    assert_eq!(held(engine, &["a"]).await.0, [Some(5)]);
}

/// Nobody can ask again for a request whose tx_id the server made, so nothing is recorded.
pub async fn a_late_request_without_a_tx_id_is_not_recorded(instance: Instance) {
    let engine = &*instance.engine;
    let no = answer(engine, with_deadline(made(deposit("a", 5), "t1"), PAST_US)).await;
    assert_eq!(no, late(None));
    assert_eq!(engine.seq_durable().get(), 0);
    assert_eq!(answer(engine, made(deposit("a", 5), "t1")).await, done(1, &[("a", 0, 5)]));
}

/// What was refused as late is refused after a restart, and what was executed is not.
pub async fn deadlines_that_passed_outlive_a_restart(instance: Instance) {
    let first = answer(&*instance.engine, given_until(deposit("a", 5), "t1", FAR_US)).await;
    let no = answer(&*instance.engine, given_until(deposit("a", 5), "t2", PAST_US)).await;
    assert_eq!(no, late(Some(2)));
    let instance = instance.reopened().await;
    let engine = &*instance.engine;
    assert_eq!(answer(engine, given(deposit("a", 5), "t2")).await, again(&no));
    let same = answer(engine, given_until(deposit("a", 5), "t1", PAST_US)).await;
    assert_eq!(same, again(&first));
    assert_eq!(engine.seq_durable().get(), 2);
}
