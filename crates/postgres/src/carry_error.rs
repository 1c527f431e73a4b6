//! What can go wrong where a whole history is read from a database or written into one.

use std::error::Error as _;
use std::fmt;

use journal::Contradiction;
use ledger::Seq;
use thiserror::Error;
use tokio_postgres::types::{WasNull, WrongType};

use crate::error::{CheckFault, OpenError};

/// Why a whole history was not read or written to its end.
#[derive(Debug, Error)]
pub enum CarryError {
    /// No connection, or the database must not be used as it is.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database refused, or was lost.
    #[error("the database failed")]
    Database(#[from] tokio_postgres::Error),
    /// What the database holds is no bank that this program wrote.
    #[error("{0}")]
    Flawed(#[from] Flaw),
    /// The database holds another bank.
    #[error("the database holds the ledger {found}")]
    OtherLedger {
        /// Its name, and its currency.
        found: String,
    },
    /// Somebody else writes to the database.
    #[error("the database was written by somebody else behind seq {seq}")]
    Moved {
        /// The last event that was found or written here.
        seq: Seq,
    },
}

impl CarryError {
    /// Whether it says that what the database holds is damaged: a flaw that was found here, or a page,
    /// an index, a file, a table or a column that the database itself misses or cannot read.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Flawed(_) => true,
            Self::Database(error) | Self::Open(OpenError::Database(error)) => tells_damage(error),
            Self::Open(_) | Self::OtherLedger { .. } | Self::Moved { .. } => false,
        }
    }
}

fn tells_damage(error: &tokio_postgres::Error) -> bool {
    if let Some(code) = error.code() {
        // The last two come behind the check of the schema's version.
        return matches!(code.code(), "XX001" | "XX002" | "58P01" | "42703" | "42P01");
    }
    // A column of another type, or a missing value.
    error.source().is_some_and(|source| source.is::<WrongType>() || source.is::<WasNull>())
}

impl From<CheckFault> for CarryError {
    fn from(fault: CheckFault) -> Self {
        Self::Open(fault.into())
    }
}

/// What is wrong with what a database holds.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Flaw {
    /// A row of `meta` is missing or cannot be read.
    #[error("meta: {key} is missing or cannot be read")]
    Meta {
        /// Its key.
        key: &'static str,
    },
    /// A number cannot be one of a bank.
    #[error("{table}: a {what} is out of its range")]
    Number {
        /// The table.
        table: &'static str,
        /// What it should be.
        what: &'static str,
    },
    /// The next batch does not begin where the one before ends.
    #[error("batch: the one that begins at seq {found} should begin at seq {expected}")]
    Gap {
        /// Where it begins.
        found: u64,
        /// Where it should.
        expected: Seq,
    },
    /// An event of a batch is missing, or there is one too many.
    #[error("tx: the batch that begins at seq {first} has not the events that it counts")]
    Count {
        /// The first event of the batch.
        first: Seq,
    },
    /// The time goes back.
    #[error("batch: time goes back at seq {first}")]
    Time {
        /// The first event of the batch.
        first: Seq,
    },
    /// A record is no line of an event.
    #[error("tx: the record of seq {seq} cannot be read")]
    Record {
        /// The event.
        seq: Seq,
    },
    /// An event stands under another tx_id than its record names.
    #[error("tx: seq {seq} stands under another tx_id than its record has")]
    TxId {
        /// The event.
        seq: Seq,
    },
    /// The records of a batch are not those that were committed.
    #[error("batch: its digest is not that of the events from seq {first} on")]
    Digest {
        /// The first event of the batch.
        first: Seq,
    },
    /// A batch does not follow the one before in the chain of hashes.
    #[error("batch: the chain of hashes breaks at seq {first}")]
    Chain {
        /// The first event of the batch.
        first: Seq,
    },
    /// An event is impossible.
    #[error("tx: seq {seq} is impossible: {what}")]
    Event {
        /// The event.
        seq: Seq,
        /// What it contradicts.
        what: Contradiction,
    },
    /// The end of the order is not what the events give.
    #[error("head: {what} is {found}, the events give {expected}")]
    Head {
        /// The column.
        what: &'static str,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// There are rows of no batch.
    #[error("tx: {found} rows, the batches count {expected}")]
    Rows {
        /// How many there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// A tx_id stands there more than once.
    #[error("tx: the tx_id {tx_id:?} is there twice")]
    Twice {
        /// The tx_id.
        tx_id: String,
    },
    /// Read along their index, the tx_ids are not in order, or not those of the batches.
    #[error("tx: the tx_ids in order are not those of the batches")]
    TxIds,
    /// Nothing keeps a key unique.
    #[error("{table}: there is no valid unique index on ({columns})")]
    Index {
        /// The table.
        table: &'static str,
        /// Its columns.
        columns: &'static str,
    },
    /// An account is not what its events give.
    #[error("account: {name:?} {what}")]
    Account {
        /// Its name.
        name: String,
        /// What is wrong with it.
        what: Mismatch,
    },
    /// The statement of an account is not what its events give.
    #[error("entry: the statement of {account:?} is not what its events give: {what}")]
    Statement {
        /// The account.
        account: String,
        /// What is wrong with it.
        what: Mismatch,
    },
}

/// How a row differs from what the events give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is missing.
    Missing,
    /// No event made it.
    Unfounded,
    /// A value differs.
    Value {
        /// The column.
        what: &'static str,
        /// What is there.
        found: i64,
        /// What should be.
        expected: i64,
    },
    /// The rows up to the last are there, and one of them says something else.
    Content,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Unfounded => f.write_str("is there, and no event made it"),
            Self::Value { what, found, expected } => {
                write!(f, "{what} is {found}, the events give {expected}")
            }
            Self::Content => f.write_str("a row says something else"),
        }
    }
}
