//! One sequence of all events, and batches that run in order.

use std::collections::BTreeSet;

use journal::limits::RECORD_BYTES_MAX;
use ledger::limits::ACCOUNT_ID_BYTES_MAX;
use ledger::model::Answer;

use super::Instance;
use super::ask::{
    account, answer, answer_of, ask, ask_one, balances, deposit, done, given, held, held_of, init,
    made, refused, transfer, withdraw,
};
use crate::seam::{Outcome, Request, Unavailable};

/// Requests of a batch that no buffer of a test's engine holds at once.
const BATCH_REQUESTS: i64 = 3_000;

/// Nothing asked, nothing answered.
pub async fn an_empty_batch_has_no_outcomes(instance: Instance) {
    assert!(ask(&*instance.engine, vec![]).await.is_empty());
}

/// Each request of a batch meets what the ones before it did, and not what comes after.
pub async fn a_batch_runs_in_order_and_reads_see_the_writes_before_them(instance: Instance) {
    let engine = &*instance.engine;
    let batch = vec![
        balances(&["alice", "bob"]),
        given(deposit("alice", 100), "t1"),
        Request::Balance(account("alice")),
        given(transfer("alice", "bob", 60), "t2"),
        balances(&["bob", "alice"]),
        given(withdraw("alice", 41), "t3"),
        given(withdraw("alice", 40), "t4"),
        Request::Balance(account("alice")),
    ];
    let outcomes = ask(engine, batch).await;
    let [before, t1, alice, t2, both, t3, t4, after] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!(held_of(before).0, [None, None]);
    assert_eq!(answer_of(t1), done(1, &[("alice", 0, 100)]));
    assert_eq!(held_of(alice), (vec![Some(100)], ledger::Seq::new(1)));
    assert_eq!(answer_of(t2), done(2, &[("alice", 100, 40), ("bob", 0, 60)]));
    assert_eq!(held_of(both), (vec![Some(60), Some(40)], ledger::Seq::new(2)));
    assert_eq!(answer_of(t3), refused("insufficient_funds", 40, Some(3)));
    assert_eq!(answer_of(t4), done(4, &[("alice", 40, 0)]));
    assert_eq!(held_of(after), (vec![Some(0)], ledger::Seq::new(4)));
}

/// Changes and recorded refusals take one seq each, from 1 on; nothing else takes any.
pub async fn seqs_begin_at_one_and_have_no_gaps(instance: Instance) {
    let engine = &*instance.engine;
    let batch = vec![
        given(deposit("a", 10), "t1"),
        Request::Balance(account("a")),
        given(withdraw("a", 11), "t2"),
        made(withdraw("a", 12), "t3"),
        given(deposit("a", 10), "t1"),
        given(deposit("a", 9), "t1"),
        balances(&["a", "b"]),
        made(deposit("b", 5), "t4"),
        given(init(&[("a", 1), ("c", 2)]), "t5"),
    ];
    let mut seqs = Vec::new();
    for outcome in ask(engine, batch).await {
        match outcome {
            Outcome::Done { seq, duplicate: false, .. }
            | Outcome::Refused { seq: Some(seq), duplicate: false, .. } => seqs.push(seq.get()),
            Outcome::Done { .. }
            | Outcome::Refused { .. }
            | Outcome::Balance { .. }
            | Outcome::Balances { .. }
            | Outcome::Conflict { .. } => {}
            Outcome::Resolved { .. } | Outcome::Unavailable(_) | Outcome::Unknown { .. } => {
                panic!("{outcome:?}")
            }
        }
    }
    assert_eq!(seqs, [1, 2, 3, 4]);
    assert_eq!(engine.seq_durable().get(), 4);
}

/// A batch may be larger than whatever the engine buffers: it runs whole and in order.
pub async fn a_batch_larger_than_the_buffer_runs_whole(instance: Instance) {
    let engine = &*instance.engine;
    let batch = (1..=BATCH_REQUESTS).map(|n| given(deposit("a", n), &format!("{n:0>100}")));
    let outcomes = ask(engine, batch.collect()).await;
    let mut held_before = 0;
    for (n, outcome) in (1..=BATCH_REQUESTS).zip(&outcomes) {
        let held_after = held_before + i128::from(n);
        let expected = done(n.unsigned_abs(), &[("a", held_before, held_after)]);
        assert_eq!(answer_of(outcome), expected);
        held_before = held_after;
    }
}

/// A command whose record would pass the largest that there is was certainly not written, in
/// whatever company it comes: what is before it and behind it runs.
pub async fn a_command_too_large_for_a_record_is_certainly_not_written(instance: Instance) {
    let engine = &*instance.engine;
    let count = RECORD_BYTES_MAX / ACCOUNT_ID_BYTES_MAX + 1;
    let names: Vec<String> = (0..count).map(|n| format!("{n:0>64}")).collect();
    let openings: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let first = openings.first().expect("there are many").0;
    let batch = vec![
        given(deposit("a", 1), "t1"),
        given(init(&openings), "t2"),
        given(deposit("a", 1), "t3"),
    ];
    let outcomes = ask(engine, batch).await;
    let [before, too_large, behind] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert_eq!(answer_of(before), done(1, &[("a", 0, 1)]));
    assert!(matches!(too_large, Outcome::Unavailable(Unavailable::TooLarge)));
    assert_eq!(answer_of(behind), done(2, &[("a", 1, 2)]));
    assert_eq!(held(engine, &[first, "a"]).await.0, [None, Some(2)]);
    let tx_id_is_free = answer(engine, given(deposit("a", 5), "t2")).await;
    assert_eq!(tx_id_is_free, done(3, &[("a", 2, 7)]));
}

/// What the accounts hold together is what came in less what went out, after every kind of
/// change and refusal.
pub async fn money_is_neither_made_nor_lost(instance: Instance) {
    let engine = &*instance.engine;
    let names = ["a", "b", "c", "d"];
    answer(engine, given(init(&[("a", 1_000), ("b", 1_000)]), "init")).await;
    let mut expected = 2_000;
    let mut kinds_seen = BTreeSet::new();
    for n in 0..200_usize {
        let name = |n: usize| names.get(n % names.len()).expect("within its length");
        let (from, to) = (name(n), name(n / 4 + n + 1));
        let amount = 1 + i64::try_from(n * n % 777).expect("small");
        let tx_id = format!("t{n}");
        let command = match n % 5 {
            0 => deposit(to, amount),
            1 => withdraw(from, amount),
            _ if from == to => continue,
            _ => transfer(from, to, amount),
        };
        let outcome = ask_one(engine, given(command, &tx_id)).await;
        match (answer_of(&outcome), n % 5) {
            (Answer::Done { .. }, 0) => expected += amount,
            (Answer::Done { .. }, 1) => expected -= amount,
            (Answer::Done { .. }, _) => {
                kinds_seen.insert("moved");
            }
            (Answer::Refused { .. }, _) => {
                kinds_seen.insert("refused");
            }
            (Answer::TxIdReused, _) => panic!("{outcome:?}"),
        }
        let (held, _) = held(engine, &names).await;
        assert_eq!(held.iter().flatten().sum::<i64>(), expected, "after {outcome:?}");
    }
    assert_eq!(kinds_seen.len(), 2, "the case must meet both outcomes of a transfer");
}
