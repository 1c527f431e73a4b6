//! What a question tells.

use super::Instance;
use super::ask::{account, answer, ask_one, balances, deposit, done, given, held, held_of, init};
use crate::seam::Request;

/// An account that nobody opened has no balance, however often it is asked for, alone or among
/// others.
pub async fn an_unknown_account_has_no_balance_and_asking_opens_nothing(instance: Instance) {
    let engine = &*instance.engine;
    for _ in 0..2 {
        let alone = ask_one(engine, Request::Balance(account("nobody"))).await;
        assert_eq!(held_of(&alone).0, [None]);
        assert_eq!(held(engine, &["nobody", "no one"]).await.0, [None, None]);
    }
    let first = answer(engine, given(deposit("nobody", 1), "t1")).await;
    assert_eq!(first, done(1, &[("nobody", 0, 1)]), "asking took no seq");
}

/// Several balances come in the order asked, with one position that is no lower than the last
/// change of any of them.
pub async fn several_balances_are_answered_in_the_order_asked_at_one_position(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(init(&[("a", 1), ("b", 2), ("c", 3)]), "t1")).await;
    answer(engine, given(deposit("b", 40), "t2")).await;
    let (held_now, as_of) = held(engine, &["c", "nobody", "b", "a"]).await;
    assert_eq!(held_now, [Some(3), None, Some(42), Some(1)]);
    assert_eq!(as_of.get(), 2, "no lower than the last change, no higher than the last event");
    assert_eq!(held(engine, &[]).await.0, []);
}

/// A name that stands twice in a question is answered twice, with the same balance.
pub async fn an_account_asked_for_twice_is_answered_twice(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(init(&[("a", 1), ("b", 2)]), "t1")).await;
    let asked = balances(&["b", "a", "b", "nobody", "b", "nobody", "a"]);
    let read = ask_one(engine, asked).await;
    let expected = [Some(2), Some(1), Some(2), None, Some(2), None, Some(1)];
    assert_eq!(held_of(&read).0, expected);
}

/// An account that was opened with nothing is there, unlike one that was never opened.
pub async fn an_account_of_balance_zero_exists(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(init(&[("empty", 0)]), "t1")).await;
    assert_eq!(held(engine, &["empty", "unknown"]).await.0, [Some(0), None]);
    let alone = ask_one(engine, Request::Balance(account("empty"))).await;
    assert_eq!(held_of(&alone).0, [Some(0)]);
}
