//! `saldo export`: every transaction, or what all accounts hold, for other programs.

use std::path::PathBuf;

use crate::export::{self, AccountsFormat, Commodity, Target, TransactionsFormat};
use crate::failure::Failure;
use crate::output;
use crate::progress::ProgressArgs;
use crate::runtime;
use crate::server::ServerArgs;

/// The flags of `export`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo export transactions --format csv --out transactions.csv\n  saldo export transactions --format hledger | hledger -f - check"
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// What to export.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Every transaction, oldest first, up to one position
    Transactions(TransactionsArgs),
    /// What every account holds, at one position
    Accounts(AccountsArgs),
}

#[derive(Debug, clap::Args)]
struct TransactionsArgs {
    /// How to write them: jsonl, csv or hledger
    #[arg(long, value_enum, default_value = "jsonl", hide_possible_values = true)]
    format: TransactionsFormat,
    /// From this seq on
    #[arg(long, value_name = "SEQ", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// Up to this seq; by default to the end as it is now
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    /// The commodity in a journal for hledger
    #[arg(long, value_name = "NAME", default_value = "cents", value_parser = commodity)]
    commodity: String,
    /// How many digits stand behind the point there: 0 writes minor units
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=9))]
    decimals: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct AccountsArgs {
    /// How to write them: jsonl or csv
    #[arg(long, value_enum, default_value = "jsonl", hide_possible_values = true)]
    format: AccountsFormat,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Write to this file, which gets its name when it is whole; by default to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say nothing on stderr
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// A commodity of letters needs no quotes in hledger.
fn commodity(name: &str) -> Result<String, &'static str> {
    let is_plain = !name.is_empty() && name.chars().all(char::is_alphabetic);
    if is_plain {
        Ok(name.to_owned())
    } else {
        Err("a commodity is a word of letters, such as BRL")
    }
}

/// Exports.
pub fn run(args: Args) -> Result<(), Failure> {
    let (common, what) = match args.what {
        What::Transactions(TransactionsArgs { format, from, to, commodity, decimals, common }) => {
            let commodity = Commodity { name: commodity, decimals };
            (common, Chosen::Transactions { format, commodity, span: (from, to) })
        }
        What::Accounts(AccountsArgs { format, common }) => (common, Chosen::Accounts { format }),
    };
    let Common { out, quiet, progress, server } = common;
    let is_hidden = progress.resolve()?.is_hidden(quiet);
    let server = server.resolve()?;
    let mut target = Target::open(out.as_deref())?;
    let (count, end) = runtime::block_on(async {
        match &what {
            Chosen::Transactions { format, commodity, span } => {
                export::transactions(&server, *format, commodity, *span, &mut target, is_hidden)
                    .await
            }
            Chosen::Accounts { format } => {
                export::accounts(&server, *format, &mut target, is_hidden).await
            }
        }
    })?;
    target.finish()?;
    if let (Some(out), false) = (out, quiet) {
        output::note(&format!("{count} in {}, as of seq {end}", out.display()));
    }
    Ok(())
}

enum Chosen {
    Transactions { format: TransactionsFormat, commodity: Commodity, span: (u64, Option<u64>) },
    Accounts { format: AccountsFormat },
}
