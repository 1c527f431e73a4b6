//! `saldo repl`: the verbs at a prompt, or from the lines of a pipe.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::repl::{self, End};
use crate::server::ServerArgs;

/// The flags of `repl`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "From a pipe, each line runs in its turn; the first that fails ends it, with its number.\n\nExamples:\n  saldo repl\n  echo 'balance alice' | saldo repl"
)]
pub struct Args {
    /// From a pipe: go on behind a line that failed, and end with 1
    #[arg(long)]
    keep_going: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs lines until there are no more. The number of a line that failed, which was reported, is the
/// process's own.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let server = args.server.resolve()?;
    let end = if repl::is_on_terminal() {
        repl::on_terminal(server)?
    } else {
        repl::on_pipe(server, args.keep_going)?
    };
    Ok(match end {
        End::Well => ExitCode::SUCCESS,
        End::Failed(code) => ExitCode::from(code),
    })
}
