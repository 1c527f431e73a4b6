//! What a restart leaves as it was: everything.

use ledger::model::Answer;

use super::Instance;
use super::ask::{
    again, answer, deposit, done, given, held, init, made, refused, transfer, withdraw,
};

/// A ledger in which nothing happened reopens so, again and again.
pub async fn an_empty_ledger_reopens_empty(instance: Instance) {
    let instance = instance.reopened().await.reopened().await;
    let engine = &*instance.engine;
    assert_eq!(engine.seq_durable().get(), 0);
    assert_eq!(held(engine, &["a"]).await.0, [None]);
    assert_eq!(answer(engine, given(deposit("a", 1), "t1")).await, done(1, &[("a", 0, 1)]));
}

/// Every account has its balance, and an account that was not opened is still none.
pub async fn balances_outlive_a_restart(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(init(&[("a", 100), ("b", 0), ("\u{e9}\"\\", 3)]), "t1")).await;
    answer(engine, given(transfer("a", "c", 60), "t2")).await;
    answer(engine, given(withdraw("d", 60), "t3")).await;
    let names = ["a", "b", "c", "d", "\u{e9}\"\\"];
    let (before, _) = held(engine, &names).await;
    assert_eq!(before, [Some(40), Some(0), Some(60), None, Some(3)]);
    let instance = instance.reopened().await;
    assert_eq!(held(&*instance.engine, &names).await.0, before);
    let instance = instance.reopened().await;
    assert_eq!(held(&*instance.engine, &names).await.0, before);
}

/// Duplicates, recorded refusals and conflicts are answered as before the restart; what was not
/// recorded is asked anew.
pub async fn answers_outlive_a_restart(instance: Instance) {
    let requests = [
        given(init(&[("a", 100), ("b", 0)]), "t1"),
        given(deposit("a", 50), "t2"),
        made(withdraw("a", 30), "t3"),
        given(transfer("a", "b", 20), "t4"),
        given(transfer("b", "a", 1_000), "t5"),
        given(deposit("a", ledger::limits::BALANCE_MAX), "t6"),
    ];
    let mut firsts = Vec::new();
    for request in &requests {
        firsts.push(answer(&*instance.engine, request.clone()).await);
    }
    let unrecorded = answer(&*instance.engine, made(withdraw("c", 1), "t7")).await;
    assert_eq!(unrecorded, refused("insufficient_funds", 0, None));
    let mut instance = instance;
    for _ in 0..2 {
        instance = instance.reopened().await;
        let engine = &*instance.engine;
        for (request, first) in requests.iter().zip(&firsts) {
            assert_eq!(answer(engine, request.clone()).await, again(first));
        }
        for n in 1..=6 {
            let other = given(deposit("a", 51), &format!("t{n}"));
            assert_eq!(answer(engine, other).await, Answer::TxIdReused);
        }
        assert_eq!(engine.seq_durable().get(), 6);
        assert_eq!(answer(engine, made(withdraw("c", 1), "t7")).await, unrecorded);
    }
}

/// The sequence goes on where it stopped, over any number of restarts.
pub async fn seqs_go_on_after_a_restart(instance: Instance) {
    let mut instance = instance;
    for n in 1..=5_u64 {
        let engine = &*instance.engine;
        assert_eq!(engine.seq_durable().get(), n - 1);
        let held_before = i128::from(n - 1);
        let next = answer(engine, given(deposit("a", 1), &format!("t{n}"))).await;
        assert_eq!(next, done(n, &[("a", held_before, held_before + 1)]));
        instance = instance.reopened().await;
    }
    assert_eq!(held(&*instance.engine, &["a"]).await, (vec![Some(5)], ledger::Seq::new(5)));
}
