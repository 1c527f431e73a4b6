//! `saldo postgres init ADDRESS`: makes the schema in which a database keeps a bank, once; or brings
//! that of an earlier version to this one.

use journal::{Currency, Genesis, LedgerId};
use postgres::{create_schema, upgrade_schema};

use crate::copy::database::refused;
use crate::failure::Failure;
use crate::output;
use crate::runtime;
use crate::serve::database;

/// What to do with a database.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo postgres init postgres://owner@127.0.0.1:5432/bank\n  saldo postgres init postgres://owner@db1,db2/bank --currency EUR"
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make the schema for a new ledger, or bring an earlier version's to this one
    Init {
        /// Where the database is; the role must be allowed to create a schema
        #[arg(value_name = "ADDRESS")]
        address: String,
        /// The ledger's currency
        #[arg(long, value_name = "CODE", default_value = "BRL")]
        currency: String,
    },
}

/// Does it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let What::Init { address, currency } = &args.what;
    let currency = Currency::new(currency).ok_or_else(|| {
        Failure::usage(format!("--currency {currency:?}: a currency is three capital letters"))
            .hint("such as BRL, EUR or USD")
    })?;
    let place = database::parse(address)?;
    let upgraded = runtime::block_on(async {
        upgrade_schema(&place).await.map_err(|error| refused(&place, &error))
    })?;
    let Genesis { ledger, currency } = match upgraded {
        Some(upgraded) => upgraded,
        None => {
            let ledger = LedgerId(rand::random());
            runtime::block_on(async {
                let created = create_schema(&place, ledger, &currency).await;
                created.map_err(|error| database::refused(&error))
            })?;
            Genesis { ledger, currency }
        }
    };
    output::print(&format!("ledger {} {}\n", ledger.to_hex(), currency.as_str()))
}
