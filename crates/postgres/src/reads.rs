//! Answers questions about history from one snapshot.
//!
//! **Invariant:** a reading shows nothing behind its position, and all before it that it is about.

use std::pin::pin;
use std::time::{Duration, Instant};

use engine::chain;
use engine::query::{
    AccountLine, Moment, Named, Order, PAGE_ACCOUNTS_MAX, Query, Reading, Span, Statement,
    StatementLine, StatementPage, Totals,
};
use futures_util::TryStreamExt as _;
use ledger::{AccountId, Balance, Seq};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, RowStream, Statement as Prepared};

use crate::link::Link;
use crate::sqlstate::{Fault, Stage, fault};
use crate::store::{Failed, asked, balance, barrier, of_head, seq, time, transaction};

/// The last name that there can be: behind every name that begins with a prefix, for no name has
/// more than 64 bytes.
const LAST: &str = "\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\
    \u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}";

/// Most rows with records that one statement asks for: a record has up to 7 MiB.
const ROWS_MAX: usize = 32;

/// A page of a statement ends behind the event with which its events name so many accounts: each is
/// read whole to show one line of it.
const STATEMENT_ACCOUNTS_MAX: usize = 10 * PAGE_ACCOUNTS_MAX;

/// Answers `query` at the clock's `now_us`, in microseconds since the Unix epoch. The database works on
/// no part of it for longer than `limit`.
pub(crate) async fn answer(
    link: &Link,
    query: &Query<'static>,
    now_us: u64,
    limit: Duration,
) -> Result<Reading, Failed> {
    if let Some(at_us) = past(query, now_us) {
        settle(link, at_us).await?;
    }
    let client = &link.client;
    // For this transaction alone, which writes nothing: its end waits for no standby, so it cuts no such
    // wait short.
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}",
        limit.as_millis().max(1)
    );
    client.batch_execute(&begin).await.map_err(failed)?;
    let began = Instant::now();
    let read = Snapshot { link }.answer(query, now_us).await;
    let ended = client.batch_execute(if read.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
    let reading = read.map_err(|failed| {
        // The database ended it: there is nothing else to retry in a snapshot.
        let is_heavy = failed.fault == Fault::Retry && began.elapsed() >= limit;
        Failed { fault: if is_heavy { Fault::TooHeavy } else { failed.fault }, ..failed }
    })?;
    ended.map_err(failed)?;
    barrier(link).await?;
    Ok(reading)
}

/// The latest moment before `now_us` at which what is asked about begins or ends.
fn past(query: &Query<'_>, now_us: u64) -> Option<u64> {
    let moments = match query {
        Query::BalanceAt { at, .. } => [Some(*at), None],
        // It begins with the first event that is not before `from`.
        Query::Statement { page, .. } => [page.to, page.from],
        Query::Transaction(_) | Query::Transactions(_) | Query::Accounts { .. } | Query::Totals => {
            return None;
        }
    };
    let times = moments.into_iter().flatten().filter_map(|moment| match moment {
        Moment::Time(time_us) => Some(time_us),
        Moment::Seq(_) => None,
    });
    times.filter(|time_us| *time_us < now_us).max()
}

/// Sees to it that no event of later gets a time up to `at_us`: what an account held then is told
/// once and for all.
async fn settle(link: &Link, at_us: u64) -> Result<(), Failed> {
    let row = link.client.query_opt(&link.statements.head, &[]).await.map_err(failed)?;
    let row = of_head(row)?;
    let behind = i64::try_from(at_us).unwrap_or(i64::MAX).saturating_add(1);
    if row.try_get::<_, i64>(1).map_err(failed)? < behind {
        link.client.execute(&link.statements.settle_time, &[&behind]).await.map_err(asked)?;
    }
    Ok(())
}

fn failed(error: Error) -> Failed {
    Failed::new(fault(Stage::Reading, &error), chain(&error))
}

/// One snapshot of the database.
struct Snapshot<'l> {
    link: &'l Link,
}

type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

impl Snapshot<'_> {
    async fn answer(&self, query: &Query<'static>, now_us: u64) -> Result<Reading, Failed> {
        let statements = &self.link.statements;
        match query {
            Query::Transaction(Named::Seq(seq)) => {
                self.transaction(&statements.by_seq, &[&number(*seq)]).await
            }
            Query::Transaction(Named::TxId(tx_id)) => {
                self.transaction(&statements.by_tx_id, &[&tx_id.as_str()]).await
            }
            Query::Transactions(span) => self.transactions(*span).await,
            Query::Statement { account, page } => self.statement(account, *page).await,
            Query::BalanceAt { account, at } => self.balance_at(account, *at, now_us).await,
            Query::Accounts { prefix, after, limit, count } => {
                self.accounts(prefix, after.as_ref(), *limit, *count).await
            }
            Query::Totals => self.totals().await,
        }
    }

    async fn transaction(&self, statement: &Prepared, of: Values<'_>) -> Result<Reading, Failed> {
        let row = self.one(statement, of).await?;
        let as_of = seq(get(&row, 0)?)?;
        let record: Option<&[u8]> = get(&row, 3)?;
        let transaction =
            record.map(|record| transaction(record, get(&row, 1)?, get(&row, 2)?)).transpose()?;
        Ok(Reading::Transaction { transaction, as_of })
    }

    async fn transactions(&self, span: Span) -> Result<Reading, Failed> {
        let end = self.head().await?;
        let last = span.to.map_or(end, |to| to.min(end));
        let first = span.from.max(Seq::new(1));
        let mut transactions = Vec::new();
        let mut next = first;
        let mut accounts_count = 0;
        let is_whole =
            |count, accounts_count| count >= span.limit || accounts_count >= PAGE_ACCOUNTS_MAX;
        while next <= last && !is_whole(transactions.len(), accounts_count) {
            let wanted = rows_of(span.limit - transactions.len());
            let of: Values<'_> = &[&number(next), &number(last), &wanted];
            let mut rows = pin!(self.rows(&self.link.statements.span, of).await?);
            let before = next;
            while !is_whole(transactions.len(), accounts_count)
                && let Some(row) = rows.try_next().await.map_err(failed)?
            {
                let one = transaction(get(&row, 2)?, get(&row, 0)?, get(&row, 1)?)?;
                accounts_count += one.event.accounts_count();
                next = one.seq.next();
                transactions.push(one);
            }
            if next <= before {
                return Err(Failed::new(Fault::Fatal, "the order has lost an event"));
            }
        }
        let next = (next > first && next <= last).then_some(next);
        Ok(Reading::Transactions { transactions, next, as_of: end })
    }

    async fn statement(
        &self,
        account: &AccountId<'static>,
        page: StatementPage,
    ) -> Result<Reading, Failed> {
        let head = self.head().await?;
        let end = page.end.map_or(head, |fixed| fixed.min(head));
        let newest_first = page.order == Order::NewestFirst;
        let mut from = match page.from {
            None => Seq::new(1),
            Some(Moment::Seq(seq)) => seq.max(Seq::new(1)),
            Some(Moment::Time(time_us)) => match time_us.checked_sub(1) {
                Some(before) => self.seq_at(before).await?.next(),
                None => Seq::new(1),
            },
        };
        let mut to = match page.to {
            None => end,
            Some(Moment::Seq(seq)) => seq.min(end),
            Some(Moment::Time(time_us)) => self.seq_at(time_us).await?.min(end),
        };
        match (page.after, page.order) {
            (None, _) => {}
            (Some(seq), Order::NewestFirst) => to = to.min(Seq::new(seq.get().saturating_sub(1))),
            (Some(seq), Order::OldestFirst) => from = from.max(seq.next()),
        }
        let before_from = Seq::new(from.get().saturating_sub(1));
        let first = self.version_at(account, before_from).await? + 1;
        let last = self.version_at(account, to).await?;
        let exists = last > 0 || self.version_at(account, end).await? > 0;
        let (lines, befores) = self.lines(account, (first, last), page.limit, newest_first).await?;
        // The versions of an account have no gap.
        let count = last.saturating_sub(first).saturating_add(1);
        let has_more = i64::try_from(lines.len()).is_ok_and(|shown| shown < count);
        let (earliest, latest) = if newest_first {
            (befores.last(), lines.first())
        } else {
            (befores.first(), lines.last())
        };
        let (before, after) = match (earliest, latest) {
            (Some(before), Some(line)) => (*before, line.after),
            _ => {
                let held = self.balance_of(account, last).await?.unwrap_or(Balance::ZERO);
                (held, held)
            }
        };
        let next = if has_more { lines.last().map(|line| line.seq) } else { None };
        Ok(Reading::Statement(Statement { exists, lines, before, after, next, as_of: end }))
    }

    /// Lines of a statement, up to `limit` of those from version `first` to `last`, and what the
    /// account held before each.
    async fn lines(
        &self,
        account: &AccountId<'static>,
        (mut first, mut last): (i64, i64),
        limit: usize,
        newest_first: bool,
    ) -> Result<(Vec<StatementLine>, Vec<Balance>), Failed> {
        let statements = &self.link.statements;
        let statement = if newest_first { &statements.entries_newest } else { &statements.entries };
        let (mut lines, mut befores) = (Vec::new(), Vec::new());
        let mut accounts_count = 0;
        let is_whole =
            |count, accounts_count| count >= limit || accounts_count >= STATEMENT_ACCOUNTS_MAX;
        while first <= last && !is_whole(lines.len(), accounts_count) {
            let wanted = rows_of(limit - lines.len());
            let of: Values<'_> = &[&account.as_str(), &first, &last, &wanted];
            let mut rows = pin!(self.rows(statement, of).await?);
            let unfit = || Failed::new(Fault::Fatal, "a line of a statement has no such event");
            let before = (first, last);
            while !is_whole(lines.len(), accounts_count)
                && let Some(row) = rows.try_next().await.map_err(failed)?
            {
                let version: i64 = get(&row, 0)?;
                let found = transaction(get(&row, 3)?, get(&row, 1)?, get(&row, 2)?)?;
                accounts_count += found.event.accounts_count();
                let (line, before) = StatementLine::of(found, account).ok_or_else(unfit)?;
                lines.push(line);
                befores.push(before);
                if newest_first {
                    last = version.saturating_sub(1);
                } else {
                    first = version.saturating_add(1);
                }
            }
            if before == (first, last) {
                return Err(unfit());
            }
        }
        Ok((lines, befores))
    }

    async fn balance_at(
        &self,
        account: &AccountId<'static>,
        at: Moment,
        now_us: u64,
    ) -> Result<Reading, Failed> {
        let head = self.head().await?;
        let as_of = match at {
            Moment::Seq(seq) if seq > head => return Ok(Reading::NotYet { as_of: head }),
            Moment::Seq(seq) => seq,
            Moment::Time(time_us) if time_us >= now_us => {
                return Ok(Reading::NotYet { as_of: head });
            }
            Moment::Time(time_us) => self.seq_at(time_us).await?,
        };
        let version = self.version_at(account, as_of).await?;
        Ok(Reading::BalanceAt { balance: self.balance_of(account, version).await?, as_of })
    }

    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&AccountId<'static>>,
        limit: usize,
        count: bool,
    ) -> Result<Reading, Failed> {
        let as_of = self.head().await?;
        // The database has no text with it, so no account's name begins so.
        if prefix.contains('\0') {
            let counted = count.then_some(0);
            return Ok(Reading::Accounts { accounts: vec![], next: None, count: counted, as_of });
        }
        let after = after.map_or("", AccountId::as_str);
        let end = format!("{prefix}{LAST}");
        let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let of: Values<'_> = &[&after, &prefix, &end, &wanted];
        let rows = self.all(&self.link.statements.accounts, of).await?;
        let more = rows.len() > limit;
        let mut accounts = Vec::new();
        for row in rows.iter().take(limit) {
            let name: String = get(row, 0)?;
            let account = AccountId::new(name)
                .map_err(|_| Failed::new(Fault::Fatal, "an account has no account's name"))?;
            let (balance, seq) = (balance(get(row, 1)?)?, seq(get(row, 2)?)?);
            accounts.push(AccountLine { account, balance, seq });
        }
        let mut counted = None;
        if count && prefix.is_empty() {
            let row = self.one(&self.link.statements.totals, &[]).await?;
            counted = Some(u64::try_from(get::<i64>(&row, 2)?).unwrap_or_default());
        } else if count {
            let row = self.one(&self.link.statements.count_accounts, &[&prefix, &end]).await?;
            counted = Some(u64::try_from(get::<i64>(&row, 0)?).unwrap_or_default());
        }
        let next = accounts.last().filter(|_| more).map(|line: &AccountLine| line.account.clone());
        Ok(Reading::Accounts { accounts, next, count: counted, as_of })
    }

    async fn totals(&self) -> Result<Reading, Failed> {
        let row = self.one(&self.link.statements.totals, &[]).await?;
        let whole = |place| -> Result<i128, Failed> {
            let text: String = get(&row, place)?;
            text.parse().map_err(|_| Failed::new(Fault::Fatal, "a total is no whole number"))
        };
        let (money_in, world) = (whole(3)?, whole(4)?);
        Ok(Reading::Totals(Totals {
            accounts_count: u64::try_from(get::<i64>(&row, 2)?).unwrap_or_default(),
            sum: world.strict_neg(),
            money_in,
            // `@world` holds what went out less what came in.
            money_out: money_in.strict_add(world),
            seq: seq(get(&row, 0)?)?,
            at_us: time(get(&row, 1)?)?,
        }))
    }

    async fn head(&self) -> Result<Seq, Failed> {
        seq(get(&self.one(&self.link.statements.head, &[]).await?, 0)?)
    }

    /// The last event whose time is not after `time_us`; zero when there is none.
    async fn seq_at(&self, time_us: u64) -> Result<Seq, Failed> {
        let time_us = i64::try_from(time_us).unwrap_or(i64::MAX);
        let rows = self.all(&self.link.statements.seq_at, &[&time_us]).await?;
        rows.first().map_or(Ok(Seq::ZERO), |row| seq(get(row, 0)?))
    }

    /// How many events up to `at` touched the account.
    async fn version_at(&self, account: &AccountId<'static>, at: Seq) -> Result<i64, Failed> {
        let of: Values<'_> = &[&account.as_str(), &number(at)];
        let rows = self.all(&self.link.statements.version_at, of).await?;
        let missing = || Failed::new(Fault::Fatal, "a statement has lost a line");
        get(rows.first().ok_or_else(missing)?, 0)
    }

    /// What the account held at this version; `None` at version zero.
    async fn balance_of(
        &self,
        account: &AccountId<'static>,
        version: i64,
    ) -> Result<Option<Balance>, Failed> {
        let of: Values<'_> = &[&account.as_str(), &version];
        let rows = self.all(&self.link.statements.entry_balance, of).await?;
        rows.first().map(|row| balance(get(row, 0)?)).transpose()
    }

    /// What a statement answers that reads the row of `head`, or counts.
    async fn one(&self, statement: &Prepared, of: Values<'_>) -> Result<Row, Failed> {
        of_head(self.link.client.query_opt(statement, of).await.map_err(failed)?)
    }

    /// The rows one by one, as they come: who stops reading them holds no more in memory than one.
    async fn rows(&self, statement: &Prepared, of: Values<'_>) -> Result<RowStream, Failed> {
        let of = of.iter().map(|value| *value as &(dyn ToSql + Sync));
        self.link.client.query_raw(statement, of).await.map_err(failed)
    }

    async fn all(&self, statement: &Prepared, of: Values<'_>) -> Result<Vec<Row>, Failed> {
        self.link.client.query(statement, of).await.map_err(failed)
    }
}

fn get<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, place: usize) -> Result<T, Failed> {
    row.try_get(place).map_err(failed)
}

/// How many rows to ask for when `wanted` more are to be shown: those that are not looked at come all
/// the same.
fn rows_of(wanted: usize) -> i64 {
    i64::try_from(wanted.min(ROWS_MAX)).unwrap_or(i64::MAX)
}

fn number(seq: Seq) -> i64 {
    i64::try_from(seq.get()).unwrap_or(i64::MAX)
}
