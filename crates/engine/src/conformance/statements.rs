//! The statement of an account: its lines lead from one balance to another, and its pages join.

use std::collections::BTreeSet;

use ledger::{AccountId, Seq};

use super::Instance;
use super::ask::{account, deposit, given, init, read, transfer};
use super::books::{Books, FAR_US};
use super::history::busy_bank;
use crate::query::{
    Moment, Order, PAGE_MAX, Query, Reading, Statement, StatementLine, StatementPage,
};
use crate::seam::Engine;

const ORDERS: [Order; 2] = [Order::NewestFirst, Order::OldestFirst];

fn whole(order: Order, limit: usize) -> StatementPage {
    StatementPage { from: None, to: None, order, limit, after: None, end: None }
}

async fn page(engine: &dyn Engine, account: &AccountId<'static>, page: StatementPage) -> Statement {
    let reading = read(engine, Query::Statement { account: account.clone(), page }).await;
    let Reading::Statement(statement) = reading else { panic!("{reading:?}") };
    statement
}

/// The changes of a page lead from `before` to `after`.
fn assert_adds_up(statement: &Statement) {
    let changes: i64 = statement.lines.iter().map(|line| line.change).sum();
    assert_eq!(statement.before.get() + changes, statement.after.get(), "{statement:?}");
}

/// Every page of a part of the history is the naive bank's, for every account, in both orders;
/// and behind a page comes the next.
pub async fn statements_show_every_change_once_in_either_order(instance: Instance) {
    let books = busy_bank(&*instance.engine).await;
    let mut instance = instance;
    for limit in [1, 3, PAGE_MAX] {
        for name in ["a", "b", "c", "ab", "nobody"] {
            for order in ORDERS {
                check_pages(&*instance.engine, &books, name, whole(order, limit)).await;
            }
        }
        instance = instance.reopened().await;
    }
}

/// Reads all pages of a part of the history; each is the naive bank's.
async fn check_pages(
    engine: &dyn Engine,
    books: &Books,
    name: &'static str,
    first: StatementPage,
) -> Vec<StatementLine> {
    let mut next = first;
    let mut lines = Vec::new();
    loop {
        let query = Query::Statement { account: account(name), page: next };
        let Reading::Statement(statement) = books.check(engine, query).await else {
            panic!("a statement was asked for")
        };
        assert_adds_up(&statement);
        lines.extend(statement.lines);
        next = StatementPage { after: statement.next, end: Some(statement.as_of), ..next };
        if statement.next.is_none() {
            return lines;
        }
    }
}

/// A part may be named by seqs and by times, which both belong to it.
pub async fn a_statement_may_begin_and_end_at_a_seq_or_a_time(instance: Instance) {
    let engine = &*instance.engine;
    let books = busy_bank(engine).await;
    let times: BTreeSet<u64> = books.model.events().iter().map(|one| one.at_us).collect();
    let times = times.into_iter().step_by(3).chain([0, FAR_US]).map(Moment::Time);
    let seqs = (0..=books.model.seq() + 2).step_by(7).map(|seq| Moment::Seq(Seq::new(seq)));
    let moments: Vec<Option<Moment>> = seqs.chain(times).map(Some).chain([None]).collect();
    for from in &moments {
        for to in &moments {
            for order in ORDERS {
                let part = StatementPage { from: *from, to: *to, ..whole(order, 5) };
                check_pages(engine, &books, "a", part).await;
            }
        }
    }
}

/// Pages that rest on the first one's position join without a gap or an overlap while money
/// moves, and show nothing that came in between.
pub async fn pages_join_while_money_moves(instance: Instance) {
    let engine = &*instance.engine;
    let mut books = busy_bank(engine).await;
    for (n, order) in ORDERS.into_iter().enumerate() {
        let end = books.model.seq();
        let expected: Vec<u64> = books.model.statement("a").iter().map(|line| line.seq).collect();
        let mut next = StatementPage { end: None, ..whole(order, 4) };
        let mut seqs = Vec::new();
        let mut leads_to = None;
        for moves in 0.. {
            let statement = page(engine, &account("a"), next).await;
            assert_eq!(statement.as_of.get(), end);
            assert_adds_up(&statement);
            let (near, far) = match order {
                Order::NewestFirst => (statement.after, statement.before),
                Order::OldestFirst => (statement.before, statement.after),
            };
            assert!(leads_to.is_none_or(|held| held == near), "pages join: {statement:?}");
            leads_to = Some(far);
            seqs.extend(statement.lines.iter().map(|line| line.seq.get()));
            next = StatementPage { after: statement.next, end: Some(statement.as_of), ..next };
            if statement.next.is_none() {
                break;
            }
            let requests = vec![
                given(deposit("a", 5), &format!("in {n} {moves}")),
                given(transfer("a", "b", 1), &format!("out {n} {moves}")),
            ];
            books.ask(engine, requests).await;
        }
        if order == Order::NewestFirst {
            seqs.reverse();
        }
        assert_eq!(seqs, expected);
        assert!(books.model.seq() > end, "money must move meanwhile");
    }
}

/// An account that never was has no history; one that was opened with nothing has one line.
pub async fn an_account_without_money_has_a_statement_and_an_unknown_one_has_none(
    instance: Instance,
) {
    let engine = &*instance.engine;
    let mut books = Books::default();
    books.ask(engine, vec![given(init(&[("empty", 0)]), "t1")]).await;
    for order in ORDERS {
        let empty = page(engine, &account("empty"), whole(order, 10)).await;
        assert_eq!((empty.exists, empty.lines.len()), (true, 1));
        let unknown = page(engine, &account("nobody"), whole(order, 10)).await;
        assert_eq!((unknown.exists, unknown.lines.len(), unknown.as_of.get()), (false, 0, 1));
        let before = StatementPage { end: Some(Seq::ZERO), ..whole(order, 10) };
        let before = page(engine, &account("empty"), before).await;
        assert_eq!((before.exists, before.lines.len(), before.as_of.get()), (false, 0, 0));
    }
}
