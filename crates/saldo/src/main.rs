//! The one binary. It reads what was typed (`cli`), does it (`verbs`), and ends with a promised
//! number (`exit_code`). Everything that a user may rely on stands in `saldo help`.
//!
//! **Invariant:** stdout is the data asked for, stderr is everything else, and stdout is empty
//! when the exit code is not 0, or, for a list of many pages, holds whole rows.

mod act;
mod bench;
mod bulk;
mod check;
mod cli;
mod conformance;
mod copy;
mod duration;
mod exit_code;
mod export;
mod failure;
mod given;
mod help;
mod http;
mod import;
mod moment;
mod openings;
mod output;
mod paging;
mod progress;
mod proof;
mod refused;
mod runtime;
mod serve;
mod server;
mod setting;
mod shell;
mod top;
mod transaction;
mod unanswered;
mod usage;
mod verbs;
mod vitals;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error),
    };
    cli.color.apply();
    let json = cli.verb.answers_in_json();
    match cli.verb.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
