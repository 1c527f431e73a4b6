//! Proves what a database holds, reading only, from one snapshot: every batch in its chain, every
//! event by the rules, and every derived row by the events.
//!
//! It runs the rules again on its own plain map of balances; of the engine it shares the reading of
//! records, and nothing that decides or writes.
//!
//! **Invariant:** memory grows with the accounts, not with the history: of an account's statement it
//! keeps one hash.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use journal::{Content, Contradiction, Genesis, Hash, follows};
use ledger::{Balance, Event, Leg, Seq, Transaction};
use uuid::Uuid;

use crate::address::Address;
use crate::carry_error::{CarryError, Flaw, Mismatch};
use crate::keys::{TxIds, indexes_are_valid, tx_ids_once};
use crate::link::is_marked;
use crate::scan::{Head, Scan, Snapshot};

/// What [`verify`] proved.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Ledger and currency.
    pub genesis: Genesis,
    /// The last event.
    pub last: Seq,
    /// Batches, each a commit.
    pub batches_count: u64,
    /// Accounts.
    pub accounts_count: u64,
    /// Sum over all accounts without `@world`, in minor units.
    pub sum: i128,
    /// Balance of `@world`, in minor units; `sum + world` was 0 after every event.
    pub world: i128,
    /// Recorded refusals among the events.
    pub refusals_count: u64,
    /// The last hash of the chain over all batches (SHA-256).
    pub chain: Hash,
    /// The hash over all events, which is the same in whatever keeps them.
    pub content: Hash,
    /// Whether a hash of the chain is the expected one.
    pub expected_found: bool,
    /// Whether a copy into this database was not finished.
    pub is_copying: bool,
}

/// What the events gave an account so far.
struct Held {
    balance: Balance,
    version: i64,
    /// Over the lines of its statement, one after the other.
    statement: Hash,
    has_row: bool,
    has_statement: bool,
}

#[derive(Default)]
struct Prover {
    accounts: HashMap<String, Held>,
    sum: i128,
    world: i128,
    money_in: i128,
    refusals_count: u64,
    content: Content,
    tx_ids: TxIds,
}

/// Proves the database at `address`, looks for the hash `expected` in its chain, and tells `progress`
/// the seq reached, now and then. It needs SELECT on all tables and no more, and works beside servers.
/// Errors: the first thing that does not hold.
pub async fn verify(
    address: &Address,
    expected: Option<Hash>,
    mut progress: impl FnMut(Seq),
) -> Result<Proof, CarryError> {
    let snapshot = Snapshot::take(address).await?;
    let genesis = snapshot.genesis().await?;
    let is_copying = is_marked(&snapshot.client).await?;
    let head = snapshot.head(is_copying).await?;
    let mut prover = Prover::default();
    let mut scan = Scan::begin(&snapshot, genesis.ledger).await?;
    let mut expected_found = false;
    while let Some(batch) = scan.next().await? {
        for (n, transaction) in batch.transactions.iter().enumerate() {
            prover
                .take(batch.id, n, transaction)
                .map_err(|what| Flaw::Event { seq: transaction.seq, what })?;
        }
        expected_found |= expected == Some(Hash::from_bytes(scan.chain().bytes()));
        progress(scan.last());
    }
    prover.agrees_with(&head, &scan)?;
    tx_ids_once(&snapshot, prover.tx_ids).await?;
    prover.accounts(&snapshot).await?;
    prover.statements(&snapshot).await?;
    indexes_are_valid(&snapshot).await?;
    snapshot.client.batch_execute("COMMIT").await?;
    Ok(Proof {
        genesis,
        last: scan.last(),
        batches_count: scan.batches_count(),
        accounts_count: prover.accounts.len() as u64,
        sum: prover.sum,
        world: prover.world,
        refusals_count: prover.refusals_count,
        chain: Hash::from_bytes(scan.chain().bytes()),
        content: prover.content.hash(),
        expected_found,
        is_copying,
    })
}

impl Prover {
    fn take(
        &mut self,
        batch: Uuid,
        n: usize,
        transaction: &Transaction<'_>,
    ) -> Result<(), Contradiction> {
        self.content.take(transaction);
        self.tx_ids.add(transaction.tx_id.as_str());
        follows(transaction, |account| {
            self.accounts.get(account).map_or(Balance::ZERO, |held| held.balance)
        })?;
        let event = &transaction.event;
        for leg in event.legs() {
            self.set(batch, n, leg);
        }
        if let Event::Refused(_) = event {
            self.refusals_count = self.refusals_count.strict_add(1);
        }
        self.world = self.world.saturating_add(event.world_delta());
        self.money_in = self.money_in.saturating_add(event.money_in());
        // After every single event, not only at the end.
        if self.sum.saturating_add(self.world) == 0 {
            Ok(())
        } else {
            Err(Contradiction::BalanceBefore)
        }
    }

    fn set(&mut self, batch: Uuid, n: usize, leg: &Leg<'_>) {
        self.sum = self.sum.strict_add(i128::from(leg.change()));
        let name = leg.account.as_str();
        let first = || Held {
            balance: Balance::ZERO,
            version: 0,
            statement: Hash::ZERO,
            has_row: false,
            has_statement: false,
        };
        let held = match self.accounts.get_mut(name) {
            Some(held) => held,
            None => self.accounts.entry(name.to_owned()).or_insert_with(first),
        };
        held.balance = leg.after;
        held.version = held.version.strict_add(1);
        let n = i32::try_from(n).unwrap_or(i32::MAX);
        held.statement = line(held.statement, batch, n, leg.after.get());
    }

    /// Whether the row of `head` says what the events give.
    fn agrees_with(&self, head: &Head, scan: &Scan) -> Result<(), Flaw> {
        let differs = |what, found: String, expected: String| {
            if found == expected { Ok(()) } else { Err(Flaw::Head { what, found, expected }) }
        };
        differs("seq", head.seq.to_string(), scan.last().to_string())?;
        differs("hash", hex(&head.hash), hex(&scan.chain().bytes()))?;
        let accounts = self.accounts.len();
        differs("accounts", head.accounts.to_string(), accounts.to_string())?;
        differs("money_in", head.money_in.to_string(), self.money_in.to_string())?;
        differs("world", head.world.to_string(), self.world.to_string())?;
        // It may be later: a question about the past settles it.
        let at_us = head.at_us.max(scan.at_us());
        differs("at", head.at_us.to_string(), at_us.to_string())
    }

    /// Whether each account holds what its events give, and there is no other.
    async fn accounts(&mut self, snapshot: &Snapshot) -> Result<(), CarryError> {
        let statement = snapshot.client.prepare(include_str!("queries/whole/accounts.sql")).await?;
        let none: [&str; 0] = [];
        let mut rows = std::pin::pin!(snapshot.client.query_raw(&statement, none).await?);
        while let Some(row) = rows.try_next().await? {
            let name: String = row.try_get(0)?;
            let (version, balance): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
            let what = match self.accounts.get_mut(&name) {
                None => Some(Mismatch::Unfounded),
                Some(held) => {
                    held.has_row = true;
                    differs("balance", balance, held.balance.get())
                        .or_else(|| differs("version", version, held.version))
                }
            };
            if let Some(what) = what {
                return Err(Flaw::Account { name, what }.into());
            }
        }
        match self.accounts.iter().find(|(_, held)| !held.has_row) {
            None => Ok(()),
            Some((name, _)) => {
                let what = Mismatch::Missing;
                Err(Flaw::Account { name: name.clone(), what }.into())
            }
        }
    }

    /// Whether the lines of each statement are those that its events give, and there is no other.
    async fn statements(&mut self, snapshot: &Snapshot) -> Result<(), CarryError> {
        let statement = snapshot.client.prepare(include_str!("queries/whole/entries.sql")).await?;
        let none: [&str; 0] = [];
        let mut rows = std::pin::pin!(snapshot.client.query_raw(&statement, none).await?);
        let mut read = Read::of(String::new());
        while let Some(row) = rows.try_next().await? {
            let account: &str = row.try_get(0)?;
            if account != read.account {
                self.ended(&read)?;
                read = Read::of(account.to_owned());
            }
            let (version, balance): (i64, i64) = (row.try_get(1)?, row.try_get(4)?);
            let expected = read.version.strict_add(1);
            if let Some(what) = differs("version", version, expected) {
                return Err(Flaw::Statement { account: read.account, what }.into());
            }
            read.version = version;
            read.statement = line(read.statement, row.try_get(2)?, row.try_get(3)?, balance);
        }
        self.ended(&read)?;
        // Each account has a line: that of the event that opened it.
        match self.accounts.iter().find(|(_, held)| !held.has_statement) {
            None => Ok(()),
            Some((account, _)) => {
                let what = Mismatch::Missing;
                Err(Flaw::Statement { account: account.clone(), what }.into())
            }
        }
    }

    fn ended(&mut self, read: &Read) -> Result<(), Flaw> {
        if read.version == 0 {
            return Ok(());
        }
        let what = match self.accounts.get_mut(&read.account) {
            None => Mismatch::Unfounded,
            Some(held) => match differs("last version", read.version, held.version) {
                Some(what) => what,
                None if read.statement != held.statement => Mismatch::Content,
                None => {
                    held.has_statement = true;
                    return Ok(());
                }
            },
        };
        Err(Flaw::Statement { account: read.account.clone(), what })
    }
}

/// What was read of a statement so far.
struct Read {
    account: String,
    version: i64,
    statement: Hash,
}

impl Read {
    fn of(account: String) -> Self {
        Self { account, version: 0, statement: Hash::ZERO }
    }
}

/// The hash of a statement with one more line.
fn line(before: Hash, batch: Uuid, n: i32, balance: i64) -> Hash {
    let mut bytes = [0; 28];
    let (id, rest) = bytes.split_at_mut(16);
    let (place, held) = rest.split_at_mut(4);
    id.copy_from_slice(batch.as_bytes());
    place.copy_from_slice(&n.to_le_bytes());
    held.copy_from_slice(&balance.to_le_bytes());
    Hash::chain(before, &bytes)
}

fn differs(what: &'static str, found: i64, expected: i64) -> Option<Mismatch> {
    (found != expected).then_some(Mismatch::Value { what, found, expected })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
