//! `saldo tx ID|SEQ`: one transaction, by its tx_id or by its place in the log.

use protocol::query::Named;

use crate::act::Act;
use crate::failure::Failure;
use crate::output::{Answer, OutputArgs};
use crate::paging::ClockArgs;
use crate::server::ServerArgs;
use crate::shell::Command;
use crate::transaction::{self, numbered};
use crate::{given, refused, runtime, unanswered};

/// The flags of `tx`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  saldo tx 41\n  saldo tx rent-2026-11 --json")]
pub struct Args {
    /// A tx_id, or a seq: a number is a seq
    #[arg(value_name = "ID|SEQ")]
    named: String,
    /// It is a tx_id, even if it is a number
    #[arg(long)]
    tx_id: bool,
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Asks, and shows what happened.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let named = match numbered(&args.named).filter(|_| !args.tx_id) {
        Some(seq) => Named::Seq(seq),
        None => Named::TxId(given::named_tx_id(&args.named)?),
    };
    let mut again = server.aim(Command::new("tx", [&args.named]));
    if args.tx_id {
        again = again.flag("--tx-id");
    }
    let act = Act { noun: "question", again, tx_id: None, debit: None };
    let (line, found) = runtime::block_on(async {
        let reply = server
            .client()
            .transaction(&named)
            .await
            .map_err(|error| unanswered::failure(error, &server, &act))?;
        match reply.answer {
            Ok(found) => Ok((reply.line, found)),
            Err(refusal) => Err(refused::failure(&refusal, &server, &act)),
        }
    })?;
    let mut answer = Answer { json: line + "\n", ..Answer::default() };
    transaction::show(&mut answer, &found.transaction, args.clock.clock());
    output.print(&answer)
}
