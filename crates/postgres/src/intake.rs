//! Takes a whole history over into a database: in portions, each its own commit, in order.
//!
//! **Invariant:** whatever ends it, the database holds a prefix of the history, whole, and the mark
//! `copying`, with which no server serves it. The mark comes with the schema, or before the first event.
//! **Invariant:** a server that was connected before finds no head until the mark is gone.
//! **Invariant:** each portion is written only behind the one before: a database that somebody else
//! writes to is let alone.
//! Not here: whether what is there already is a prefix (`Intake::content` says what it is).

use std::collections::HashMap;

use journal::{Content, Contradiction, Genesis, encode_record};
use ledger::{Balance, By, Seq, Transaction};
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::address::Address;
use crate::carry_error::{CarryError, Flaw};
use crate::finder::Finder;
use crate::link::{Driver, LIMITS, Mode, check_settings, check_version, is_marked, plain};
use crate::planted::Plants;
use crate::scan::{Chain, Head, Scan, Snapshot, genesis, head};
use crate::schema::{create_schema_for_copy, has_schema, mark, unmark};

/// The commits are durable before the next portion is begun, whatever the role is set to.
const SESSION: &str = "SET client_min_messages = warning; SET synchronous_commit = on; \
    SET statement_timeout = 0; SET lock_timeout = '10s'; SET enable_seqscan = off; \
    SET plan_cache_mode = force_generic_plan";

/// A database that is about to hold a history, or the beginning of it.
pub struct Intake {
    address: Address,
    mode: Mode,
    client: Client,
    _driver: Driver,
    genesis: Genesis,
    head: Head,
    chain: Chain,
    /// Whether the database was made for another ledger, in which nothing has happened.
    is_adopted: bool,
    /// Whether the mark was there when the database was opened, or was made since.
    has_begun: bool,
}

/// An account while a portion is laid out.
struct Account {
    version: i64,
    balance: Balance,
    is_changed: bool,
}

/// A portion as rows.
#[derive(Default)]
struct Rows<'t> {
    batches: Vec<BatchRow>,
    events: Vec<(&'t str, Uuid, i32, Vec<u8>)>,
    entries: Vec<(&'t str, i64, Uuid, i32, i64)>,
}

struct BatchRow {
    id: Uuid,
    first: i64,
    count: i32,
    at: i64,
    digest: blake3::Hasher,
}

impl Intake {
    /// Connects to the primary, and makes the schema where there is none. The role must own the
    /// schema. Errors: the database must not be used as it is, or holds another ledger in which
    /// something has happened.
    pub async fn open(
        address: Address,
        mode: Mode,
        expected: &Genesis,
    ) -> Result<Self, CarryError> {
        let (client, driver) = plain(&address).await?;
        client.batch_execute(SESSION).await?;
        client.batch_execute(LIMITS).await?;
        if !has_schema(&client).await? {
            check_settings(&client, mode).await?;
            create_schema_for_copy(&address, expected.ledger, &expected.currency).await?;
        }
        check_version(&client).await?;
        check_settings(&client, mode).await?;
        let found = genesis(&client).await?;
        let is_copying = is_marked(&client).await?;
        let head = head(&client, is_copying).await?;
        let is_adopted = found != *expected;
        if is_adopted && head.seq > Seq::ZERO {
            let found = format!("{} {}", found.ledger.to_hex(), found.currency.as_str());
            return Err(CarryError::OtherLedger { found });
        }
        let chain = match head.seq {
            Seq::ZERO => Chain::of(expected.ledger),
            _ => Chain::at(&head.hash).ok_or(Flaw::Number { table: "head", what: "hash" })?,
        };
        let genesis = expected.clone();
        let _driver = driver;
        let has_begun = !is_adopted && is_copying;
        Ok(Self { address, mode, client, _driver, genesis, head, chain, is_adopted, has_begun })
    }

    /// The last event that the database holds.
    pub fn last(&self) -> Seq {
        self.head.seq
    }

    /// What the database says so far: every event of it is read, and its place in the chain of hashes
    /// proven. `progress` is told the seq reached.
    pub async fn content(&self, mut progress: impl FnMut(Seq)) -> Result<Content, CarryError> {
        let mut content = Content::default();
        if self.head.seq == Seq::ZERO {
            return Ok(content);
        }
        let snapshot = Snapshot::take(&self.address).await?;
        let mut scan = Scan::begin(&snapshot, self.genesis.ledger).await?;
        while let Some(batch) = scan.next().await? {
            batch.transactions.iter().for_each(|transaction| content.take(transaction));
            progress(scan.last());
        }
        if (scan.last(), scan.chain()) != (self.head.seq, self.chain) {
            return Err(CarryError::Moved { seq: self.head.seq });
        }
        Ok(content)
    }

    /// Marks the database, so that no server serves it until [`Intake::finish`], and gives it the ledger's
    /// name. Once is enough, and more does no harm.
    pub async fn begin(&mut self) -> Result<(), CarryError> {
        if self.has_begun {
            return Ok(());
        }
        let transaction = self.client.transaction().await?;
        let held = transaction
            .query_one("SELECT seq FROM saldo.head FOR UPDATE", &[])
            .await?
            .try_get::<_, i64>(0)?;
        if u64::try_from(held) != Ok(self.head.seq.get()) {
            return Err(CarryError::Moved { seq: self.head.seq });
        }
        mark(&transaction).await?;
        if self.is_adopted {
            let (id, currency) = (self.genesis.ledger.to_hex(), self.genesis.currency.as_str());
            let name = "UPDATE saldo.meta SET value = CASE key WHEN 'ledger' THEN $1 ELSE $2 END \
                        WHERE key IN ('ledger', 'currency')";
            transaction.execute(name, &[&id, &currency]).await?;
            let start = "UPDATE saldo.head SET hash = $1 WHERE seq = 0";
            transaction.execute(start, &[&&self.chain.bytes()[..]]).await?;
            self.head.hash = self.chain.bytes().to_vec();
        }
        transaction.commit().await?;
        (self.has_begun, self.is_adopted) = (true, false);
        Ok(())
    }

    /// Writes the events behind [`Intake::last`], which follow one another, and commits them.
    /// On an error none of them is written, unless the commit's answer was lost: then all may be.
    pub async fn write(&mut self, events: &[Transaction<'static>]) -> Result<(), CarryError> {
        self.begin().await?;
        let Some(last) = events.last() else { return Ok(()) };
        let mut accounts = self.accounts_of(events).await?;
        let known = accounts.len();
        let rows = lay_out(events, &mut accounts)?;
        let mut chain = self.chain;
        let batches: Vec<(BatchRow, Vec<u8>, Chain)> = rows
            .batches
            .into_iter()
            .map(|row| {
                let digest = row.digest.finalize().as_bytes().to_vec();
                chain = chain.then(&digest, row.at);
                (row, digest, chain)
            })
            .collect();
        let opened = i64::try_from(accounts.len().saturating_sub(known)).unwrap_or(i64::MAX);
        let (mut money_in, mut world) = (self.head.money_in, self.head.world);
        for Transaction { event, .. } in events {
            money_in = money_in.strict_add(event.money_in());
            world = world.strict_add(event.world_delta());
        }
        let after = Head {
            seq: last.seq,
            at_us: last.at_us,
            accounts: self.head.accounts.strict_add(opened),
            money_in,
            world,
            hash: chain.bytes().to_vec(),
        };
        let transaction = self.client.transaction().await?;
        let client = transaction.client();
        copy_batches(client, &batches).await?;
        copy_events(client, rows.events).await?;
        copy_entries(client, rows.entries).await?;
        write_accounts(client, &accounts).await?;
        if !move_head(client, &self.head, &after).await? {
            return Err(CarryError::Moved { seq: self.head.seq });
        }
        transaction.commit().await?;
        (self.head, self.chain) = (after, chain);
        Ok(())
    }

    /// Takes the mark away, and lets servers find the head. With [`Mode::Replicated`] all is on a standby when this returns.
    pub async fn finish(mut self) -> Result<(), CarryError> {
        let transaction = self.client.transaction().await?;
        unmark(&transaction).await?;
        transaction.commit().await?;
        // Its checks are those of a server, and end with a commit that a standby acknowledges: what
        // was committed before is there as well.
        Finder::new(self.address, self.mode, Plants::default()).find().await?;
        Ok(())
    }

    /// The rows of the accounts that the events change, as far as they are there.
    async fn accounts_of(
        &self,
        events: &[Transaction<'static>],
    ) -> Result<HashMap<String, Account>, CarryError> {
        let mut names: Vec<&str> = events
            .iter()
            .flat_map(|one| one.event.legs().map(|leg| leg.account.as_str()))
            .collect();
        names.sort_unstable();
        names.dedup();
        let held = "SELECT name, version, balance FROM saldo.account WHERE name = ANY($1::text[])";
        let mut accounts = HashMap::with_capacity(names.len());
        for row in self.client.query(held, &[&names]).await? {
            let balance = Balance::new(row.try_get(2)?);
            let balance = balance.ok_or(Flaw::Number { table: "account", what: "balance" })?;
            let account = Account { version: row.try_get(1)?, balance, is_changed: false };
            accounts.insert(row.try_get(0)?, account);
        }
        Ok(accounts)
    }
}

/// Lays a portion out as rows, and moves `accounts` on. Events of one time share a batch.
fn lay_out<'t>(
    events: &'t [Transaction<'static>],
    accounts: &mut HashMap<String, Account>,
) -> Result<Rows<'t>, Flaw> {
    let out_of_range = |what| Flaw::Number { table: "batch", what };
    let mut rows = Rows::default();
    for Transaction { seq, tx_id, by, event, at_us } in events {
        let first = i64::try_from(seq.get()).map_err(|_| out_of_range("seq"))?;
        let at = i64::try_from(*at_us).map_err(|_| out_of_range("time"))?;
        if rows.batches.last().is_none_or(|batch| batch.at != at) {
            let (id, digest) = (Uuid::now_v7(), blake3::Hasher::new());
            rows.batches.push(BatchRow { id, first, count: 0, at, digest });
        }
        let Some(batch) = rows.batches.last_mut() else { continue };
        let (id, n) = (batch.id, batch.count);
        batch.count = n.checked_add(1).ok_or_else(|| out_of_range("count"))?;
        let mut record = Vec::with_capacity(256);
        let by = by.as_ref().map(By::as_str);
        encode_record(&mut record, Seq::ZERO, tx_id.as_str(), by, event, 0);
        batch.digest.update(&record);
        rows.events.push((tx_id.as_str(), id, n, record));
        for leg in event.legs() {
            let name = leg.account.as_str();
            let account = match accounts.get_mut(name) {
                Some(account) => account,
                None => accounts.entry(name.to_owned()).or_insert(Account {
                    version: 0,
                    balance: Balance::ZERO,
                    is_changed: true,
                }),
            };
            if account.balance != leg.before {
                let what = Contradiction::BalanceBefore;
                return Err(Flaw::Event { seq: *seq, what });
            }
            account.version = account.version.strict_add(1);
            account.balance = leg.after;
            account.is_changed = true;
            rows.entries.push((name, account.version, id, n, leg.after.get()));
        }
    }
    // By key, as they stand in the indexes.
    rows.events.sort_unstable_by_key(|event| event.0);
    rows.entries.sort_unstable_by_key(|entry| (entry.0, entry.1));
    Ok(rows)
}

async fn copy_batches(
    client: &Client,
    batches: &[(BatchRow, Vec<u8>, Chain)],
) -> Result<(), CarryError> {
    let into = "COPY saldo.batch (batch, first, n, at, digest, hash) FROM STDIN BINARY";
    let types = [Type::UUID, Type::INT8, Type::INT4, Type::INT8, Type::BYTEA, Type::BYTEA];
    let mut writer = std::pin::pin!(BinaryCopyInWriter::new(client.copy_in(into).await?, &types));
    for (row, digest, chain) in batches {
        let BatchRow { id, first, count, at, .. } = row;
        let hash = chain.bytes().to_vec();
        let values: [&(dyn ToSql + Sync); 6] = [id, first, count, at, digest, &hash];
        writer.as_mut().write(&values).await?;
    }
    writer.finish().await?;
    Ok(())
}

async fn copy_events(
    client: &Client,
    events: Vec<(&str, Uuid, i32, Vec<u8>)>,
) -> Result<(), CarryError> {
    let into = "COPY saldo.tx (tx_id, batch, n, record) FROM STDIN BINARY";
    let types = [Type::TEXT, Type::UUID, Type::INT4, Type::BYTEA];
    let mut writer = std::pin::pin!(BinaryCopyInWriter::new(client.copy_in(into).await?, &types));
    for (tx_id, batch, n, record) in events {
        writer.as_mut().write(&[&tx_id, &batch, &n, &record]).await?;
    }
    writer.finish().await?;
    Ok(())
}

async fn copy_entries(
    client: &Client,
    entries: Vec<(&str, i64, Uuid, i32, i64)>,
) -> Result<(), CarryError> {
    let into = "COPY saldo.entry (account, version, batch, n, balance) FROM STDIN BINARY";
    let types = [Type::TEXT, Type::INT8, Type::UUID, Type::INT4, Type::INT8];
    let mut writer = std::pin::pin!(BinaryCopyInWriter::new(client.copy_in(into).await?, &types));
    for (account, version, batch, n, balance) in entries {
        writer.as_mut().write(&[&account, &version, &batch, &n, &balance]).await?;
    }
    writer.finish().await?;
    Ok(())
}

async fn write_accounts(
    client: &Client,
    accounts: &HashMap<String, Account>,
) -> Result<(), CarryError> {
    let mut changed: Vec<(&str, i64, i64)> = accounts
        .iter()
        .filter(|(_, account)| account.is_changed)
        .map(|(name, account)| (name.as_str(), account.version, account.balance.get()))
        .collect();
    changed.sort_unstable();
    let names: Vec<&str> = changed.iter().map(|row| row.0).collect();
    let versions: Vec<i64> = changed.iter().map(|row| row.1).collect();
    let balances: Vec<i64> = changed.iter().map(|row| row.2).collect();
    let write = include_str!("queries/whole/write_accounts.sql");
    client.execute(write, &[&names, &versions, &balances]).await?;
    Ok(())
}

/// Moves the end of the order from `before` to `after`; `false` when it is elsewhere.
async fn move_head(client: &Client, before: &Head, after: &Head) -> Result<bool, CarryError> {
    let number = |seq: Seq| i64::try_from(seq.get()).unwrap_or(i64::MAX);
    let at = i64::try_from(after.at_us).unwrap_or(i64::MAX);
    let (money_in, world) = (after.money_in.to_string(), after.world.to_string());
    let (seq_after, seq_before) = (number(after.seq), number(before.seq));
    let moved = client
        .execute(
            include_str!("queries/whole/move_head.sql"),
            &[
                &seq_after,
                &at,
                &after.accounts,
                &money_in,
                &world,
                &after.hash,
                &seq_before,
                &before.hash,
            ],
        )
        .await?;
    Ok(moved == 1)
}
