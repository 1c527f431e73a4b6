//! `saldo copy`: moves a bank between a folder and a database, with its whole history.

use std::time::Instant;

use serde::Serialize;

use crate::copy::{self, Copied, Place, Route};
use crate::failure::Failure;
use crate::output::{self, OutputArgs};
use crate::progress::ProgressArgs;
use crate::proof::answer_of;

/// The flags of `copy`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo copy --from ./saldo-data --to postgres://owner@db1,db2/bank\n  saldo copy --from postgres://saldo@db1,db2/bank --to ./saldo-data"
)]
pub struct Args {
    /// The bank: a data folder that no server has open, or the address of a database
    #[arg(long, value_name = "FOLDER|ADDRESS")]
    from: String,
    /// Where it is to be: a new folder, an empty database, or what an earlier copy left there
    #[arg(long, value_name = "FOLDER|ADDRESS")]
    to: String,
    /// Most events in one commit of the target
    #[arg(long, value_name = "COUNT", default_value_t = copy::EVENTS_MAX,
          value_parser = clap::value_parser!(u32).range(1..=50_000))]
    portion: u32,
    /// With a database that does not replicate synchronously; for trials
    #[arg(long, env = "SALDO_UNREPLICATED")]
    unreplicated: bool,
    #[command(flatten)]
    progress: ProgressArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What was done, for programs.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    from: String,
    to: String,
    ledger: String,
    currency: String,
    last: u64,
    found: u64,
    copied: u64,
    accounts: u64,
    sum: String,
    world: String,
    refusals: u64,
    content: String,
    seconds: f64,
}

/// Copies, and tells what was proven.
pub fn run(args: &Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let is_quiet = output.is_json() || output == output::Output::Bare;
    let is_hidden = args.progress.resolve()?.is_hidden(is_quiet);
    let (from, to) = (Place::parse(&args.from)?, Place::parse(&args.to)?);
    let (events_max, is_unreplicated) = (args.portion, args.unreplicated);
    let route = Route { from, to, events_max, is_unreplicated, is_hidden };
    let began = Instant::now();
    let copied = copy::run(&route)?;
    let seconds = began.elapsed().as_secs_f64();
    let json = output::json_line(&document(&route, &copied, seconds))?;
    let bare = format!("{}\n", copied.proven.content);
    output.print(&answer_of(&rows(&route, &copied), bare, json))
}

fn rows(route: &Route, copied: &Copied) -> Vec<(&'static str, String)> {
    let Copied { genesis, found, proven } = copied;
    let last = proven.last;
    let events = match last.get() {
        0 => "none".to_owned(),
        _ => format!("seq 1 to {last}, the same in both: seq, time, tx_id and content"),
    };
    let written = last.get().saturating_sub(found.get());
    vec![
        ("from", route.from.to_string()),
        ("to", route.to.to_string()),
        ("ledger", format!("{} {}", genesis.ledger.to_hex(), genesis.currency.as_str())),
        ("events", events),
        ("copied", format!("{written}; {found} were there")),
        (
            "accounts",
            format!("{} hold {}, @world {}", proven.accounts_count, proven.sum, proven.world),
        ),
        ("refusals", format!("{} recorded", proven.refusals_count)),
        ("content", proven.content.to_string()),
    ]
}

fn document(route: &Route, copied: &Copied, seconds: f64) -> Document {
    let Copied { genesis, found, proven } = copied;
    Document {
        schema: "saldo.copy/1",
        from: route.from.to_string(),
        to: route.to.to_string(),
        ledger: genesis.ledger.to_hex(),
        currency: genesis.currency.as_str().to_owned(),
        last: proven.last.get(),
        found: found.get(),
        copied: proven.last.get().saturating_sub(found.get()),
        accounts: proven.accounts_count,
        sum: proven.sum.to_string(),
        world: proven.world.to_string(),
        refusals: proven.refusals_count,
        content: proven.content.to_string(),
        seconds,
    }
}
