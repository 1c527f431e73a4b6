//! `saldo withdraw NAME CENTS`: money leaves the bank.

use super::one_account::{self, Direction, Movement};
use crate::failure::Failure;

/// The flags of `withdraw`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo withdraw alice 100\n  saldo withdraw alice 100 --tx-id cash-3"
)]
pub struct Args {
    #[command(flatten)]
    common: Movement,
}

impl Args {
    /// How to answer.
    pub fn output(&self) -> &crate::output::OutputArgs {
        &self.common.output
    }
}

/// Lets money leave, and shows the balance before and after.
pub fn run(args: Args) -> Result<(), Failure> {
    one_account::run(Direction::Withdraw, args.common)
}
