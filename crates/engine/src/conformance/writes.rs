//! What a change does and what it tells.

use ledger::Rejection;
use ledger::limits::BALANCE_MAX;

use super::Instance;
use super::ask::{
    answer, ask, ask_one, deposit, done, given, held, held_of, init, made, refused, transfer,
    withdraw,
};
use crate::seam::{Outcome, Request};

/// The first deposit opens the account; each tells the balance before and after.
pub async fn a_deposit_opens_its_account(instance: Instance) {
    let engine = &*instance.engine;
    let first = answer(engine, given(deposit("alice", 250), "t1")).await;
    assert_eq!(first, done(1, &[("alice", 0, 250)]));
    let second = answer(engine, made(deposit("alice", 50), "t2")).await;
    assert_eq!(second, done(2, &[("alice", 250, 300)]));
    assert_eq!(held(engine, &["alice"]).await.0, [Some(300)]);
}

/// A withdrawal goes down to zero and not below.
pub async fn a_withdrawal_may_take_everything(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(deposit("alice", 250), "t1")).await;
    let some = answer(engine, given(withdraw("alice", 200), "t2")).await;
    assert_eq!(some, done(2, &[("alice", 250, 50)]));
    let too_much = answer(engine, given(withdraw("alice", 51), "t3")).await;
    assert_eq!(too_much, refused("insufficient_funds", 50, Some(3)));
    let rest = answer(engine, given(withdraw("alice", 50), "t4")).await;
    assert_eq!(rest, done(4, &[("alice", 50, 0)]));
    assert_eq!(held(engine, &["alice"]).await.0, [Some(0)]);
}

/// A transfer takes and gives the same amount, and opens the account that receives it.
pub async fn a_transfer_opens_its_receiver(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(deposit("alice", 100), "t1")).await;
    let there = answer(engine, given(transfer("alice", "bob", 70), "t2")).await;
    assert_eq!(there, done(2, &[("alice", 100, 30), ("bob", 0, 70)]));
    let back = answer(engine, given(transfer("bob", "alice", 70), "t3")).await;
    assert_eq!(back, done(3, &[("bob", 70, 0), ("alice", 30, 100)]));
    assert_eq!(held(engine, &["alice", "bob"]).await.0, [Some(100), Some(0)]);
}

/// A refused command opens none of the accounts that it names, recorded or not.
pub async fn a_refused_command_opens_nothing(instance: Instance) {
    let engine = &*instance.engine;
    let from_nobody = answer(engine, given(transfer("alice", "bob", 1), "t1")).await;
    assert_eq!(from_nobody, refused("insufficient_funds", 0, Some(1)));
    let by_nobody = answer(engine, made(withdraw("carol", 1), "t2")).await;
    assert_eq!(by_nobody, refused("insufficient_funds", 0, None));
    assert_eq!(held(engine, &["alice", "bob", "carol"]).await.0, [None, None, None]);
    answer(engine, given(deposit("alice", 5), "t3")).await;
    let too_much = answer(engine, given(transfer("alice", "bob", 6), "t4")).await;
    assert_eq!(too_much, refused("insufficient_funds", 5, Some(3)));
    assert_eq!(held(engine, &["alice", "bob"]).await.0, [Some(5), None]);
}

/// A refusal carries the balance, and a position no lower than that balance's last change: its
/// own seq when it was recorded.
pub async fn a_refusal_tells_the_balance_that_it_rests_on(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(deposit("alice", 100), "t1")).await;
    let recorded = ask_one(engine, given(withdraw("alice", 101), "t2")).await;
    let Outcome::Refused { rejection, seq: Some(seq), as_of, duplicate: false, .. } = recorded
    else {
        panic!("{recorded:?}")
    };
    assert!(matches!(rejection, Rejection::InsufficientFunds { balance } if balance.get() == 100));
    assert_eq!((seq.get(), as_of.get()), (2, 2));
    // In the batch of the deposit that it rests on, nothing of which is durable yet.
    let batch = vec![given(deposit("alice", 7), "t3"), made(withdraw("alice", 108), "t4")];
    let outcomes = ask(engine, batch).await;
    let Some(Outcome::Refused { rejection, seq: None, as_of, duplicate: false, .. }) =
        outcomes.last()
    else {
        panic!("{outcomes:?}")
    };
    assert!(matches!(rejection, Rejection::InsufficientFunds { balance } if balance.get() == 107));
    assert_eq!(as_of.get(), 3);
}

/// No balance passes 2^53 - 1: what would make it do so is refused, with that balance.
pub async fn a_balance_stays_in_its_range(instance: Instance) {
    let engine = &*instance.engine;
    let most = i128::from(BALANCE_MAX);
    let first = answer(engine, given(deposit("alice", BALANCE_MAX), "t1")).await;
    assert_eq!(first, done(1, &[("alice", 0, most)]));
    let more = answer(engine, given(deposit("alice", 1), "t2")).await;
    assert_eq!(more, refused("balance_out_of_range", most, Some(2)));
    answer(engine, given(deposit("bob", 1), "t3")).await;
    let over = answer(engine, given(transfer("bob", "alice", 1), "t4")).await;
    assert_eq!(over, refused("balance_out_of_range", most, Some(4)));
    assert_eq!(held(engine, &["alice", "bob"]).await.0, [Some(BALANCE_MAX), Some(1)]);
    let all = answer(engine, given(withdraw("alice", BALANCE_MAX), "t5")).await;
    assert_eq!(all, done(5, &[("alice", most, 0)]));
}

/// Opening balances replace what was there, and touch no other account.
pub async fn opening_balances_are_set_and_not_added(instance: Instance) {
    let engine = &*instance.engine;
    answer(engine, given(deposit("alice", 100), "t1")).await;
    answer(engine, given(deposit("carol", 9), "t2")).await;
    let set = answer(engine, given(init(&[("bob", 7), ("alice", 30)]), "t3")).await;
    assert_eq!(set, done(3, &[("bob", 0, 7), ("alice", 100, 30)]));
    let held = held(engine, &["alice", "bob", "carol"]).await.0;
    assert_eq!(held, [Some(30), Some(7), Some(9)]);
}

/// However many balances are set, it is one event, and it has the smallest and largest values.
pub async fn setting_balances_is_one_event(instance: Instance) {
    let engine = &*instance.engine;
    let names: Vec<String> = (0..500).map(|n| format!("account-{n}")).collect();
    let openings: Vec<(&str, i64)> = names
        .iter()
        .enumerate()
        .map(|(n, name)| (name.as_str(), if n % 2 == 0 { 0 } else { BALANCE_MAX }))
        .collect();
    let legs: Vec<(&str, i128, i128)> =
        openings.iter().map(|(name, held)| (*name, 0, i128::from(*held))).collect();
    let batch = vec![
        given(init(&openings), "t1"),
        given(init(&[]), "t2"),
        given(deposit("account-0", 1), "t3"),
    ];
    let outcomes = ask(engine, batch).await;
    let answers: Vec<_> = outcomes.iter().map(super::ask::answer_of).collect();
    assert_eq!(answers, [done(1, &legs), done(2, &[]), done(3, &[("account-0", 0, 1)])]);
}

/// Names are not folded, trimmed or normalised.
pub async fn account_names_are_compared_byte_for_byte(instance: Instance) {
    let engine = &*instance.engine;
    // Case; spaces; é composed and decomposed; quotes and backslashes; beyond the 16-bit plane;
    // as long as a name may be.
    let longest = "n".repeat(64);
    let names = [
        "ana",
        "Ana",
        " ana",
        "ana ",
        "\u{e9}",
        "e\u{301}",
        "\"",
        "\\",
        "\\\"",
        "\u{1f980}",
        "a@b",
        &longest,
    ];
    for (n, name) in (1_i64..).zip(names) {
        let answer = answer(engine, given(deposit(name, n), &format!("t{n}"))).await;
        assert_eq!(answer, done(n.unsigned_abs(), &[(name, 0, i128::from(n))]), "{name:?}");
    }
    let asked = names.iter().map(|name| super::ask::account(name)).collect();
    let read = ask_one(engine, Request::Balances(asked)).await;
    assert_eq!(held_of(&read).0, (1..=12).map(Some).collect::<Vec<_>>());
}
