//! What goes to stdout, and how it looks there: a table for people, tab- or comma-separated values
//! for programs, the server's own reply as JSON, or bare values. Notes go to stderr.
//!
//! **Invariant:** a verb writes to stdout once, at its end, so that stdout is empty when the exit
//! code is not 0; a list that is asked for whole is written page by page, in whole rows.

mod jsonl;
mod rows;
pub mod table;
pub mod text;
pub mod tsv;

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use clap::builder::StyledStr;
use serde::Serialize;

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::setting::Setting;
use crate::unanswered::cause_of_io;

pub use rows::Rows;

const NOTE: Style = AnsiColor::Yellow.on_default();

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    Table,
    /// Tab-separated values without a header.
    Tsv,
    /// Comma-separated values with a header.
    Csv,
    /// The server's reply as it came.
    Json,
    /// JSON objects, one per line: of a list each item.
    Jsonl,
}

impl Format {
    /// What is said about a word that is none.
    pub const NEEDED: &'static str = "it can be table, tsv, csv, json or jsonl";

    /// As it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Tsv => "tsv",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
        }
    }
}

/// The flags of every verb that answers on stdout.
#[derive(Debug, clap::Args)]
pub struct OutputArgs {
    /// How to answer: table (on a terminal), tsv (in a pipe), csv, json or jsonl [env: SALDO_OUTPUT]
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        help_heading = "Output",
        hide_possible_values = true
    )]
    output: Option<Format>,
    /// The same as `-o json`: the server's reply as it came
    #[arg(long, conflicts_with = "output", help_heading = "Output")]
    json: bool,
    /// Bare values: resulting balances, one per line
    #[arg(short, long, conflicts_with_all = ["output", "json"], help_heading = "Output")]
    quiet: bool,
}

/// How this run answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// In this format.
    Formatted(Format),
    /// Bare values.
    Bare,
}

/// An answer in each form that it can take.
#[derive(Debug, Default)]
pub struct Answer {
    /// The table, its last newline included.
    pub table: String,
    /// What programs read, value by value.
    pub rows: Rows,
    /// Bare values, one per line.
    pub bare: String,
    /// JSON objects, one per line.
    pub json: String,
}

impl OutputArgs {
    /// Whether errors are to be JSON as well; asked before anything can fail.
    pub fn wants_json(&self) -> bool {
        self.resolve().is_ok_and(Output::is_json)
    }

    /// Settles on one way. Errors: `SALDO_OUTPUT` names none.
    pub fn resolve(&self) -> Result<Output, Failure> {
        self.resolve_or("tsv")
    }

    /// The same, for a verb that writes `in_pipe` where nobody says otherwise.
    pub fn resolve_or(&self, in_pipe: &str) -> Result<Output, Failure> {
        if self.quiet {
            return Ok(Output::Bare);
        }
        if self.json {
            return Ok(Output::Formatted(Format::Json));
        }
        if let Some(format) = self.output {
            return Ok(Output::Formatted(format));
        }
        let by_stream = if io::stdout().is_terminal() { "table" } else { in_pipe };
        let setting = Setting::pick(("--output", None), "SALDO_OUTPUT", by_stream)?;
        match Format::from_str(&setting.value, false) {
            Ok(format) => Ok(Output::Formatted(format)),
            Err(_) => Err(setting.refuse(Format::NEEDED)),
        }
    }
}

impl Output {
    /// Whether the answer, and an error as well, is JSON.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Formatted(Format::Json | Format::Jsonl))
    }

    /// Writes the answer to stdout. A reader that went away has what it wanted.
    pub fn print(self, answer: &Answer) -> Result<(), Failure> {
        self.print_page(answer, true).map(|_is_read| ())
    }

    /// Writes one page of an answer to stdout; the first begins with the header, where the format
    /// has one. Returns whether anybody still reads.
    pub fn print_page(self, answer: &Answer, is_first: bool) -> Result<bool, Failure> {
        match self {
            Self::Formatted(Format::Table) => write(&answer.table),
            Self::Formatted(Format::Tsv) => write(&answer.rows.tsv()),
            Self::Formatted(Format::Csv) => write(&answer.rows.csv(is_first)?),
            Self::Formatted(Format::Json) => write(&answer.json),
            Self::Formatted(Format::Jsonl) => write(&jsonl::lines(&answer.json)),
            Self::Bare => write(&answer.bare),
        }
    }

    /// Tells people something beside the answer, on stderr. Programs that asked for the reply find
    /// it in there.
    pub fn note(self, text: &str) {
        if self != Self::Formatted(Format::Json) {
            note(text);
        }
    }
}

/// Writes text to stdout, all of it at once. A reader that went away has what it wanted.
pub fn print(text: &str) -> Result<(), Failure> {
    write(text).map(|_is_read| ())
}

/// The same; returns whether anybody still reads.
pub fn write(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let text = format!("cannot write to stdout: {}", cause_of_io(&error));
            Err(Failure::new(Exit::Usage, "stdout", text))
        }
        Ok(()) => Ok(true),
        Err(_) => Ok(false),
    }
}

/// Writes help to stdout, with colour where that is welcome.
pub fn print_styled(text: &StyledStr) -> Result<(), Failure> {
    let mut shown = Vec::new();
    let choice = AutoStream::choice(&io::stdout());
    let mut painter = AutoStream::new(&mut shown, choice);
    // Writing to a Vec does not fail.
    drop(write!(painter, "{}", text.ansi()));
    print(&String::from_utf8_lossy(&shown))
}

/// Writes help to stderr, for somebody who did not ask for it.
pub fn complain_styled(text: &StyledStr) {
    // A closed stderr must not change how the process ends.
    drop(write!(anstream::stderr().lock(), "{}", text.ansi()));
}

/// A document of this program as one line of JSON.
pub fn json_line(document: &impl Serialize) -> Result<String, Failure> {
    match serde_json::to_string(document) {
        Ok(line) => Ok(line + "\n"),
        Err(error) => Err(Failure::new(Exit::Usage, "stdout", format!("no JSON: {error}"))),
    }
}

/// Writes a line for people to stderr.
pub fn note(text: &str) {
    // A closed stderr must not change what the verb does.
    drop(writeln!(anstream::stderr().lock(), "{NOTE}note:{NOTE:#} {text}"));
}
