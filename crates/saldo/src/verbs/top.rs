//! `saldo top`: the server, live, on a screen; in a pipe, a row for each interval.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use crate::duration;
use crate::failure::Failure;
use crate::http::HttpArgs;
use crate::output::{Format, Output, OutputArgs};
use crate::top::{self, Pace};

/// The flags of `top`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  saldo top\n  saldo top --every 5s --count 12 -o jsonl")]
pub struct Args {
    /// How often the server is asked
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse_flag)]
    every: Duration,
    /// End after so many intervals
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    #[command(flatten)]
    http: HttpArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Watches the server.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let http = args.http.resolve()?;
    let pace = Pace { every: args.every, count: args.count };
    let is_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    if is_terminal && output == Output::Formatted(Format::Table) {
        let choice = anstream::AutoStream::choice(&io::stdout());
        return top::screen(&http, pace, choice != anstream::ColorChoice::Never);
    }
    top::lines(&http, pace, output)
}
