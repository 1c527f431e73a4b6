//! Reading what happened: by tx_id, by seq, in pages; the past balances; lists and totals. Every
//! reading is the naive bank's.

use std::borrow::Cow;
use std::future::poll_fn;
use std::task::Poll;

use ledger::Seq;

use super::Instance;
use super::ask::{
    account, ask_one, deposit, given, given_until, init, made, read, resolve, transfer, tx_id,
    with_deadline, withdraw,
};
use super::books::{Books, FAR_US, PAST_US};
use crate::query::{Moment, Named, PAGE_ACCOUNTS_MAX, PAGE_MAX, Query, Reading, Span};
use crate::seam::{Engine, Request};

/// Some of everything, in more events than fit into a few runs of an index.
pub(super) fn busy_requests() -> Vec<Request<'static>> {
    let mut requests = vec![given(init(&[("a", 1_000), ("b", 500), ("ab", 0)]), "init")];
    let names = ["a", "b", "c", "ab", "a/1", "\u{e9}"];
    let mut pairs = names.iter().zip(names.iter().cycle().skip(2)).cycle();
    for n in 0..60_i64 {
        let (from, to) = pairs.next().expect("it goes on for ever");
        let id = format!("t{n}");
        requests.push(match n % 9 {
            0 => made(deposit(to, 10 + n), &id),
            1 => given(withdraw(from, 3 * n), &id),
            2 => resolve(&id),
            3 => given_until(deposit(from, n), &id, PAST_US),
            4 => given_until(transfer(from, to, n), &id, FAR_US),
            _ => given(transfer(from, to, 1 + n), &id),
        });
    }
    requests.push(given(init(&[("c", 7), ("a", 20)]), "init 2"));
    requests
}

/// A bank in which all of that happened, in batches.
pub(super) async fn busy_bank(engine: &dyn Engine) -> Books {
    let mut books = Books::default();
    for batch in busy_requests().chunks(7) {
        books.ask(engine, batch.to_vec()).await;
    }
    books
}

/// What happened under a tx_id or at a seq is told in full, also after a restart; where nothing
/// happened, nothing is told.
pub async fn a_transaction_is_found_by_its_tx_id_and_by_its_seq(instance: Instance) {
    let books = busy_bank(&*instance.engine).await;
    let mut instance = instance;
    for _ in 0..2 {
        let engine = &*instance.engine;
        for n in 0..=books.model.seq() + 1 {
            books.check(engine, Query::Transaction(Named::Seq(Seq::new(n)))).await;
        }
        for happened in books.model.events() {
            let named = Named::TxId(tx_id(&happened.tx_id));
            let reading = books.check(engine, Query::Transaction(named)).await;
            assert!(matches!(reading, Reading::Transaction { transaction: Some(_), .. }));
        }
        for unknown in ["t", "T0", "t00", "t60", "init "] {
            books.check(engine, Query::Transaction(Named::TxId(tx_id(unknown)))).await;
        }
        instance = instance.reopened().await;
    }
}

/// Pages of the journal follow one another without a gap, whatever their size and span.
pub async fn pages_of_transactions_join(instance: Instance) {
    let engine = &*instance.engine;
    let books = busy_bank(engine).await;
    let last = books.model.seq();
    let spans = [(0, None), (1, Some(last)), (5, Some(23)), (7, Some(7)), (9, Some(8))];
    for (first, to) in spans.into_iter().chain([(last, None), (last + 1, None)]) {
        for limit in [1, 2, 7, 16, PAGE_MAX] {
            let mut next = Some(Seq::new(first));
            let mut seqs = Vec::new();
            while let Some(from) = next {
                let span = Span { from, to: to.map(Seq::new), limit };
                let reading = books.check(engine, Query::Transactions(span)).await;
                let Reading::Transactions { transactions, next: behind, .. } = reading else {
                    panic!("{reading:?}")
                };
                seqs.extend(transactions.iter().map(|one| one.seq.get()));
                next = behind;
            }
            let end = to.unwrap_or(last).min(last);
            assert_eq!(seqs, (first.max(1)..=end).collect::<Vec<_>>());
        }
    }
}

/// A page is shorter than asked for where its transactions name many accounts, those of refused
/// requests included: what one answer takes in memory has a bound.
pub async fn a_page_ends_behind_transactions_that_name_many_accounts(instance: Instance) {
    const ACCOUNTS: usize = 1_000;
    const PAGE: usize = PAGE_ACCOUNTS_MAX / ACCOUNTS;
    let engine = &*instance.engine;
    let names: Vec<String> = (0..ACCOUNTS).map(|n| format!("n{n}")).collect();
    let openings: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    for n in 0..2 * PAGE + 1 {
        let done = given(init(&openings), &format!("t{n}"));
        let request = if n % 3 == 0 { done } else { with_deadline(done, PAST_US) };
        ask_one(engine, request).await;
    }
    let mut next = Some(Seq::new(1));
    let mut counts = Vec::new();
    while let Some(from) = next {
        let span = Span { from, to: None, limit: PAGE_MAX };
        let reading = read(engine, Query::Transactions(span)).await;
        let Reading::Transactions { transactions, next: behind, .. } = reading else {
            panic!("{reading:?}")
        };
        counts.push(transactions.len());
        next = behind;
    }
    assert_eq!(counts, [PAGE, PAGE, 1]);
}

/// Whoever was answered finds what he was told in the next reading.
pub async fn a_reading_shows_what_an_answer_before_it_showed(instance: Instance) {
    let engine = &*instance.engine;
    let mut books = Books::default();
    for n in 0..70 {
        let id = format!("t{n}");
        books.ask(engine, vec![given(deposit("a", 1), &id), made(deposit("b", 2), &id)]).await;
        books.check(engine, Query::Transaction(Named::TxId(tx_id(&id)))).await;
        let at = Moment::Seq(Seq::new(books.model.seq()));
        books.check(engine, Query::BalanceAt { account: account("a"), at }).await;
        books.check(engine, Query::Totals).await;
    }
}

/// Whoever waits for what lies behind a position is told once something does, and not before.
pub async fn a_waiter_is_told_once_something_lies_behind_its_position(instance: Instance) {
    let engine = &*instance.engine;
    let mut books = Books::default();
    for n in 1..=3 {
        let seq = Seq::new(books.model.seq());
        let mut waiting = engine.beyond(seq);
        let first = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
        assert!(first.is_pending(), "nothing lies behind {seq}: {first:?}");
        books.ask(engine, vec![given(deposit("a", n), &format!("t{n}"))]).await;
        let position = waiting.await.expect("the engine runs");
        assert!(position > seq && position.get() <= books.model.seq(), "{position} behind {seq}");
    }
    // What lies behind already is told at once.
    assert_eq!(engine.beyond(Seq::ZERO).await, Ok(Seq::new(books.model.seq())));
}

/// What an account held behind any event and at any time; nothing is said of what lies ahead.
pub async fn a_balance_is_told_as_it_was_at_every_seq_and_time(instance: Instance) {
    let books = busy_bank(&*instance.engine).await;
    let mut instance = instance;
    for _ in 0..2 {
        let engine = &*instance.engine;
        let seqs = (0..=books.model.seq() + 1).map(|seq| Moment::Seq(Seq::new(seq)));
        let times = books.model.events().iter().flat_map(|one| [one.at_us - 1, one.at_us]);
        let times = times.chain([0, PAST_US, FAR_US]).map(Moment::Time);
        for at in seqs.chain(times) {
            for name in ["a", "ab", "nobody"] {
                books.check(engine, Query::BalanceAt { account: account(name), at }).await;
            }
        }
        instance = instance.reopened().await;
    }
}

/// Accounts come by name, byte for byte, those with a prefix, in pages, with their balances; and
/// are counted.
pub async fn accounts_are_listed_by_name_in_pages(instance: Instance) {
    let mut books = busy_bank(&*instance.engine).await;
    let mut instance = instance;
    for round in 0..2 {
        let engine = &*instance.engine;
        for prefix in ["", "a", "ab", "a/", "\u{e9}", "z", "A", "\0", "a\0", "a\u{1f}"] {
            for limit in [1, 2, 5, PAGE_MAX] {
                let mut after = None;
                loop {
                    let query = Query::Accounts {
                        prefix: Cow::Borrowed(prefix),
                        after: after.clone(),
                        limit,
                        count: limit % 2 == 1,
                    };
                    let reading = books.check(engine, query).await;
                    let Reading::Accounts { next, .. } = reading else { panic!("{reading:?}") };
                    after = next;
                    if after.is_none() {
                        break;
                    }
                }
            }
        }
        let opened = given(deposit(&format!("ab{round}"), 3), &format!("opened {round}"));
        books.ask(engine, vec![opened]).await;
        instance = instance.reopened().await;
    }
}

/// The bank as a whole, after every event and after a restart.
pub async fn totals_are_those_of_all_events(instance: Instance) {
    let mut books = Books::default();
    books.check(&*instance.engine, Query::Totals).await;
    for request in busy_requests() {
        books.ask(&*instance.engine, vec![request]).await;
        books.check(&*instance.engine, Query::Totals).await;
    }
    let instance = instance.reopened().await;
    books.check(&*instance.engine, Query::Totals).await;
    let reading = read(&*instance.engine, Query::Totals).await;
    assert!(matches!(reading, Reading::Totals(totals)
        if totals.sum == totals.money_in - totals.money_out && totals.money_out > 0));
}
