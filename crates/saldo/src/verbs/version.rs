//! `saldo version`: which program this is.

use serde::Serialize;

use crate::failure::Failure;
use crate::output;

/// The flags of `version`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  saldo version\n  saldo version --json")]
pub struct Args {
    /// As a JSON object
    #[arg(long)]
    pub json: bool,
}

/// The same for programs.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    version: &'static str,
    revision: Option<&'static str>,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, where whoever built it said so.
const REVISION: Option<&str> = option_env!("SALDO_REVISION");

/// Shows the version.
pub fn run(args: &Args) -> Result<(), Failure> {
    let text = if args.json {
        let document = Document { schema: "saldo.version/1", version: VERSION, revision: REVISION };
        output::json_line(&document)?
    } else {
        match REVISION {
            Some(revision) => format!("saldo {VERSION} ({revision})\n"),
            None => format!("saldo {VERSION}\n"),
        }
    };
    output::print(&text)
}
