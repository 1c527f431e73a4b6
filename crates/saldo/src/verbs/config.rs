//! `saldo config show|check`: which values hold here, where each comes from, and what is wrong.

use crate::config::{self, Layers, check, show};
use crate::failure::Failure;
use crate::output::OutputArgs;

/// What to do with the configuration.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A file holds lines such as connections_max = 500: saldo help config.\n\nExamples:\n  saldo config show --origin\n  saldo config check"
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show the value of every key
    Show {
        /// Only these keys
        #[arg(value_name = "KEY")]
        keys: Vec<String>,
        /// And where it came from
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Say what is wrong in files and variables, without starting anything
    Check {
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl Args {
    /// How it answers.
    pub fn output(&self) -> &OutputArgs {
        match &self.what {
            What::Show { output, .. } | What::Check { output } => output,
        }
    }
}

/// Does it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let none = Layers::default();
    let layers = config::layers().unwrap_or(&none);
    match &args.what {
        What::Show { keys, origin, output } => show::run(layers, keys, *origin, output.resolve()?),
        What::Check { output } => check::run(layers, output.resolve()?),
    }
}
