//! The one binary. It reads what was typed (`cli`), does it (`verbs`), and ends with a promised
//! number (`exit_code`). Everything that a user may rely on stands in `saldo help`.
//!
//! **Invariant:** stdout is the data asked for, stderr is everything else, and stdout is empty
//! when the exit code is not 0, or, for a list of many pages, holds whole rows.

mod act;
mod backup;
mod bench;
mod bulk;
mod check;
mod cli;
mod config;
mod conformance;
mod copy;
mod development;
mod doctor;
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
mod pass;
mod principals;
mod progress;
mod proof;
mod refused;
mod repl;
mod restore;
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

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let cli = match config::parse(&words) {
        Ok(cli) => cli,
        Err(config::Stop::Usage(error)) => return usage::report(&error),
        Err(config::Stop::Configuration(failure)) => {
            return failure.report(usage::wants_json(usage::typed()));
        }
    };
    cli.color.apply();
    let json = cli.verb.answers_in_json();
    if let cli::Verb::Repl(args) = cli.verb {
        return verbs::repl::run(args).unwrap_or_else(|failure| failure.report(json));
    }
    match cli.verb.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
