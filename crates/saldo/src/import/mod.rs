//! A file of commands into the bank, row by row. Not here: the verb and its flags
//! (`verbs::import`).

mod columns;
mod dry_run;
mod exported;
mod lines;
mod prefix;
mod records;
mod rejects;
mod row;
mod send;
mod source;
mod standing;
mod window;

use ledger::Rejection;

pub use dry_run::dry_run;
pub use send::{Rejected, send};
pub use source::{FileFormat, Source};

/// Why a row would be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the wire.
    pub code: String,
    /// For people.
    pub why: String,
}

impl From<&Rejection> for Refusal {
    fn from(rejection: &Rejection) -> Self {
        Self { code: rejection.code().to_owned(), why: rejection.to_string() }
    }
}

/// What became of the rows of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that are commands.
    pub rows: u64,
    /// Done by this run, or to be done by it.
    pub done: u64,
    /// Done by an earlier run.
    pub already: u64,
    /// Refused by the bank.
    pub rejected: u64,
    /// Rows that move nothing: recorded refusals and voids of an export.
    pub skipped: u64,
}

impl Tally {
    /// What was done so far, for a message about what ended it.
    fn so_far(&self) -> String {
        let Self { done, already, .. } = self;
        let mut told = match done {
            1 => "1 row was done".to_owned(),
            _ => format!("{done} rows were done"),
        };
        if *already > 0 {
            told.push_str(&format!(", {already} had been done before"));
        }
        told
    }
}
