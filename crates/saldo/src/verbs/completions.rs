//! `saldo completions SHELL`: what a shell reads to complete verbs, flags and their values.

use clap_complete::Shell;

use crate::cli;
use crate::failure::Failure;
use crate::output;

/// The flags of `completions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo completions bash > ~/.local/share/bash-completion/completions/saldo\n  saldo completions fish > ~/.config/fish/completions/saldo.fish"
)]
pub struct Args {
    /// Which shell is to read it
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::built(), "saldo", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
