//! Reads a file of rows, in JSON lines or comma-separated values, never all of it at once.
//!
//! A row without a tx_id gets one from the file's hash and the row's number, so that the same file
//! imported again goes on where it stopped. Rows of one `init` that were written as several lines are
//! put together again.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use ledger::{Command, Openings, TxId};
use serde_json::Value;

use super::row::{self, Row};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::unanswered::cause_of_io;

/// Most bytes of a row: what a request may have.
const ROW_BYTES_MAX: u64 = 1 << 20;

/// Digits of the file's hash in the tx_ids that are made.
const HASH_DIGITS: usize = 16;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// An object per line: requests, or exported transactions.
    Jsonl,
    /// Rows under a header.
    Csv,
}

/// A file whose hash is known, so that its rows have names.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    format: FileFormat,
    hash: String,
}

/// A command of the file.
#[derive(Clone, Debug)]
pub struct Item {
    /// The number of its row, from 1, headers and empty lines included.
    pub row: u64,
    /// What is to change.
    pub command: Command<'static>,
    /// Its name.
    pub tx_id: TxId<'static>,
}

/// What a row of the file turned out to be.
pub enum Found {
    /// A command.
    Item(Item),
    /// Nothing to do.
    Skip,
}

impl Source {
    /// Looks at a file: its format, by its ending unless `format` says it, and its hash. Errors: it
    /// cannot be read.
    pub fn open(path: &Path, format: Option<FileFormat>) -> Result<Self, Failure> {
        let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        let by_name = if is_csv { FileFormat::Csv } else { FileFormat::Jsonl };
        let mut file = File::open(path).map_err(|error| unread(path, &error))?;
        let mut hasher = blake3::Hasher::new();
        let mut bytes = vec![0; 64 << 10];
        loop {
            match file.read(&mut bytes).map_err(|error| unread(path, &error))? {
                0 => break,
                count => hasher.update(bytes.get(..count).unwrap_or_default()),
            };
        }
        let hash = hasher.finalize().to_hex().chars().take(HASH_DIGITS).collect();
        Ok(Self { path: path.to_owned(), format: format.unwrap_or(by_name), hash })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands every row to `take`, in order. Errors: the first row that is none, with its number;
    /// whatever `take` says.
    pub fn each(&self, mut take: impl FnMut(Found) -> Result<(), Failure>) -> Result<(), Failure> {
        let file = File::open(&self.path).map_err(|error| unread(&self.path, &error))?;
        let mut pending: Option<Item> = None;
        let mut one = |number: u64, row: Row| -> Result<(), Failure> {
            let Row::Command { command, tx_id } = row else { return take(Found::Skip) };
            let tx_id = match tx_id {
                Some(tx_id) => tx_id,
                None => self.made(number)?,
            };
            let item = Item { row: number, command, tx_id };
            if let Some(before) = pending.take() {
                if let Some(joined) = join(&before, &item) {
                    pending = Some(joined);
                    return Ok(());
                }
                take(Found::Item(before))?;
            }
            pending = Some(item);
            Ok(())
        };
        match self.format {
            FileFormat::Jsonl => self.each_line(BufReader::new(file), &mut one)?,
            FileFormat::Csv => self.each_record(file, &mut one)?,
        }
        match pending {
            Some(last) => take(Found::Item(last)),
            None => Ok(()),
        }
    }

    fn made(&self, number: u64) -> Result<TxId<'static>, Failure> {
        TxId::new(format!("import-{}-{number}", self.hash))
            .map_err(|fault| self.bad_row(number, &fault.to_string()))
    }

    fn each_line(
        &self,
        mut from: impl BufRead,
        take: &mut impl FnMut(u64, Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let limited = (&mut from).take(ROW_BYTES_MAX + 1).read_until(b'\n', &mut line);
            if limited.map_err(|error| unread(&self.path, &error))? == 0 {
                return Ok(());
            }
            if line.len() as u64 > ROW_BYTES_MAX {
                return Err(self.bad_row(number, "it is longer than 1 MiB"));
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let object = match serde_json::from_slice::<Value>(&line) {
                Ok(Value::Object(object)) => object,
                Ok(_) => return Err(self.bad_row(number, "it is no object")),
                Err(error) => return Err(self.bad_row(number, &format!("it is no JSON: {error}"))),
            };
            let row = row::of_object(&object).map_err(|fault| self.bad_row(number, &fault))?;
            take(number, row)?;
        }
        Ok(())
    }

    fn each_record(
        &self,
        file: File,
        take: &mut impl FnMut(u64, Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(file);
        let header = reader.headers().map_err(|error| self.bad_row(1, &error.to_string()))?.clone();
        let mut record = csv::StringRecord::new();
        for number in 2.. {
            let read = reader.read_record(&mut record);
            if !read.map_err(|error| self.bad_row(number, &error.to_string()))? {
                return Ok(());
            }
            let columns: HashMap<&str, &str> = header.iter().map(str::trim).zip(&record).collect();
            let row = row::of_columns(&columns).map_err(|fault| self.bad_row(number, &fault))?;
            take(number, row)?;
        }
        Ok(())
    }

    fn bad_row(&self, number: u64, fault: &str) -> Failure {
        let text = format!("{} row {number}: {fault}", self.path.display());
        Failure::new(Exit::Usage, "bad_row", text)
            .hint("saldo help formats tells how rows are written; nothing was sent")
    }
}

/// Rows of one `init`, put together; `None` when they are no such rows.
fn join(before: &Item, item: &Item) -> Option<Item> {
    let (Command::Init(first), Command::Init(second)) = (&before.command, &item.command) else {
        return None;
    };
    if before.tx_id != item.tx_id {
        return None;
    }
    let both = first.as_slice().iter().chain(second.as_slice()).cloned().collect();
    let command = Command::Init(Openings::new(both)?);
    Some(Item { row: before.row, command, tx_id: before.tx_id.clone() })
}

fn unread(path: &Path, error: &io::Error) -> Failure {
    let text = format!("cannot read {}: {}", path.display(), cause_of_io(error));
    Failure::new(Exit::Usage, "input", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(name: &str, text: &str) -> Result<Vec<(u64, String, String)>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let source = Source::open(&path, None)?;
        let mut items = Vec::new();
        source.each(|found| {
            if let Found::Item(Item { row, command, tx_id }) = found {
                items.push((row, tx_id.to_string(), row::request(&command, &tx_id)));
            }
            Ok(())
        })?;
        Ok(items)
    }

    #[test]
    fn a_row_without_a_tx_id_gets_the_same_one_each_time() {
        let text = "{\"cmd\":\"deposit\",\"user\":\"a\",\"amount\":1}\n\n{\"cmd\":\"deposit\",\"user\":\"a\",\"amount\":1}\n";
        let first = items("rows.jsonl", text).unwrap();
        assert_eq!(first, items("other.jsonl", text).unwrap());
        assert_eq!(first.iter().map(|(row, ..)| *row).collect::<Vec<_>>(), [1, 3]);
        assert_ne!(first[0].1, first[1].1);
    }

    #[test]
    fn the_rows_of_one_init_are_one_command() {
        let text = "seq,tx,tx_id,from,to,amount,balance_to\n1,init,i,,a,5,5\n1,init,i,,b,3,3\n2,deposit,d,,a,1,6\n";
        let items = items("rows.csv", text).unwrap();
        assert_eq!(items.len(), 2);
        assert!(items[0].2.contains("\"a\":5") && items[0].2.contains("\"b\":3"), "{items:?}");
    }

    #[test]
    fn a_row_that_is_none_is_named() {
        let failure =
            items("rows.jsonl", "{\"cmd\":\"deposit\",\"user\":\"a\",\"amount\":1}\nnone\n");
        let (exit, code, text, _) = failure.as_ref().unwrap_err().parts();
        assert_eq!((exit, code), (2, "bad_row"));
        assert!(text.contains("row 2"), "{text}");
    }
}
