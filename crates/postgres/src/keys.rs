//! Proves that what must be unique is: each tx_id stands once, and the indexes that keep keys unique
//! are there and valid.
//!
//! Not here: whether an index leads to every row of its table, which `pg_amcheck` tells.

use futures_util::TryStreamExt;

use crate::carry_error::{CarryError, Flaw};
use crate::scan::Snapshot;

/// What must be unique: a table and its columns, in the order of the index.
const UNIQUE: &[(&str, &str)] = &[
    ("account", "name"),
    ("barrier", "k"),
    ("batch", "batch"),
    ("batch", "first"),
    ("entry", "account, version"),
    ("head", "k"),
    ("meta", "key"),
    ("tx", "batch, n"),
    ("tx", "tx_id"),
];

/// The tx_ids of a history, in whatever order they were added: how many, and a sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TxIds {
    count: u64,
    sum: u128,
}

impl TxIds {
    pub(crate) fn add(&mut self, tx_id: &str) {
        let hash = blake3::hash(tx_id.as_bytes());
        let half = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        self.count = self.count.strict_add(1);
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
    }
}

/// Whether each tx_id of the table stands there once, and they are those of the batches, `given`.
/// They are read along the index on them where there is one, and sorted by the database otherwise.
pub(crate) async fn tx_ids_once(snapshot: &Snapshot, given: TxIds) -> Result<(), CarryError> {
    let statement = snapshot.client.prepare(include_str!("queries/whole/tx_ids.sql")).await?;
    let none: [&str; 0] = [];
    let mut rows = std::pin::pin!(snapshot.client.query_raw(&statement, none).await?);
    let mut found = TxIds::default();
    let mut before = String::new();
    while let Some(row) = rows.try_next().await? {
        let tx_id: &str = row.try_get(0)?;
        if tx_id == before {
            return Err(Flaw::Twice { tx_id: before }.into());
        }
        if tx_id < &*before {
            return Err(Flaw::TxIds.into());
        }
        found.add(tx_id);
        tx_id.clone_into(&mut before);
    }
    if found.count != given.count {
        return Err(Flaw::Rows { found: found.count, expected: given.count }.into());
    }
    if found == given { Ok(()) } else { Err(Flaw::TxIds.into()) }
}

/// Whether every unique index of the schema is there and valid.
pub(crate) async fn indexes_are_valid(snapshot: &Snapshot) -> Result<(), CarryError> {
    let mut found: Vec<(String, String)> = Vec::new();
    let text = include_str!("queries/whole/unique_indexes.sql");
    for row in snapshot.client.query(text, &[]).await? {
        found.push((row.try_get(0)?, row.try_get(1)?));
    }
    for (table, columns) in UNIQUE {
        if !found.iter().any(|(of, on)| (&**of, &**on) == (*table, *columns)) {
            return Err(Flaw::Index { table, columns }.into());
        }
    }
    Ok(())
}
