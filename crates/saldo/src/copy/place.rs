//! Where a bank is: a folder, or a database.

use std::fmt;
use std::path::PathBuf;

use postgres::Address;

use crate::failure::Failure;
use crate::serve::database;

/// A folder or a database.
#[derive(Clone, Debug)]
pub enum Place {
    /// The embedded engine's.
    Folder(PathBuf),
    /// PostgreSQL's.
    Database(Box<Address>),
}

impl Place {
    /// Reads what `--data` of `serve` takes. Errors: an address that cannot be read.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if database::is_meant_by(text) {
            let address = database::parse(text)?;
            return Ok(Self::Database(Box::new(address)));
        }
        if text.is_empty() || text.contains("://") {
            return Err(Failure::usage(format!(
                "{text:?} is neither a folder nor the address of a database"
            ))
            .hint("such as ./saldo-data, or postgres://saldo@db1:5432,db2:5432/bank"));
        }
        Ok(Self::Folder(text.into()))
    }
}

/// As people know it; never a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Database(address) => address.fmt(f),
        }
    }
}
