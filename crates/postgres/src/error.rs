//! What can keep the engine from starting.

use thiserror::Error;

/// Why an engine did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error("the address is none of a PostgreSQL database")]
    Address(#[source] tokio_postgres::Error),
    /// No host of the address answered in time as a primary.
    #[error("no host of the address is a primary that answers: {last}")]
    Unreachable {
        /// What the last host tried said.
        last: String,
    },
    /// The database is there and must not be used as it is.
    #[error(transparent)]
    Check(#[from] CheckFault),
    /// The database refused.
    #[error("the database refused")]
    Database(#[from] tokio_postgres::Error),
}

/// What is wrong with a database. Nothing was written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CheckFault {
    /// There is no schema `saldo`.
    #[error("the database has no schema of saldo")]
    NoSchema,
    /// The schema is of another version.
    #[error("the schema has version {found}, this program needs {needed}")]
    SchemaVersion {
        /// What the database has.
        found: String,
        /// What is needed.
        needed: u32,
    },
    /// There is a schema `saldo` already.
    #[error("the database has a schema of saldo already")]
    SchemaExists,
    /// A copy into the database was not finished: it holds the beginning of a bank.
    #[error("a copy into the database was not finished")]
    Copying,
    /// A setting does not keep what the bank promises.
    #[error("{name} is {found:?}, it must be {needed}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it is.
        found: String,
        /// What it has to be.
        needed: &'static str,
    },
}
