//! Rows that the bank refused, in a file that can be corrected and imported in its turn.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ledger::{Balance, Command};
use serde_json::Value;

use super::prefix;
use super::source::Item;
use crate::bulk::text_of;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::unanswered::cause_of_io;

/// The columns: those that an import reads, and why the row stands here.
const COLUMNS: [&str; 10] =
    ["tx", "from", "to", "amount", "balance_to", "tx_id", "not_after", "row", "code", "error"];

/// The list of one run, which is made with its first row. The lists of runs before are left alone.
pub struct Rejects {
    source: PathBuf,
    out: Option<(PathBuf, csv::Writer<File>)>,
}

impl Rejects {
    /// The list beside the file that is imported.
    pub fn of(source: &Path) -> Self {
        Self { source: source.to_owned(), out: None }
    }

    /// Adds a row with what the bank said to it. A name that an import made leads to the next one in
    /// the list: the answer under the first stays no, and a row that stands in the lists of two runs
    /// happens once all the same. Errors: the file cannot be written.
    pub fn add(&mut self, item: &Item, reply: &Value) -> Result<(), Failure> {
        let (path, writer) = match &mut self.out {
            Some(out) => out,
            none => none.insert(create(&self.source)?),
        };
        let tx_id = prefix::next(&item.tx_id);
        let not_after = item.not_after_us.map(|time_us| time_us.to_string()).unwrap_or_default();
        let (row, code) = (item.row.to_string(), text_of(reply, "code"));
        for [tx, from, to, amount, balance_to] in cells(&item.command) {
            let error = text_of(reply, "error");
            writer
                .write_record([
                    &tx,
                    &from,
                    &to,
                    &amount,
                    &balance_to,
                    &tx_id,
                    &not_after,
                    &row,
                    code,
                    error,
                ])
                .map_err(|error| unwritten(path, &error.into()))?;
        }
        Ok(())
    }

    /// Writes what was added.
    pub fn flush(&mut self) -> Result<(), Failure> {
        match &mut self.out {
            Some((path, writer)) => writer.flush().map_err(|error| unwritten(path, &error)),
            None => Ok(()),
        }
    }

    /// The file, where there is one.
    pub fn into_path(self) -> Option<PathBuf> {
        self.out.map(|(path, _)| path)
    }
}

/// Makes the first of FILE.rejected.csv, FILE.rejected.2.csv and so on that is not there.
fn create(source: &Path) -> Result<(PathBuf, csv::Writer<File>), Failure> {
    let mut number = 1;
    loop {
        let mut name = OsString::from(source);
        name.push(".rejected");
        if number > 1 {
            name.push(format!(".{number}"));
        }
        name.push(".csv");
        let path = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => {
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(COLUMNS).map_err(|error| unwritten(&path, &error.into()))?;
                return Ok((path, writer));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(unwritten(&path, &error)),
        }
    }
}

/// What the first five columns say: in a row, or in one per account of an `init`.
fn cells(command: &Command<'_>) -> Vec<[String; 5]> {
    let row = |tx: &str, from: &str, to: &str, amount: String, balance_to: String| {
        [tx.to_owned(), from.to_owned(), to.to_owned(), amount, balance_to]
    };
    let none = String::new;
    match command {
        Command::Init(openings) => {
            let openings = openings.as_slice().iter();
            let opening = |held: &Balance| held.get().to_string();
            openings.map(|(to, held)| row("init", "", to.as_str(), none(), opening(held))).collect()
        }
        Command::Deposit { account, amount } => {
            vec![row("deposit", "", account.as_str(), amount.get().to_string(), none())]
        }
        Command::Withdraw { account, amount } => {
            vec![row("withdraw", account.as_str(), "", amount.get().to_string(), none())]
        }
        Command::Transfer(transfer) => {
            let (from, to) = (transfer.from().as_str(), transfer.to().as_str());
            vec![row("transfer", from, to, transfer.amount().get().to_string(), none())]
        }
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let text = format!("cannot write to {}: {}", path.display(), cause_of_io(error));
    Failure::new(Exit::Usage, "output", text)
}
