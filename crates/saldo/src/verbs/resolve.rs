//! `saldo resolve TX_ID`: what became of a tx_id, for ever; one that was never used is voided.

use client::reply::history::Outcome;

use crate::act::Act;
use crate::failure::Failure;
use crate::output::{Answer, OutputArgs, Rows, text, tsv};
use crate::paging::ClockArgs;
use crate::server::ServerArgs;
use crate::shell::Command;
use crate::{given, refused, runtime, transaction, unanswered};

/// What each value of a row is.
const COLUMNS: [&str; 3] = ["outcome", "seq", "tx_id"];

/// The flags of `resolve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ends with 0 whenever the outcome is certain: done, refused or voided.\nA tx_id that no request had used is voided by asking: none ever will be done.\n\nExamples:\n  saldo resolve rent-2026-11\n  saldo resolve rent-2026-11 -q"
)]
pub struct Args {
    /// The name of the write
    #[arg(value_name = "TX_ID")]
    tx_id: String,
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Asks, and shows the outcome.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let tx_id = given::named_tx_id(&args.tx_id)?;
    let again = server.aim(Command::new("resolve", [tx_id.as_str()]));
    let act = Act { noun: "resolve", again, tx_id: Some(&tx_id), debit: None };
    let (line, resolved) = runtime::block_on(async {
        let reply = server
            .client()
            .resolve(&tx_id)
            .await
            .map_err(|error| unanswered::failure(error, &server, &act))?;
        match reply.answer {
            Ok(resolved) => Ok((reply.line, resolved)),
            Err(refusal) => Err(refused::failure(&refusal, &server, &act)),
        }
    })?;
    let outcome = match resolved.outcome {
        Outcome::Done => "done",
        Outcome::Refused => "refused",
        Outcome::Voided => "voided",
    };
    if resolved.outcome == Outcome::Voided && !resolved.duplicate {
        let name = text::message(tx_id.as_str());
        output.note(&format!(
            "nothing had come under {name}; from now on nothing will be done under it"
        ));
    }
    let mut answer = Answer { json: line + "\n", ..Answer::default() };
    transaction::show(&mut answer, &resolved.transaction, args.clock.clock());
    answer.table = format!("{outcome}\n{}", answer.table);
    answer.rows = Rows::of(&COLUMNS);
    let (seq, tx_id) = (resolved.transaction.seq.to_string(), resolved.transaction.tx_id);
    answer.rows.add([outcome, &seq, tx_id.as_str()]);
    answer.bare.clear();
    tsv::row(&mut answer.bare, [outcome]);
    output.print(&answer)
}
