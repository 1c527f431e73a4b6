//! Reads a whole history from one snapshot, batch by batch, and proves each on the way: its place,
//! its time, its records and its link in the chain of hashes.
//!
//! **Invariant:** memory holds one batch, however long the history is.
//! Not here: whether the rules lead from event to event (`verify`).

use std::pin::Pin;

use futures_util::TryStreamExt;
use journal::{Currency, Genesis, LedgerId, decode_record};
use ledger::{Seq, Transaction};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, Row, RowStream};
use uuid::Uuid;

use crate::address::Address;
use crate::carry_error::{CarryError, Flaw};
use crate::finder::Finder;
use crate::link::{Driver, Mode, check_finished, check_version, plain};
use crate::planted::Plants;
use crate::schema::{HEAD_COPYING, HEAD_SERVED};

/// What a session that reads a history is set to. Only plans that walk along the indexes deliver
/// rows as they are read; all others gather the whole history first.
const SESSION: &str = "SET client_min_messages = warning; SET statement_timeout = 0; \
    SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0";

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A session with one snapshot of the database.
pub(crate) struct Snapshot {
    pub(crate) client: Client,
    _driver: Driver,
}

/// The end of the order, as the row of `head` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: Seq,
    pub(crate) at_us: u64,
    pub(crate) accounts: i64,
    pub(crate) money_in: i128,
    pub(crate) world: i128,
    pub(crate) hash: Vec<u8>,
}

/// The chain of hashes over all batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain([u8; 32]);

/// A batch as it was committed.
pub(crate) struct Batch {
    pub(crate) id: Uuid,
    pub(crate) transactions: Vec<Transaction<'static>>,
}

/// The batches of a snapshot, in their order.
pub(crate) struct Scan {
    /// `None` behind the last row: a stream that has ended must not be asked again.
    rows: Option<Pin<Box<RowStream>>>,
    /// The first row of the next batch, which shows that the one before has ended.
    next: Option<Row>,
    last: Seq,
    at_us: u64,
    chain: Chain,
    batches_count: u64,
}

/// The history that a database holds, from one snapshot at one position.
pub struct History {
    address: Address,
    mode: Mode,
    snapshot: Snapshot,
    scan: Scan,
    genesis: Genesis,
    head: Head,
}

impl Snapshot {
    /// Connects, and takes the snapshot. The database need not replicate.
    pub(crate) async fn take(address: &Address) -> Result<Self, CarryError> {
        let (client, driver) = plain(address).await?;
        client.batch_execute(SESSION).await?;
        check_version(&client).await?;
        client.batch_execute(BEGIN).await?;
        Ok(Self { client, _driver: driver })
    }

    /// Which ledger the database holds.
    pub(crate) async fn genesis(&self) -> Result<Genesis, CarryError> {
        genesis(&self.client).await
    }

    pub(crate) async fn head(&self, is_copying: bool) -> Result<Head, CarryError> {
        head(&self.client, is_copying).await
    }
}

/// Which ledger the database holds.
pub(crate) async fn genesis(client: &Client) -> Result<Genesis, CarryError> {
    let ledger = meta(client, "ledger").await?;
    let ledger = ledger.and_then(|text| LedgerId::from_hex(text.as_bytes()));
    let currency = meta(client, "currency").await?.and_then(|text| Currency::new(&text));
    Ok(Genesis {
        ledger: ledger.ok_or(Flaw::Meta { key: "ledger" })?,
        currency: currency.ok_or(Flaw::Meta { key: "currency" })?,
    })
}

async fn meta(client: &Client, key: &str) -> Result<Option<String>, CarryError> {
    let row = client.query_opt("SELECT value FROM saldo.meta WHERE key = $1", &[&key]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// The end of the order. Errors: it is not the one row, or not where the mark says that it is.
pub(crate) async fn head(client: &Client, is_copying: bool) -> Result<Head, CarryError> {
    let text = "SELECT seq, at, accounts, money_in::text, world::text, hash, k \
                FROM saldo.head LIMIT 2";
    let rows = client.query(text, &[]).await?;
    let wrong = |what, found: String, expected: String| Flaw::Head { what, found, expected };
    let row = match &*rows {
        [row] => row,
        [] => return Err(wrong("its row", "missing".into(), "one".into()).into()),
        _ => return Err(wrong("its row", "one of several".into(), "one".into()).into()),
    };
    let (k, expected): (i32, i32) =
        (row.try_get(6)?, if is_copying { HEAD_COPYING } else { HEAD_SERVED });
    if k != expected {
        return Err(wrong("k", k.to_string(), expected.to_string()).into());
    }
    let whole = |place: usize| -> Result<i128, CarryError> {
        let text: String = row.try_get(place)?;
        Ok(text.parse().map_err(|_| Flaw::Number { table: "head", what: "total" })?)
    };
    Ok(Head {
        seq: Seq::new(number("head", "seq", row.try_get(0)?)?),
        at_us: number("head", "time", row.try_get(1)?)?,
        accounts: row.try_get(2)?,
        money_in: whole(3)?,
        world: whole(4)?,
        hash: row.try_get(5)?,
    })
}

impl Chain {
    /// Before the first batch: the hash of the ledger's name.
    pub(crate) fn of(ledger: LedgerId) -> Self {
        Self(Sha256::digest(ledger.to_hex().as_bytes()).into())
    }

    /// The chain that ends with these bytes; `None` unless they are as many as a hash has.
    pub(crate) fn at(hash: &[u8]) -> Option<Self> {
        hash.try_into().ok().map(Self)
    }

    /// With a batch of this digest and this time, in microseconds, behind it.
    pub(crate) fn then(self, digest: &[u8], at_us: i64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(digest);
        hasher.update(at_us.to_be_bytes());
        Self(hasher.finalize().into())
    }

    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl Scan {
    /// From the first batch on.
    pub(crate) async fn begin(snapshot: &Snapshot, ledger: LedgerId) -> Result<Self, CarryError> {
        let statement = snapshot.client.prepare(include_str!("queries/whole/batches.sql")).await?;
        let none: [&str; 0] = [];
        let rows = Some(Box::pin(snapshot.client.query_raw(&statement, none).await?));
        Ok(Self {
            rows,
            next: None,
            last: Seq::ZERO,
            at_us: 0,
            chain: Chain::of(ledger),
            batches_count: 0,
        })
    }

    /// The next batch, proven; `None` behind the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Batch>, CarryError> {
        let row = match self.next.take() {
            Some(row) => Some(row),
            None => self.row().await?,
        };
        let Some(row) = row else { return Ok(None) };
        let id: Uuid = row.try_get(0)?;
        let first: u64 = number("batch", "seq", row.try_get(1)?)?;
        let expected = self.last.next();
        if first != expected.get() {
            return Err(Flaw::Gap { found: first, expected }.into());
        }
        let first = expected;
        let count: i32 = row.try_get(2)?;
        let at: i64 = row.try_get(3)?;
        let at_us: u64 = number("batch", "time", at)?;
        let (digest, hash): (Vec<u8>, Vec<u8>) = (row.try_get(4)?, row.try_get(5)?);
        if at_us < self.at_us {
            return Err(Flaw::Time { first }.into());
        }
        let mut hasher = blake3::Hasher::new();
        let mut transactions = Vec::new();
        let mut row = Some(row);
        while let Some(event) = row {
            let seq = self.last.next();
            let place: Option<i32> = event.try_get(6)?;
            if place.and_then(|place| usize::try_from(place).ok()) != Some(transactions.len()) {
                return Err(Flaw::Count { first }.into());
            }
            let (tx_id, record): (&str, &[u8]) = (event.try_get(7)?, event.try_get(8)?);
            hasher.update(record);
            transactions.push(transaction(seq, at_us, tx_id, record)?);
            self.last = seq;
            row = self.row().await?;
            if let Some(other) = row.take_if(|row| row.try_get(0).ok() != Some(id)) {
                self.next = Some(other);
            }
        }
        if usize::try_from(count).ok() != Some(transactions.len()) {
            return Err(Flaw::Count { first }.into());
        }
        if *hasher.finalize().as_bytes() != *digest {
            return Err(Flaw::Digest { first }.into());
        }
        self.chain = self.chain.then(&digest, at);
        if self.chain.bytes() != *hash {
            return Err(Flaw::Chain { first }.into());
        }
        self.at_us = at_us;
        self.batches_count = self.batches_count.strict_add(1);
        Ok(Some(Batch { id, transactions }))
    }

    async fn row(&mut self) -> Result<Option<Row>, CarryError> {
        let Some(rows) = &mut self.rows else { return Ok(None) };
        let row = rows.try_next().await?;
        if row.is_none() {
            self.rows = None;
        }
        Ok(row)
    }

    /// The last event that was handed out.
    pub(crate) fn last(&self) -> Seq {
        self.last
    }

    /// Its time.
    pub(crate) fn at_us(&self) -> u64 {
        self.at_us
    }

    pub(crate) fn chain(&self) -> Chain {
        self.chain
    }

    pub(crate) fn batches_count(&self) -> u64 {
        self.batches_count
    }
}

impl History {
    /// Connects, and takes the snapshot. Errors: there is no bank, or one whose copying was not
    /// finished, or the database is not what `mode` asks for.
    pub async fn open(address: Address, mode: Mode) -> Result<Self, CarryError> {
        // What keeps a server from starting would be found at the end of the reading otherwise.
        Finder::new(address.clone(), mode, Plants::default()).find().await?;
        let snapshot = Snapshot::take(&address).await?;
        check_finished(&snapshot.client).await?;
        let genesis = snapshot.genesis().await?;
        let head = snapshot.head(false).await?;
        let scan = Scan::begin(&snapshot, genesis.ledger).await?;
        Ok(Self { address, mode, snapshot, scan, genesis, head })
    }

    /// Ledger and currency.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The last event of the snapshot.
    pub fn last(&self) -> Seq {
        self.head.seq
    }

    /// The next events; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Transaction<'static>>>, CarryError> {
        match self.scan.next().await? {
            Some(batch) => Ok(Some(batch.transactions)),
            None if self.scan.last() == self.last() => Ok(None),
            None => Err(Flaw::Head {
                what: "seq",
                found: self.last().to_string(),
                expected: self.scan.last().to_string(),
            }
            .into()),
        }
    }

    /// Ends the snapshot. With [`Mode::Replicated`] all that it showed is on a standby when this
    /// returns. Errors: the bank has gone on meanwhile, so what was read is not all of it.
    pub async fn end(self) -> Result<(), CarryError> {
        let Self { address, mode, snapshot, head: before, .. } = self;
        snapshot.client.batch_execute("COMMIT").await?;
        // Its checks end with a commit that a standby acknowledges: what was committed before is there
        // as well.
        let link = Finder::new(address, mode, Plants::default()).find().await?;
        let head = head(&link.client, false).await?;
        // Another history may have come to the same seq.
        let is_same = (head.seq, &head.hash) == (before.seq, &before.hash);
        if is_same { Ok(()) } else { Err(CarryError::Moved { seq: before.seq }) }
    }
}

/// A number of the database that is none below zero.
pub(crate) fn number(
    table: &'static str,
    what: &'static str,
    found: i64,
) -> Result<u64, CarryError> {
    Ok(u64::try_from(found).map_err(|_| Flaw::Number { table, what })?)
}

fn transaction(
    seq: Seq,
    at_us: u64,
    tx_id: &str,
    record: &[u8],
) -> Result<Transaction<'static>, CarryError> {
    let line = record.strip_suffix(b"\n").ok_or(Flaw::Record { seq })?;
    let found = decode_record(line).ok_or(Flaw::Record { seq })?;
    if found.seq != Seq::ZERO || found.at_us != 0 {
        return Err(Flaw::Record { seq }.into());
    }
    if found.tx_id.as_str() != tx_id {
        return Err(Flaw::TxId { seq }.into());
    }
    let Transaction { tx_id, by, event, .. } = found.into_owned();
    Ok(Transaction { seq, tx_id, by, event, at_us })
}
