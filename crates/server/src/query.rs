//! From a question about history to the engine's words, and from its reading to a reply.
//!
//! A cursor holds the position that the first page rested on. Not here: its bytes (`protocol`).

use std::borrow::Cow;

use engine::query as seam;
use engine::{Reading, Unavailable};
use ledger::{AccountId, Seq};
use protocol::query::{AccountsPage, Moment, Named, Order, Query, Resume};
use protocol::reply::{self, history};

/// The question, as the engine takes it.
pub fn for_engine<'q>(query: &'q Query<'q>) -> engine::Query<'q> {
    match query {
        Query::Transaction(Named::TxId(tx_id)) => {
            engine::Query::Transaction(seam::Named::TxId(tx_id.clone()))
        }
        Query::Transaction(Named::Seq(seq)) => engine::Query::Transaction(seam::Named::Seq(*seq)),
        Query::Transactions(page) => {
            let (from, to) = match page.resume {
                None => (page.from.unwrap_or(Seq::ZERO), page.to),
                Some(Resume { end, last }) => {
                    // Behind the last number there is nothing, and the span is empty.
                    (last.checked_next().unwrap_or(last), Some(page.to.unwrap_or(end).min(end)))
                }
            };
            // The first event has the seq 1.
            let from = from.max(Seq::new(1));
            engine::Query::Transactions(seam::Span { from, to, limit: page.limit })
        }
        Query::Statement(page) => engine::Query::Statement {
            account: page.account.borrow(),
            page: seam::StatementPage {
                from: page.from.map(moment),
                to: page.to.map(moment),
                order: match page.order {
                    Order::NewestFirst => seam::Order::NewestFirst,
                    Order::OldestFirst => seam::Order::OldestFirst,
                },
                limit: page.limit,
                after: page.resume.map(|resume| resume.last),
                end: page.resume.map(|resume| resume.end),
            },
        },
        Query::BalanceAt { account, at } => {
            engine::Query::BalanceAt { account: account.borrow(), at: moment(*at) }
        }
        Query::Accounts(AccountsPage { prefix, after, limit, count }) => engine::Query::Accounts {
            prefix: Cow::Borrowed(prefix),
            after: after.as_ref().map(AccountId::borrow),
            limit: *limit,
            count: *count,
        },
        Query::Totals => engine::Query::Totals,
    }
}

/// Writes the reply to `query`. `seen`: the highest position that this connection was told; it
/// moves up. `durable`: the engine's own.
pub fn write_reading(
    out: &mut Vec<u8>,
    query: &Query<'_>,
    reading: &Result<Reading, Unavailable>,
    seen: &mut Seq,
    durable: Seq,
) {
    match reading {
        Ok(reading) => {
            *seen = (*seen).max(reading.as_of());
            write_answer(out, query, reading);
        }
        Err(why) => {
            let code = crate::batch::code_of(*why);
            reply::failed(out, code, &why.to_string(), durable.max(*seen), None);
        }
    }
}

fn write_answer(out: &mut Vec<u8>, query: &Query<'_>, reading: &Reading) {
    match (query, reading) {
        (_, Reading::NotYet { as_of }) => history::not_yet(out, *as_of),
        (_, Reading::Transaction { transaction, as_of }) => {
            history::transaction(out, transaction.as_ref(), *as_of);
        }
        (Query::Transactions(page), Reading::Transactions { transactions, next, as_of }) => {
            // A later page shows nothing behind the first one's position, so it states that.
            let end = page.resume.map_or(*as_of, |resume| resume.end.min(*as_of));
            let cursor = |last| page.cursor(Resume { end, last });
            history::transactions(out, transactions, *next, end, cursor);
        }
        (Query::Statement(page), Reading::Statement(statement)) => {
            let seam::Statement { exists, lines, before, after, next, as_of } = statement;
            let next_cursor = next.map(|last| page.cursor(Resume { end: *as_of, last }));
            let statement = history::Statement {
                account: &page.account,
                exists: *exists,
                before: *before,
                after: *after,
                next_cursor: next_cursor.as_deref(),
                as_of: *as_of,
            };
            history::statement(out, &statement, lines.iter().map(line));
        }
        (Query::BalanceAt { account, .. }, Reading::BalanceAt { balance, as_of }) => {
            reply::balance(out, account, *balance, *as_of);
        }
        (Query::Accounts(page), Reading::Accounts { accounts, next, count, as_of }) => {
            let next = next.as_ref().map(|last| page.cursor(last));
            let accounts = accounts.iter().map(|line| (&line.account, line.balance, line.seq));
            history::accounts(out, accounts, next.as_deref(), *count, *as_of);
        }
        (_, Reading::Totals(totals)) => {
            let seam::Totals { accounts_count, sum, money_in, money_out, seq, at_us } = *totals;
            let totals = history::Totals { accounts_count, sum, money_in, money_out, seq, at_us };
            history::totals(out, &totals);
        }
        (
            Query::Transaction(_)
            | Query::Transactions(_)
            | Query::Statement(_)
            | Query::BalanceAt { .. }
            | Query::Accounts(_)
            | Query::Totals,
            Reading::Transactions { .. }
            | Reading::Statement(_)
            | Reading::BalanceAt { .. }
            | Reading::Accounts { .. },
        ) => unreachable!("the engine answers what it was asked"),
    }
}

fn moment(moment: Moment) -> seam::Moment {
    match moment {
        Moment::Seq(seq) => seam::Moment::Seq(seq),
        Moment::Time(time_us) => seam::Moment::Time(time_us),
    }
}

fn line(line: &seam::StatementLine) -> history::Line<'_, 'static> {
    history::Line {
        seq: line.seq,
        at_us: line.at_us,
        kind: match line.kind {
            seam::Kind::Init => "init",
            seam::Kind::Deposit => "deposit",
            seam::Kind::Withdraw => "withdraw",
            seam::Kind::Transfer => "transfer",
        },
        other: line.other.as_ref(),
        change: line.change,
        after: line.after,
        tx_id: &line.tx_id,
        by: line.by.as_ref(),
    }
}
