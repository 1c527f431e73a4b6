//! What can keep the engine from starting.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What is wrong with an address. Nothing was connected to.
#[derive(Debug, Error)]
pub enum AddressError {
    /// It cannot be read.
    #[error("the address is none of a PostgreSQL database")]
    Syntax(#[source] tokio_postgres::Error),
    /// It names no host.
    #[error("the address names no host")]
    NoHost,
    /// It names a socket in the file system.
    #[error("a socket in the file system is not offered: failover is between machines")]
    Socket,
    /// A mode that encrypts without knowing for whom, or is none at all.
    #[error("sslmode={found} is not offered: it is verify-full or disable")]
    SslMode {
        /// What was written.
        found: String,
    },
    /// Files for TLS beside hosts that are all spoken to in plain.
    #[error("certificates are named, and no host is asked for one: sslmode=verify-full asks all")]
    FilesUnused,
    /// A certificate without its key, or the reverse.
    #[error("sslcert and sslkey are named together or not at all")]
    HalfAKey,
    /// A password in the address and a file of passwords.
    #[error("there is a password in the address and a passfile: one of them")]
    TwoPasswords,
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file with something secret in it that others than its owner may read.
    #[error("{} may be read by others than its owner: chmod 600", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
    },
    /// A file without a certificate in PEM.
    #[error("{} has no certificate in PEM", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file without a private key in PEM.
    #[error("{} has no private key in PEM", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The system believes no authority.
    #[error("the system knows no certificate authority: name a file by sslrootcert")]
    NoAuthorities,
    /// The certificate and the key do not fit, or are of an unknown kind.
    #[error("the certificate of this side cannot be used")]
    Tls(#[source] rustls::Error),
}

/// Why an engine did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No host of the address answered in time as a primary.
    #[error("no host of the address is a primary that answers: {told}")]
    Unreachable {
        /// What each host said.
        told: String,
    },
    /// A host does not know the role, the password or the database, and no other serves.
    #[error("the database does not let this server in: {told}")]
    NotAllowed {
        /// What each host said.
        told: String,
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
    /// A row is missing that the schema was made with.
    #[error("the table {table} has lost a row that the schema was made with")]
    RowMissing {
        /// The table.
        table: &'static str,
    },
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
