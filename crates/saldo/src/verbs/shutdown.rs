//! `saldo shutdown`: the server answers what it has received, writes its snapshot, and ends.

use crate::act::Act;
use crate::failure::Failure;
use crate::output::{Answer, OutputArgs, Rows, text};
use crate::server::ServerArgs;
use crate::shell::Command;
use crate::{refused, runtime, unanswered};

/// The flags of `shutdown`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  saldo shutdown\n  saldo shutdown --server 127.0.0.1:5001")]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Asks the server to stop, and shows what it says about it.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let again = server.aim(Command::new::<&str>("shutdown", []));
    let act = Act { noun: "shutdown", again, tx_id: None, debit: None };
    let (line, stopping) = runtime::block_on(async {
        let reply = server
            .client()
            .shutdown()
            .await
            .map_err(|error| unanswered::failure(error, &server, &act))?;
        match reply.answer {
            Ok(stopping) => Ok((reply.line, stopping)),
            Err(refusal) => Err(refused::failure(&refusal, &server, &act)),
        }
    })?;
    let mut answer =
        Answer { rows: Rows::of(&["message"]), json: line + "\n", ..Answer::default() };
    answer.table = format!("{}\n", text::message(&stopping.message));
    answer.rows.add([stopping.message]);
    output.print(&answer)
}
