//! A tx_id happens once, and is bound to its content and to its answer.

use super::Instance;
use super::ask::{
    again, answer, answer_of, ask, deposit, done, given, held, init, made, refused, transfer,
    withdraw,
};
use ledger::model::Answer;

/// The same request under the same tx_id changes nothing and gets the first answer, seq
/// included, whatever has happened in between.
pub async fn the_same_request_again_gets_the_same_answer(instance: Instance) {
    let engine = &*instance.engine;
    let requests = [
        given(init(&[("a", 100), ("b", 0)]), "t1"),
        given(deposit("a", 50), "t2"),
        given(withdraw("a", 30), "t3"),
        given(transfer("a", "b", 20), "t4"),
        given(transfer("b", "a", 1_000), "t5"),
        given(deposit("a", ledger::limits::BALANCE_MAX), "t6"),
    ];
    let mut firsts = Vec::new();
    for request in &requests {
        firsts.push(answer(engine, request.clone()).await);
    }
    let last = engine.seq_durable();
    for (request, first) in requests.iter().zip(&firsts) {
        assert_eq!(answer(engine, request.clone()).await, again(first));
    }
    assert_eq!(held(engine, &["a", "b"]).await.0, [Some(100), Some(20)]);
    assert_eq!(engine.seq_durable(), last, "a duplicate takes no seq");
}

/// A repetition is one also when both arrive together.
pub async fn a_repetition_in_the_same_batch_is_a_duplicate(instance: Instance) {
    let engine = &*instance.engine;
    let batch = vec![
        given(deposit("a", 5), "t1"),
        given(deposit("a", 5), "t1"),
        given(withdraw("a", 6), "t2"),
        given(deposit("a", 5), "t3"),
        given(withdraw("a", 6), "t2"),
        given(deposit("a", 5), "t1"),
    ];
    let answers: Vec<Answer> = ask(engine, batch).await.iter().map(answer_of).collect();
    let first = done(1, &[("a", 0, 5)]);
    let no = refused("insufficient_funds", 5, Some(2));
    let third = done(3, &[("a", 5, 10)]);
    assert_eq!(
        answers,
        [first.clone(), again(&first), no.clone(), third, again(&no), again(&first)]
    );
}

/// A tx_id that stands for something else is refused; the first request keeps its answer.
pub async fn other_content_under_a_tx_id_is_a_conflict_and_changes_nothing(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(init(&[("a", 100), ("b", 100), ("c", 0)]), "init")).await;
    let requests = [
        given(transfer("a", "b", 10), "t1"),
        given(deposit("a", 10), "t2"),
        given(withdraw("c", 10), "t3"),
    ];
    let mut firsts = Vec::new();
    for request in &requests {
        firsts.push(answer(engine, request.clone()).await);
    }
    let (held_before, _) = held(engine, &["a", "b", "c", "d"]).await;
    for tx_id in ["t1", "t2", "t3", "init"] {
        for other in [
            transfer("a", "b", 11),
            transfer("b", "a", 10),
            transfer("a", "d", 10),
            deposit("a", 11),
            deposit("b", 10),
            withdraw("a", 10),
            withdraw("c", 11),
            deposit("c", 10),
            init(&[("a", 100), ("b", 100)]),
            init(&[("a", 100), ("b", 100), ("d", 0)]),
            init(&[("a", 100), ("b", 100), ("c", 1)]),
            init(&[("a", 100), ("b", 100), ("c", 0), ("d", 0)]),
            init(&[("a", 10)]),
            init(&[]),
        ] {
            let asked = given(other, tx_id);
            assert_eq!(answer(engine, asked.clone()).await, Answer::TxIdReused, "{asked:?}");
        }
    }
    assert_eq!(held(engine, &["a", "b", "c", "d"]).await.0, held_before);
    for (request, first) in requests.iter().zip(&firsts) {
        assert_eq!(answer(engine, request.clone()).await, again(first));
    }
    assert_eq!(engine.seq_durable().get(), 4, "a conflict takes no seq");
}

/// An object has no order: the same opening balances in another one are the same request.
pub async fn opening_balances_in_another_order_are_the_same_request(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(deposit("b", 7), "t1")).await;
    answer(engine, given(init(&[("a", 1), ("b", 2), ("c", 3)]), "t2")).await;
    let repeated = answer(engine, given(init(&[("c", 3), ("a", 1), ("b", 2)]), "t2")).await;
    let legs = [("c", 0, 3), ("a", 0, 1), ("b", 7, 2)];
    assert_eq!(repeated, again(&done(2, &legs)), "each leg under its own name");
}

/// A no that was recorded stays a no: a retry can never turn it into a yes.
pub async fn a_recorded_refusal_stays_a_refusal_when_money_comes(instance: Instance) {
    let engine = &*instance.engine;
    let no = answer(engine, given(withdraw("a", 100), "t1")).await;
    assert_eq!(no, refused("insufficient_funds", 0, Some(1)));
    answer(engine, given(deposit("a", 1_000), "t2")).await;
    assert_eq!(answer(engine, given(withdraw("a", 100), "t1")).await, again(&no));
    assert_eq!(held(engine, &["a"]).await.0, [Some(1_000)]);
    let under_a_new_name = answer(engine, given(withdraw("a", 100), "t3")).await;
    assert_eq!(under_a_new_name, done(3, &[("a", 1_000, 900)]));
}

/// Nobody can ask again for a refusal whose tx_id the server made, so it takes no seq and binds
/// nothing.
pub async fn a_refusal_of_a_request_without_a_tx_id_is_not_recorded(instance: Instance) {
    let engine = &*instance.engine;
    let no = answer(engine, made(withdraw("a", 100), "t1")).await;
    assert_eq!(no, refused("insufficient_funds", 0, None));
    assert_eq!(answer(engine, made(withdraw("a", 100), "t1")).await, no);
    answer(engine, given(deposit("a", 100), "t2")).await;
    let yes = answer(engine, made(withdraw("a", 100), "t1")).await;
    assert_eq!(yes, done(2, &[("a", 100, 0)]));
}

/// A change tells the tx_id that the server made for it, and whoever asks with that gets the
/// same answer.
pub async fn a_change_without_a_given_tx_id_can_be_asked_for_again(instance: Instance) {
    let engine = &*instance.engine;
    let first = answer(engine, made(deposit("a", 5), "t1")).await;
    assert_eq!(answer(engine, given(deposit("a", 5), "t1")).await, again(&first));
    assert_eq!(answer(engine, made(deposit("a", 5), "t1")).await, again(&first));
    assert_eq!(answer(engine, given(deposit("a", 6), "t1")).await, Answer::TxIdReused);
}

/// tx_ids are not folded, trimmed, normalised or cut.
pub async fn tx_ids_are_compared_byte_for_byte(instance: Instance) {
    let engine = &*instance.engine;
    let long = "t".repeat(127);
    let (long_a, long_b) = (format!("{long}a"), format!("{long}b"));
    let tx_ids =
        ["t", "T", " t", "t ", "\u{e9}", "e\u{301}", "\"t\"", "\\t", &long, &long_a, &long_b];
    let mut firsts = Vec::new();
    for (n, tx_id) in (1_i64..).zip(tx_ids) {
        let first = answer(engine, given(deposit("a", n), tx_id)).await;
        assert!(matches!(first, Answer::Done { duplicate: false, .. }), "{tx_id:?}: {first:?}");
        firsts.push(first);
    }
    for ((n, tx_id), first) in (1_i64..).zip(tx_ids).zip(&firsts) {
        assert_eq!(answer(engine, given(deposit("a", n), tx_id)).await, again(first), "{tx_id:?}");
    }
}
