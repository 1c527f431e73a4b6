//! `saldo deposit NAME CENTS`: money enters the bank.

use super::one_account::{self, Direction, Movement};
use crate::failure::Failure;

/// The flags of `deposit`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo deposit alice 2500\n  saldo deposit alice 2500 --tx-id invoice-17"
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

/// Lets money enter, and shows the balance before and after.
pub fn run(args: Args) -> Result<(), Failure> {
    one_account::run(Direction::Deposit, args.common)
}
