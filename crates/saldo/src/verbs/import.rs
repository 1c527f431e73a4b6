//! `saldo import FILE`: commands from a file, row by row, each of which happens once.

use std::path::PathBuf;

use serde::Serialize;

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::import::{self, FileFormat, Refusal, Rejected, Source, Tally};
use crate::output::{self, Answer, OutputArgs, Rows, tsv};
use crate::progress::ProgressArgs;
use crate::server::ServerArgs;
use crate::{runtime, shell};

/// What each value of a row is.
const COLUMNS: [&str; 5] = ["rows", "done", "already_done", "rejected", "skipped"];

/// The flags of `import`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo import payments.csv --dry-run\n  saldo import transactions.jsonl"
)]
pub struct Args {
    /// A file of rows: .csv, or JSON lines
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How the file is written, whatever its name ends with: jsonl or csv
    #[arg(long, value_enum, hide_possible_values = true)]
    format: Option<FileFormat>,
    /// Check every row against the bank as it is, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Write refused rows to FILE.rejected.csv and go on, many rows at a time; ends with 1 when there
    /// are any
    #[arg(long)]
    keep_going: bool,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What was done, for programs.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    dry_run: bool,
    rows: u64,
    done: u64,
    already_done: u64,
    rejected: u64,
    skipped: u64,
}

/// Imports, or tells what an import would do.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let is_quiet = output.is_json() || output == output::Output::Bare;
    let is_hidden = args.progress.resolve()?.is_hidden(is_quiet);
    let mut source = Source::open(&args.file, args.format)?;
    // Every row is read before the first one is sent: a file that is wrong does nothing.
    let mut total = 0;
    let mut rows = source.rows()?;
    while rows.next()?.is_some() {
        total += 1;
    }
    // One runtime for all of it: the connection belongs to the one in which it was opened.
    let (tally, rejects) = runtime::block_on(async {
        if args.dry_run {
            let (tally, refusals) = import::dry_run(&server, &mut source, total, is_hidden).await?;
            for (row, Refusal { code, why }) in &refusals {
                output.note(&format!("row {row} would be refused ({code}): {why}"));
            }
            return Ok((tally, None));
        }
        let rejected = if args.keep_going { Rejected::Keep } else { Rejected::Stop };
        import::send(&server, &mut source, rejected, total, is_hidden).await
    })?;
    if tally.rejected > 0 {
        let would = if args.dry_run { "would be" } else { "were" };
        let text = format!(
            "{} of {} rows {would} refused, {} {would} done, {} had been done before",
            tally.rejected, tally.rows, tally.done, tally.already
        );
        let failure = Failure::new(Exit::No, "rows_rejected", text);
        return Err(match rejects {
            Some(path) => {
                let path = shell::quoted(&path.display().to_string());
                failure.hint(format!("correct them in {path} and import that: saldo import {path}"))
            }
            None => failure,
        });
    }
    output.print(&answer(tally, args.dry_run)?)
}

fn answer(tally: Tally, dry_run: bool) -> Result<Answer, Failure> {
    let Tally { rows, done, already, rejected, skipped } = tally;
    let document = Document {
        schema: "saldo.import/1",
        dry_run,
        rows,
        done,
        already_done: already,
        rejected,
        skipped,
    };
    let mut answer = Answer {
        rows: Rows::of(&COLUMNS),
        json: output::json_line(&document)?,
        ..Answer::default()
    };
    let verb = if dry_run { "to do" } else { "done" };
    answer.table =
        format!("rows {rows}\n{verb} {done}\ndone before {already}\nmove nothing {skipped}\n");
    let columns = [rows, done, already, rejected, skipped].map(|number| number.to_string());
    answer.rows.add(columns);
    tsv::row(&mut answer.bare, [done.to_string()]);
    Ok(answer)
}
