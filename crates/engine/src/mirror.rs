//! What the naive bank says to a question about history: the opinion that every reading of an
//! engine is compared with. It goes through all events for every answer and shares no code with
//! the embedded engine.

use ledger::model::{Line, Model};
use ledger::{AccountId, Balance, By, Seq};

use crate::query::{
    AccountLine, Kind, Moment, Named, Order, Query, Reading, Span, Statement, StatementLine,
    StatementPage,
};

/// Says where `reading`, an answer to `query`, differs from what `bank` says; `None` when it is the
/// same in every field. `bank` stands at the position that the engine has reached, and
/// `now_us` is what the engine's clock says, in microseconds since the Unix epoch.
pub fn difference(
    bank: &Model,
    query: &Query<'_>,
    reading: &Reading,
    now_us: u64,
) -> Option<String> {
    let head = Seq::new(bank.seq());
    let same = match (query, reading) {
        (Query::Transaction(named), Reading::Transaction { transaction, as_of }) => {
            let expected = match named {
                Named::TxId(tx_id) => bank.transaction(tx_id.as_str()),
                Named::Seq(seq) => bank.events().iter().find(|one| one.seq == seq.get()),
            };
            let same = match (expected, transaction) {
                (None, None) => true,
                (Some(expected), Some(told)) => expected.is_told_by(told),
                (None, Some(_)) | (Some(_), None) => false,
            };
            same && *as_of == head
        }
        (Query::Transactions(span), Reading::Transactions { transactions, next, as_of }) => {
            let Span { from, to, limit } = *span;
            let is_asked = |seq| seq >= from && to.is_none_or(|to| seq <= to);
            let mut expected = bank.events().iter().filter(|one| is_asked(Seq::new(one.seq)));
            let page: Vec<_> = expected.by_ref().take(limit).collect();
            let next_expected = expected.next().map(|one| Seq::new(one.seq));
            page.len() == transactions.len()
                && page.iter().zip(transactions).all(|(expected, told)| expected.is_told_by(told))
                && *next == next_expected
                && *as_of == head
        }
        (Query::Statement { account, page }, Reading::Statement(told)) => {
            let expected = statement(bank, account, *page);
            if *told == expected {
                return None;
            }
            return Some(format!("{query:?} got {told:?}, the naive bank says {expected:?}"));
        }
        (Query::BalanceAt { account, at }, Reading::BalanceAt { balance, as_of }) => {
            let seq = match *at {
                Moment::Seq(seq) => seq.get(),
                Moment::Time(time_us) => bank.seq_at(time_us),
            };
            let held = balance.map(|held| i128::from(held.get()));
            !lies_ahead(*at, head, now_us)
                && as_of.get() == seq
                && held == bank.balance_at(account.as_str(), seq)
        }
        (Query::BalanceAt { at, .. }, Reading::NotYet { as_of }) => {
            lies_ahead(*at, head, now_us) && *as_of == head
        }
        (
            Query::Accounts { prefix, after, limit, count },
            Reading::Accounts { accounts, next, count: counted, as_of },
        ) => {
            let all: Vec<&String> =
                bank.balances().keys().filter(|name| name.starts_with(&**prefix)).collect();
            let is_behind =
                |name: &&&String| after.as_ref().is_none_or(|after| name.as_str() > after.as_str());
            let behind: Vec<_> = all.iter().filter(is_behind).collect();
            let is_line = |(name, told): (&&String, &AccountLine)| {
                let changes = bank.statement(name);
                let last = changes.last().map(|line| (line.seq, line.after));
                let shown = (told.seq.get(), i128::from(told.balance.get()));
                told.account.as_str() == name.as_str() && last == Some(shown)
            };
            let last = accounts.last().filter(|_| behind.len() > *limit);
            accounts.len() == behind.len().min(*limit)
                && behind.iter().copied().zip(accounts).all(is_line)
                && next.as_ref() == last.map(|last| &last.account)
                && *counted == count.then_some(all.len() as u64)
                && *as_of == head
        }
        (Query::Totals, Reading::Totals(totals)) => {
            let at_us = bank.events().last().map_or(0, |last| last.at_us);
            totals.accounts_count == bank.balances().len() as u64
                && totals.sum == bank.balances().values().sum::<i128>()
                && (totals.money_in, totals.money_out) == bank.money()
                && (totals.seq, totals.at_us) == (head, at_us)
        }
        (
            Query::Transaction(_)
            | Query::Transactions(_)
            | Query::Statement { .. }
            | Query::BalanceAt { .. }
            | Query::Accounts { .. }
            | Query::Totals,
            _,
        ) => false,
    };
    (!same).then(|| format!("{query:?} at {head} got {reading:?}"))
}

fn lies_ahead(at: Moment, head: Seq, now_us: u64) -> bool {
    match at {
        Moment::Seq(seq) => seq > head,
        Moment::Time(time_us) => time_us >= now_us,
    }
}

/// The page of a statement: all changes of the account, less those that were not asked for.
fn statement(bank: &Model, account: &AccountId<'_>, page: StatementPage) -> Statement {
    let StatementPage { from, to, order, limit, after, end } = page;
    let head = Seq::new(bank.seq());
    let end = end.map_or(head, |end| end.min(head));
    let mut lines = bank.statement(account.as_str());
    lines.retain(|line| Seq::new(line.seq) <= end);
    let exists = !lines.is_empty();
    // Not the lines alone: an empty page shows what was held where it would end.
    let is_before_end = |seq: u64, at_us: u64| {
        let is_in = match to {
            None => true,
            Some(Moment::Seq(to)) => seq <= to.get(),
            Some(Moment::Time(to_us)) => at_us <= to_us,
        };
        let is_behind = match (after, order) {
            (Some(after), Order::NewestFirst) => seq < after.get(),
            (Some(_), Order::OldestFirst) | (None, _) => true,
        };
        is_in && is_behind
    };
    lines.retain(|line| is_before_end(line.seq, line.at_us));
    let held = lines.last().map_or(0, |line| line.after);
    lines.retain(|line| {
        let is_in = match from {
            None => true,
            Some(Moment::Seq(from)) => line.seq >= from.get(),
            Some(Moment::Time(from_us)) => line.at_us >= from_us,
        };
        let is_behind = match (after, order) {
            (Some(after), Order::OldestFirst) => line.seq > after.get(),
            (Some(_), Order::NewestFirst) | (None, _) => true,
        };
        is_in && is_behind
    });
    if order == Order::NewestFirst {
        lines.reverse();
    }
    let has_more = lines.len() > limit;
    lines.truncate(limit);
    let (first, last) = match order {
        Order::NewestFirst => (lines.last(), lines.first()),
        Order::OldestFirst => (lines.first(), lines.last()),
    };
    Statement {
        exists,
        before: balance(first.map_or(held, |line| line.before)),
        after: balance(last.map_or(held, |line| line.after)),
        next: lines.last().filter(|_| has_more).map(|line| Seq::new(line.seq)),
        as_of: end,
        lines: lines.iter().map(statement_line).collect(),
    }
}

fn statement_line(line: &Line) -> StatementLine {
    let kind = match line.kind {
        "init" => Kind::Init,
        "deposit" => Kind::Deposit,
        "withdraw" => Kind::Withdraw,
        "transfer" => Kind::Transfer,
        other => unreachable!("no kind of change: {other}"),
    };
    let account = |name: &String| {
        AccountId::new(name.clone()).unwrap_or_else(|_| unreachable!("it holds money"))
    };
    let by = |name: &String| {
        By::new(name.clone()).unwrap_or_else(|_| unreachable!("something was done by it"))
    };
    let tx_id = ledger::TxId::new(line.tx_id.clone());
    StatementLine {
        seq: Seq::new(line.seq),
        at_us: line.at_us,
        kind,
        other: line.other.as_ref().map(account),
        change: i64::try_from(line.after - line.before).unwrap_or(i64::MAX),
        after: balance(line.after),
        tx_id: tx_id.unwrap_or_else(|_| unreachable!("something happened under it")),
        by: line.by.as_ref().map(by),
    }
}

fn balance(minor_units: i128) -> Balance {
    let held = i64::try_from(minor_units).ok().and_then(Balance::new);
    held.unwrap_or_else(|| unreachable!("the naive bank keeps the range of a balance"))
}
