//! `saldo tx ID|SEQ`: one transaction, by its tx_id or by its place in the log; with `--tail` all of
//! them as they happen.

use ledger::Seq;
use protocol::limits::NUMBER_MAX;
use protocol::query::Named;

use super::tail;
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
#[command(after_help = "Examples:\n  saldo tx 41\n  saldo tx --tail --from 1")]
pub struct Args {
    /// A tx_id, or a seq: a number is a seq
    #[arg(value_name = "ID|SEQ", required_unless_present = "tail")]
    named: Option<String>,
    /// It is a tx_id, even if it is a number
    #[arg(long)]
    tx_id: bool,
    /// Every transaction as it happens, until Ctrl-C
    #[arg(long, conflicts_with_all = ["named", "tx_id"])]
    tail: bool,
    /// With --tail: from this seq on, not from now on
    #[arg(long, value_name = "SEQ", requires = "tail", value_parser = clap::value_parser!(u64).range(..=NUMBER_MAX))]
    from: Option<u64>,
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
    let Some(name) = &args.named else {
        let output = args.output.resolve_or("jsonl")?;
        let server = args.server.resolve()?;
        return tail::run(&server, args.from.map(Seq::new), output, args.clock.clock());
    };
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let named = match numbered(name).filter(|_| !args.tx_id) {
        Some(seq) => Named::Seq(seq),
        None => Named::TxId(given::named_tx_id(name)?),
    };
    let mut again = server.aim(Command::new("tx", [name]));
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
