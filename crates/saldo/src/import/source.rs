//! A file of rows, in JSON lines or comma-separated values, read more than once and never all of it
//! at a time.
//!
//! Not here: the rows (`row`), and the names of those that have none (`prefix`).

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, Take};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use client::request::{self, Ticket};
use ledger::{AccountId, Balance, Command, Openings, TxId};

use super::lines::Lines;
use super::prefix::Prefix;
use super::records::Records;
use super::row::{Row, Write};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::openings::pieces::{self, Piece};
use crate::unanswered::cause_of_io;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// An object per line: requests, or exported transactions.
    Jsonl,
    /// Rows under a header.
    Csv,
}

/// An open file of rows.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    format: FileFormat,
    file: File,
    /// As long as the file was when it was opened: what is added meanwhile is for another run.
    bytes: u64,
}

/// A command of the file.
#[derive(Clone, Debug)]
pub struct Item {
    /// The number of its line, from 1, headers and empty lines included.
    pub row: u64,
    /// What is to change.
    pub command: Command<'static>,
    /// Its name.
    pub tx_id: TxId<'static>,
    /// Its deadline by the server's clock, in microseconds since the Unix epoch.
    pub not_after_us: Option<u64>,
}

/// What a row of the file turned out to be.
pub enum Found {
    /// A command.
    Item(Item),
    /// Nothing to do.
    Skip,
}

/// The rows of a file, one after the other.
pub struct Rows<'s> {
    path: &'s Path,
    reader: Reader<'s>,
    prefix: Prefix,
    gathered: Option<Gathered>,
    ready: VecDeque<Item>,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Fault {
    /// It cannot be read.
    Io(io::Error),
    /// A row is none.
    Row {
        /// The number of its line.
        number: u64,
        /// What is wrong with it, in a few words.
        what: String,
    },
}

enum Reader<'s> {
    Lines(Lines<Take<&'s File>>),
    Records(Box<Records<Take<&'s File>>>),
}

/// Rows of one `init` that was written as several, of which the last may still come.
struct Gathered {
    row: u64,
    tx_id: TxId<'static>,
    not_after_us: Option<u64>,
    openings: Vec<(AccountId<'static>, Balance)>,
}

impl Source {
    /// Opens a file; its format goes by its ending unless `format` says it. Errors: it cannot be read,
    /// or not more than once.
    pub fn open(path: &Path, format: Option<FileFormat>) -> Result<Self, Failure> {
        let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        let by_name = if is_csv { FileFormat::Csv } else { FileFormat::Jsonl };
        if path == Path::new("-") {
            return Err(once(path));
        }
        let file = File::open(path).map_err(|error| unread(path, &error))?;
        let about = file.metadata().map_err(|error| unread(path, &error))?;
        if !about.is_file() {
            return Err(once(path));
        }
        let format = format.unwrap_or(by_name);
        Ok(Self { path: path.to_owned(), format, file, bytes: about.len() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its rows, from the first. They share one place in the file, so that only one reads at a time.
    pub fn rows(&mut self) -> Result<Rows<'_>, Failure> {
        self.file.rewind().map_err(|error| unread(&self.path, &error))?;
        let from = (&self.file).take(self.bytes);
        let reader = match self.format {
            FileFormat::Jsonl => Reader::Lines(Lines::new(from)),
            FileFormat::Csv => Reader::Records(Box::new(Records::new(from))),
        };
        let (prefix, ready) = (Prefix::default(), VecDeque::new());
        Ok(Rows { path: &self.path, reader, prefix, gathered: None, ready })
    }
}

impl Item {
    /// Its request, without the newline.
    pub fn request(&self) -> Vec<u8> {
        let mut line = Vec::new();
        let ticket = Ticket { tx_id: &self.tx_id, not_after_us: self.not_after_us };
        match &self.command {
            Command::Init(openings) => request::init(&mut line, openings, ticket),
            Command::Deposit { account, amount } => {
                request::deposit(&mut line, account, *amount, ticket);
            }
            Command::Withdraw { account, amount } => {
                request::withdraw(&mut line, account, *amount, ticket);
            }
            Command::Transfer(transfer) => request::transfer(&mut line, transfer, ticket),
        }
        line.pop();
        line
    }
}

impl Rows<'_> {
    /// The file.
    pub fn path(&self) -> &Path {
        self.path
    }

    /// The next row, in order. Errors: it is none, and its number is told.
    pub fn next(&mut self) -> Result<Option<Found>, Failure> {
        self.find().map_err(|fault| match fault {
            Fault::Io(error) => unread(self.path, &error),
            Fault::Row { number, what } => {
                let text = format!("{} row {number}: {what}", self.path.display());
                Failure::new(Exit::Usage, "bad_row", text)
                    .hint("saldo help formats tells how rows are written; nothing was sent")
            }
        })
    }

    fn find(&mut self) -> Result<Option<Found>, Fault> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(Found::Item(item)));
            }
            let read = match &mut self.reader {
                Reader::Lines(lines) => lines.next(&mut self.prefix)?,
                Reader::Records(records) => records.next(&mut self.prefix)?,
            };
            match read {
                Some((_, Row::Skip)) => return Ok(Some(Found::Skip)),
                Some((row, Row::Write(Write { command, tx_id, not_after_us }))) => {
                    let tx_id = match tx_id {
                        Some(tx_id) => tx_id,
                        None => self
                            .prefix
                            .name()
                            .map_err(|fault| Fault::Row { number: row, what: fault.to_string() })?,
                    };
                    self.add(Item { row, command, tx_id, not_after_us })?;
                }
                None if self.gathered.is_some() => self.put_together()?,
                None => return Ok(None),
            }
        }
    }

    /// Takes a command. In comma-separated values an `init` has a row per account, so those of one
    /// tx_id that follow one another are one command.
    fn add(&mut self, item: Item) -> Result<(), Fault> {
        let Item { row, command, tx_id, not_after_us } = item;
        let openings = match command {
            Command::Init(openings) => openings.into_inner(),
            command @ (Command::Deposit { .. }
            | Command::Withdraw { .. }
            | Command::Transfer(_)) => {
                self.put_together()?;
                self.ready.push_back(Item { row, command, tx_id, not_after_us });
                return Ok(());
            }
        };
        let is_of_many = matches!(self.reader, Reader::Records(_));
        match &mut self.gathered {
            Some(gathered)
                if is_of_many
                    && gathered.tx_id == tx_id
                    && gathered.not_after_us == not_after_us =>
            {
                gathered.openings.extend(openings);
            }
            Some(_) | None => {
                self.put_together()?;
                self.gathered = Some(Gathered { row, tx_id, not_after_us, openings });
            }
        }
        Ok(())
    }

    /// The rows of one `init` are all there. One that does not fit a line of the wire is cut into
    /// several, as `saldo init` does it.
    fn put_together(&mut self) -> Result<(), Fault> {
        let Some(gathered) = self.gathered.take() else { return Ok(()) };
        let Gathered { row, tx_id, not_after_us, openings } = gathered;
        let bad = |what: String| Fault::Row { number: row, what };
        let twice = || bad("an account stands twice among the rows of this init".to_owned());
        let openings = Openings::new(openings).ok_or_else(twice)?;
        let pieces = pieces::cut(openings.as_slice(), &tx_id).map_err(|fault| {
            bad(format!("it needs several requests, and its tx_id cannot be numbered: {fault}"))
        })?;
        for Piece { openings, tx_id } in pieces {
            let openings = Openings::new(openings.to_vec()).ok_or_else(twice)?;
            let command = Command::Init(openings);
            self.ready.push_back(Item { row, command, tx_id, not_after_us });
        }
        Ok(())
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The failure for what is no file: all rows are checked before the first one is sent.
fn once(path: &Path) -> Failure {
    let text = format!("{} is no regular file, and an import is read twice", path.display());
    Failure::new(Exit::Usage, "input", text)
        .hint("write it to a file first: cat > rows.jsonl; saldo import rows.jsonl")
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
        let mut source = Source::open(&path, None)?;
        let mut rows = source.rows()?;
        let mut items = Vec::new();
        while let Some(found) = rows.next()? {
            if let Found::Item(item) = found {
                let request = String::from_utf8(item.request()).unwrap();
                items.push((item.row, item.tx_id.to_string(), request));
            }
        }
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
    fn a_file_that_grows_is_read_as_far_as_it_was_when_it_was_opened() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        let row = "{\"cmd\":\"deposit\",\"user\":\"a\",\"amount\":1}\n";
        std::fs::write(&path, row).unwrap();
        let mut source = Source::open(&path, None).unwrap();
        let mut more = File::options().append(true).open(&path).unwrap();
        more.write_all(row.repeat(9).as_bytes()).unwrap();
        for _ in 0..2 {
            let mut rows = source.rows().unwrap();
            assert!(matches!(rows.next(), Ok(Some(Found::Item(Item { row: 1, .. })))));
            assert!(matches!(rows.next(), Ok(None)));
        }
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
