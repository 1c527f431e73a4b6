//! `saldo check`: whether the server is well, for monitors. It ends with their numbers: 0 ok,
//! 1 warning, 2 critical, 3 unknown, also for what cannot be understood.

use std::time::Duration;

use crate::check::{Format, Limits, Status, probe, worst};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::http::HttpArgs;
use crate::{duration, output, runtime};

/// The flags of `check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo check\n  saldo check --format nagios --warn p99=50ms,disk=20% --crit p99=500ms"
)]
pub struct Args {
    /// From where on an item is a warning: p99, sync, snapshot and index above it, disk and certificate
    /// below; off for none [default: p99=100ms,sync=50ms,disk=15%,index=1000000,certificate=21d]
    #[arg(long, value_name = "ITEM=VALUE", value_delimiter = ',')]
    warn: Vec<String>,
    /// From where on it is critical [default: p99=1s,sync=500ms,disk=5%,index=3000000,certificate=7d]
    #[arg(long, value_name = "ITEM=VALUE", value_delimiter = ',')]
    crit: Vec<String>,
    /// Over how long p99 and sync are measured
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse_flag)]
    over: Duration,
    /// How to tell it: text, nagios, json or prometheus
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        help_heading = "Output",
        hide_possible_values = true
    )]
    format: Format,
    #[command(flatten)]
    http: HttpArgs,
}

impl Args {
    /// Whether the findings, and so errors, are JSON.
    pub fn wants_json(&self) -> bool {
        self.format == Format::Json
    }
}

/// Asks, and tells how it is.
pub fn run(args: Args) -> Result<(), Failure> {
    // Another number would be read as a finding.
    let status = asked(args).map_err(|failure| failure.ending_with(Exit::NothingDone))?;
    // The numbers of monitors: 1, 2 and 3, whatever else they mean elsewhere.
    match status {
        Status::Ok => Ok(()),
        Status::Warning => Err(Failure::told(Exit::No)),
        Status::Critical => Err(Failure::told(Exit::Usage)),
        Status::Unknown => Err(Failure::told(Exit::NothingDone)),
    }
}

fn asked(args: Args) -> Result<Status, Failure> {
    let limits = Limits::parse(&args.warn, &args.crit)
        .map_err(|why| Failure::usage(why).hint("saldo help check"))?;
    let http = args.http.resolve()?;
    let findings = runtime::block_on(probe(&http, &limits, args.over))?;
    output::print(&args.format.tell(&findings, http.address().as_str())?)?;
    Ok(worst(&findings))
}
