//! A batch as one transaction of the database: two trips, each a pipeline.
//!
//! **Invariant:** the statements of a trip are polled in their order, which is their order on the wire.
//! **Invariant:** success is the write's 1, the place's row and the commit's end together, without
//! a notice in between: the driver calls a commit that was answered with a rollback a success.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{BalanceReading, Outcome, Request, chain};
use futures_util::future::{join, join3, join4};
use journal::decode_record;
use ledger::{Balance, Seq, Transaction, TxId};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row as SqlRow};
use uuid::Uuid;

use crate::link::Link;
use crate::plan::{Committed, Loaded, Plan, Row, Writes, plan};
use crate::planted::Planted;
use crate::sqlstate::{Fault, Stage, fault};

/// What kept a batch from its end.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) fault: Fault,
    /// For the log.
    pub(crate) text: String,
}

impl Failed {
    fn at(stage: Stage) -> impl Fn(Error) -> Self {
        move |error| Self { fault: fault(stage, &error), text: chain(&error) }
    }

    pub(crate) fn new(fault: Fault, text: impl Into<String>) -> Self {
        Self { fault, text: text.into() }
    }
}

/// The values of a statement.
type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// How far a batch has come; for who stops waiting for it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Its commit, or the one that proves what it shows, may have been sent.
    pub(crate) is_committing: AtomicBool,
    /// So has something of the client's: a lost answer may be a success.
    pub(crate) may_be_written: AtomicBool,
}

/// What stands under the tx_ids of one transaction may name so many accounts, and those of one event
/// more: a record names as many as a line has room for, and its tx_id is short.
pub(crate) const RECALLED_ACCOUNTS_MAX: usize = 10_000;

/// Runs `requests` as one transaction, at the clock's `now_us`: the first of them at least, and as many
/// as there are outcomes.
pub(crate) async fn run(
    link: &Link,
    mut requests: Vec<Request<'static>>,
    now_us: u64,
    progress: &Progress,
) -> Result<Vec<Outcome<'static>>, Failed> {
    if let Some(names) = only_balances(&requests) {
        progress.is_committing.store(true, Ordering::Release);
        return balances(link, &requests, &names).await;
    }
    let (loaded, run) = load(link, &requests).await?;
    requests.truncate(run);
    let plan = plan(requests, loaded, now_us);
    if !plan.absences.is_empty() && !link.plants.has(Planted::AbsenceUnproved) {
        prove_absent(link, &plan).await?;
    }
    progress.is_committing.store(true, Ordering::Release);
    progress.may_be_written.store(!plan.is_only_asking(), Ordering::Release);
    let committed = if plan.is_only_asking() {
        pass(link).await?;
        None
    } else {
        Some(commit(link, &plan.writes).await?)
    };
    progress.may_be_written.store(false, Ordering::Release);
    Ok(plan.outcomes(committed))
}

/// Locks the rows, and reads what stands under the tx_ids and where the order ends; and says how many of
/// the requests can be run with what was read.
async fn load(link: &Link, requests: &[Request<'static>]) -> Result<(Loaded, usize), Failed> {
    let (names, tx_ids) = named(requests);
    let (names, tx_ids): (Vec<&str>, Vec<&str>) =
        (names.into_iter().collect(), tx_ids.into_iter().collect());
    let (client, statements) = (&link.client, &link.statements);
    // IMPORTANT: in this order. What stands under a tx_id is read behind the locks, so that it shows
    // all that was committed by those who held them.
    let (of_names, of_tx_ids): (Values<'_>, Values<'_>) = (&[&names], &[&tx_ids]);
    let (begun, rows, known, head) = join4(
        client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED"),
        client.query(&statements.lock, of_names),
        client.query(&statements.known, of_tx_ids),
        client.query_opt(&statements.head, &[]),
    )
    .await;
    let all = begun.and_then(|()| Ok::<(Vec<SqlRow>, _, _), Error>((rows?, known?, head?)));
    let (rows, known, head) = match all {
        Ok(all) => all,
        Err(error) => return Err(give_up(link, Failed::at(Stage::Reading)(error)).await),
    };
    let loaded = match of_head(head).and_then(|head| loaded(&rows, &known, &head)) {
        Ok((loaded, large)) if large.is_empty() => Ok((loaded, requests.len())),
        Ok((mut loaded, large)) => {
            let run = load_large(link, requests, &mut loaded, &large).await;
            run.map(|run| (loaded, run))
        }
        Err(failed) => Err(failed),
    };
    match loaded {
        Ok(loaded) => Ok(loaded),
        Err(failed) => Err(give_up(link, failed).await),
    }
}

/// Reads the records under `large`, one by one in the order of the requests, until there is enough of
/// them. Returns how many requests can be run.
async fn load_large(
    link: &Link,
    requests: &[Request<'static>],
    loaded: &mut Loaded,
    large: &HashSet<String>,
) -> Result<usize, Failed> {
    let reading = Failed::at(Stage::Reading);
    let mut accounts_count = 0;
    for (n, request) in requests.iter().enumerate() {
        let Some(tx_id) = request.tx_id().map(TxId::as_str) else { continue };
        if !large.contains(tx_id) || loaded.known.contains_key(tx_id) {
            continue;
        }
        if accounts_count >= RECALLED_ACCOUNTS_MAX {
            return Ok(n);
        }
        let row = link.client.query_opt(&link.statements.by_tx_id, &[&tx_id]).await;
        let row = of_head(row.map_err(&reading)?)?;
        let (seq, at_us) = (row.try_get(1).map_err(&reading)?, row.try_get(2).map_err(&reading)?);
        let found = transaction(row.try_get(3).map_err(&reading)?, seq, at_us)?;
        accounts_count += found.event.accounts_count();
        loaded.known.insert(tx_id.to_owned(), Arc::new(found));
    }
    Ok(requests.len())
}

/// What was read, and the tx_ids whose records are large: they were left where they are.
fn loaded(
    rows: &[SqlRow],
    known: &[SqlRow],
    head: &SqlRow,
) -> Result<(Loaded, HashSet<String>), Failed> {
    let reading = Failed::at(Stage::Reading);
    let mut loaded = Loaded {
        head: seq(head.try_get(0).map_err(&reading)?)?,
        at_us: time(head.try_get(1).map_err(&reading)?)?,
        ..Loaded::default()
    };
    let mut large = HashSet::new();
    for row in rows {
        let name: String = row.try_get(0).map_err(&reading)?;
        let version: i64 = row.try_get(1).map_err(&reading)?;
        let balance = balance(row.try_get(2).map_err(&reading)?)?;
        loaded.rows.insert(name, Row { version, balance });
    }
    for row in known {
        let tx_id: String = row.try_get(0).map_err(&reading)?;
        let record: Option<&[u8]> = row.try_get(1).map_err(&reading)?;
        let (seq, at_us) = (row.try_get(2).map_err(&reading)?, row.try_get(3).map_err(&reading)?);
        match record {
            Some(record) => {
                let found = transaction(record, seq, at_us)?;
                loaded.known.insert(tx_id, Arc::new(found));
            }
            None => drop(large.insert(tx_id)),
        }
    }
    Ok((loaded, large))
}

/// Sees to it that names whose absence decided something are still missing, and stay so until the
/// commit: whoever opens one needs the head, which is held from here on.
async fn prove_absent(link: &Link, plan: &Plan) -> Result<(), Failed> {
    let (client, statements) = (&link.client, &link.statements);
    let names: Vec<&str> = plan.absences.iter().map(String::as_str).collect();
    let of: Values<'_> = &[&names];
    let (held, present) =
        join(client.query_one(&statements.hold_head, &[]), client.query(&statements.present, of))
            .await;
    let present = held.and(present).map_err(Failed::at(Stage::Reading));
    match present {
        Ok(present) if present.is_empty() => Ok(()),
        Ok(_) => Err(give_up(link, Failed::new(Fault::Retry, "an account was opened")).await),
        Err(failed) => Err(give_up(link, failed).await),
    }
}

/// Ends a transaction that wrote nothing; in replicated mode with a [`barrier`] in it.
async fn pass(link: &Link) -> Result<(), Failed> {
    let commit = link.client.batch_execute("COMMIT");
    if !proves(link) {
        return commit.await.map_err(Failed::at(Stage::Reading));
    }
    prove_replicated(link, commit).await
}

/// Writes a batch, gives it its place and commits it.
async fn commit(link: &Link, writes: &Writes) -> Result<Committed, Failed> {
    let (client, statements) = (&link.client, &link.statements);
    let batch = Uuid::now_v7();
    let columns = Columns::of(writes)?;
    let count = i32::try_from(writes.records.len()).unwrap_or(i32::MAX);
    let at_us = i64::try_from(writes.at_us).unwrap_or(i64::MAX);
    let not_after_us =
        writes.not_after_us.map_or(i64::MAX, |us| i64::try_from(us).unwrap_or(i64::MAX));
    let opened = i64::try_from(columns.opened_names.len()).unwrap_or(i64::MAX);
    let (money_in, world) = (writes.money_in.to_string(), writes.world.to_string());
    let asks = link.is_replicated();
    let before = link.notices();
    let of_write: Values<'_> = &[
        &columns.opened_names,
        &columns.opened_versions,
        &columns.opened_balances,
        &columns.names,
        &columns.versions_before,
        &columns.versions_after,
        &columns.balances,
        &batch,
        &columns.tx_ids,
        &columns.numbers,
        &columns.records,
        &columns.entry_accounts,
        &columns.entry_versions,
        &columns.entry_numbers,
        &columns.entry_balances,
        &asks,
    ];
    let of_place: Values<'_> =
        &[&count, &at_us, &opened, &money_in, &world, &columns.digest, &not_after_us, &batch];
    let (written, placed, ended) = join3(
        client.query_one(&statements.write, of_write),
        client.query_one(&statements.place, of_place),
        client.batch_execute("COMMIT"),
    )
    .await;
    if link.plants.has(Planted::OnlyCommitCounts) && ended.is_ok() {
        return Ok(Committed { first: Seq::ZERO, at_us: 0 });
    }
    // The first error counts: those behind it only say that there was one.
    let written = written.map_err(Failed::at(Stage::Writing))?;
    let placed = placed.map_err(Failed::at(Stage::Writing))?;
    ended.map_err(Failed::at(Stage::Committing))?;
    no_notice(link, before)?;
    let unclear = Failed::at(Stage::Committing);
    if written.try_get::<_, i32>(0).map_err(&unclear)? != 1 {
        return Err(Failed::new(Fault::Unknown, "the write was not answered with 1"));
    }
    let first = seq(placed.try_get(0).map_err(&unclear)?)?;
    let at_us = time(placed.try_get(1).map_err(&unclear)?)?;
    Ok(Committed { first, at_us })
}

/// A notice during a commit means that it did not wait for its standby, whatever it said.
fn no_notice(link: &Link, before: u64) -> Result<(), Failed> {
    if link.notices() == before || link.plants.has(Planted::NoticeIgnored) {
        Ok(())
    } else {
        Err(Failed::new(Fault::Unknown, "the database gave a notice while it committed"))
    }
}

/// The row that is read from `head`, which has one in every bank.
pub(crate) fn of_head<R>(row: Option<R>) -> Result<R, Failed> {
    row.ok_or_else(|| Failed::new(Fault::Fatal, "the table head has no row"))
}

/// Says why the barrier was not written.
async fn not_replicated(link: &Link) -> Failed {
    match link.has_barrier().await {
        Ok(true) => Failed::new(Fault::Elsewhere, "synchronous replication is switched off"),
        Ok(false) => Failed::new(Fault::Fatal, "the table barrier has lost a row"),
        Err(error) => Failed::at(Stage::Reading)(error),
    }
}

/// Ends a transaction that is not to be committed; a connection that does not take it is of no use.
async fn give_up(link: &Link, failed: Failed) -> Failed {
    match link.client.batch_execute("ROLLBACK").await {
        Ok(()) => failed,
        Err(_) if failed.fault == Fault::Fatal => failed,
        Err(_) => Failed { fault: Fault::Elsewhere, ..failed },
    }
}

/// The accounts that are asked about, when nothing else is.
fn only_balances<'r>(requests: &'r [Request<'static>]) -> Option<Vec<&'r str>> {
    let mut names = BTreeSet::new();
    for request in requests {
        match request {
            Request::Balance(account) => drop(names.insert(account.as_str())),
            Request::Balances(accounts) => {
                names.extend(accounts.iter().map(|account| account.as_str()));
            }
            Request::Write { .. } | Request::Resolve { .. } => return None,
        }
    }
    Some(names.into_iter().collect())
}

/// Answers balances from one snapshot, without locks.
async fn balances(
    link: &Link,
    requests: &[Request<'static>],
    names: &[&str],
) -> Result<Vec<Outcome<'static>>, Failed> {
    let reading = Failed::at(Stage::Reading);
    // The barrier behind the question, in one pipeline.
    let of: Values<'_> = &[&names];
    let (rows, passed) =
        join(link.client.query(&link.statements.balances, of), barrier(link)).await;
    let rows = rows.map_err(&reading)?;
    passed?;
    of_head(rows.first())?;
    let mut as_of = Seq::ZERO;
    let mut held = HashMap::new();
    for row in &rows {
        as_of = seq(row.try_get(0).map_err(&reading)?)?;
        let name: Option<String> = row.try_get(1).map_err(&reading)?;
        let units: Option<i64> = row.try_get(2).map_err(&reading)?;
        if let (Some(name), Some(units)) = (name, units) {
            held.insert(name, balance(units)?);
        }
    }
    let read = |account: &ledger::AccountId<'static>| BalanceReading {
        balance: held.get(account.as_str()).copied(),
        account: account.clone(),
    };
    let outcomes = requests.iter().filter_map(|request| match request {
        Request::Balance(account) => Some(Outcome::Balance { reading: read(account), as_of }),
        Request::Balances(accounts) => {
            Some(Outcome::Balances { readings: accounts.iter().map(read).collect(), as_of })
        }
        Request::Write { .. } | Request::Resolve { .. } => None,
    });
    Ok(outcomes.collect())
}

/// In replicated mode, a write whose commit proves that all that was read on this connection before
/// is on a standby. Its place in the pipeline is behind what is polled before it.
pub(crate) async fn barrier(link: &Link) -> Result<(), Failed> {
    if !proves(link) {
        return Ok(());
    }
    // Outside a transaction the write is its own commit.
    prove_replicated(link, ready(Ok(()))).await
}

/// Whether answers that write nothing are proved to be replicated.
fn proves(link: &Link) -> bool {
    link.is_replicated() && !link.plants.has(Planted::NoBarrier)
}

/// Writes the barrier, and commits it by `commit` in the same pipeline. Nothing of a client's is in
/// it, so whatever happens it can be asked again.
async fn prove_replicated(
    link: &Link,
    commit: impl Future<Output = Result<(), Error>>,
) -> Result<(), Failed> {
    let before = link.notices();
    let (asks, k) = (true, link.barrier);
    let of: Values<'_> = &[&k, &asks];
    let (written, ended) = join(link.client.execute(&link.statements.barrier, of), commit).await;
    let written = written.map_err(asked)?;
    ended.map_err(asked)?;
    if written != 1 {
        return Err(not_replicated(link).await);
    }
    no_notice(link, before).map_err(|failed| Failed { fault: Fault::Elsewhere, ..failed })
}

/// What an error means to who only asks: nothing of the client's is written, so what is unknown is
/// asked again.
pub(crate) fn asked(error: Error) -> Failed {
    let fault = fault(Stage::Writing, &error);
    let fault = if fault == Fault::Unknown { Fault::Elsewhere } else { fault };
    Failed::new(fault, chain(&error))
}

/// The names and the tx_ids of a batch, in order.
fn named<'r>(requests: &'r [Request<'static>]) -> (BTreeSet<&'r str>, BTreeSet<&'r str>) {
    let (mut names, mut tx_ids) = (BTreeSet::new(), BTreeSet::new());
    for request in requests {
        match request {
            Request::Write { command, tx_id, .. } => {
                names.extend(command.accounts().map(|account| account.as_str()));
                tx_ids.insert(tx_id.as_str());
            }
            Request::Resolve { tx_id, .. } => drop(tx_ids.insert(tx_id.as_str())),
            Request::Balance(account) => drop(names.insert(account.as_str())),
            Request::Balances(accounts) => {
                names.extend(accounts.iter().map(|account| account.as_str()));
            }
        }
    }
    (names, tx_ids)
}

/// The writes of a batch as the arrays of its statements, sorted by key so that insertions of
/// several batches meet in one order.
#[derive(Default)]
struct Columns<'w> {
    opened_names: Vec<&'w str>,
    opened_versions: Vec<i64>,
    opened_balances: Vec<i64>,
    names: Vec<&'w str>,
    versions_before: Vec<i64>,
    versions_after: Vec<i64>,
    balances: Vec<i64>,
    tx_ids: Vec<&'w str>,
    numbers: Vec<i32>,
    records: Vec<&'w [u8]>,
    entry_accounts: Vec<&'w str>,
    entry_versions: Vec<i64>,
    entry_numbers: Vec<i32>,
    entry_balances: Vec<i64>,
    /// Over all records in their order.
    digest: Vec<u8>,
}

impl<'w> Columns<'w> {
    fn of(writes: &'w Writes) -> Result<Self, Failed> {
        let mut columns = Self::default();
        for (name, change) in &writes.changes {
            match change.before {
                None => {
                    columns.opened_names.push(name);
                    columns.opened_versions.push(change.after);
                    columns.opened_balances.push(change.balance);
                }
                Some(before) => {
                    columns.names.push(name);
                    columns.versions_before.push(before);
                    columns.versions_after.push(change.after);
                    columns.balances.push(change.balance);
                }
            }
        }
        let mut hasher = blake3::Hasher::new();
        let mut records = Vec::with_capacity(writes.records.len());
        for (n, (tx_id, record)) in writes.records.iter().enumerate() {
            hasher.update(record);
            let n = i32::try_from(n)
                .map_err(|_| Failed::new(Fault::Fatal, "a batch has too many events"))?;
            records.push((tx_id.as_str(), n, record.as_slice()));
        }
        records.sort_unstable();
        for (tx_id, n, record) in records {
            columns.tx_ids.push(tx_id);
            columns.numbers.push(n);
            columns.records.push(record);
        }
        let mut entries: Vec<_> = writes.entries.iter().collect();
        entries.sort_unstable_by_key(|entry| (entry.account.as_str(), entry.version));
        for entry in entries {
            columns.entry_accounts.push(&entry.account);
            columns.entry_versions.push(entry.version);
            columns.entry_numbers.push(entry.n);
            columns.entry_balances.push(entry.balance);
        }
        columns.digest = hasher.finalize().as_bytes().to_vec();
        Ok(columns)
    }
}

/// A transaction from its row.
pub(crate) fn transaction(
    record: &[u8],
    seq_found: i64,
    at_us: i64,
) -> Result<Transaction<'static>, Failed> {
    let line = record.strip_suffix(b"\n").unwrap_or(record);
    let Some(found) = decode_record(line) else {
        return Err(Failed::new(Fault::Fatal, "a record cannot be read"));
    };
    let Transaction { tx_id, by, event, .. } = found.into_owned();
    Ok(Transaction { seq: seq(seq_found)?, tx_id, by, event, at_us: time(at_us)? })
}

pub(crate) fn seq(number: i64) -> Result<Seq, Failed> {
    let number = u64::try_from(number);
    number.map(Seq::new).map_err(|_| Failed::new(Fault::Fatal, "a seq is below zero"))
}

pub(crate) fn time(us: i64) -> Result<u64, Failed> {
    u64::try_from(us).map_err(|_| Failed::new(Fault::Fatal, "a time is below zero"))
}

pub(crate) fn balance(units: i64) -> Result<Balance, Failed> {
    Balance::new(units).ok_or_else(|| Failed::new(Fault::Fatal, "a balance is out of range"))
}
