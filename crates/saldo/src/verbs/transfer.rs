//! `saldo transfer FROM TO CENTS`: money moves from one account to another, all or nothing.

use client::request::Ticket;
use ledger::Transfer;

use crate::act::Act;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Answer, OutputArgs, Rows, table, tsv};
use crate::server::ServerArgs;
use crate::shell::Command;
use crate::{given, refused, runtime, unanswered};

/// What each value of a row is.
const COLUMNS: [&str; 8] =
    ["from", "from_before", "from_after", "to", "to_before", "to_after", "seq", "tx_id"];

/// The flags of `transfer`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo transfer alice bob 777\n  saldo transfer alice bob 777 --tx-id rent-2026-11"
)]
pub struct Args {
    /// The account that pays
    #[arg(value_name = "FROM")]
    from: String,
    /// The account that receives; it is opened if it does not exist
    #[arg(value_name = "TO")]
    to: String,
    /// How much, in whole cents: 1250 is 12.50
    #[arg(value_name = "CENTS", allow_negative_numbers = true)]
    cents: String,
    /// The name of this change, for ever; the same name with the same content happens once
    #[arg(long, value_name = "ID")]
    tx_id: Option<String>,
    /// Refuse it when its turn comes later: 5s or 1m from now, or a time such as
    /// 2026-11-25T10:00:00Z
    #[arg(long, value_name = "TIME")]
    not_after: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Moves the money, and shows both balances before and after.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let (from, to) = (given::account(&args.from)?, given::account(&args.to)?);
    let amount = given::amount(&args.cents)?;
    let tx_id = given::tx_id(args.tx_id.as_deref())?;
    let transfer = Transfer::new(from, to, amount)
        .map_err(|rejection| Failure::new(Exit::No, rejection.code(), rejection.to_string()))?;
    let words = [transfer.from().as_str(), transfer.to().as_str(), &amount.to_string()];
    let not_after_us = given::not_after(args.not_after.as_deref())?;
    let ticket = Ticket { tx_id: &tx_id, not_after_us };
    let again = server.aim(given::with_ticket(Command::new("transfer", words), ticket));
    let act = Act {
        noun: "transfer",
        again,
        tx_id: Some(&tx_id),
        debit: Some((transfer.from(), amount)),
    };
    let (line, done) = runtime::block_on(async {
        let reply = server
            .client()
            .transfer(&transfer, ticket)
            .await
            .map_err(|error| unanswered::failure(error, &server, &act))?;
        match reply.answer {
            Ok(done) => Ok((reply.line, done)),
            Err(refusal) => Err(refused::failure(&refusal, &server, &act)),
        }
    })?;
    if done.duplicate {
        output.note(&given::happened_before(act.noun, &done.tx_id));
    }
    let mut answer = Answer { rows: Rows::of(&COLUMNS), json: line + "\n", ..Answer::default() };
    let legs = [&done.from, &done.to];
    answer.table = table::changes(legs.map(|leg| (&leg.account, leg.before, leg.after)));
    let mut columns: Vec<String> = legs
        .iter()
        .flat_map(|leg| [leg.account.to_string(), leg.before.to_string(), leg.after.to_string()])
        .collect();
    columns.extend([done.seq.to_string(), done.tx_id.to_string()]);
    answer.rows.add(columns);
    for leg in legs {
        tsv::row(&mut answer.bare, [leg.after.to_string()]);
    }
    output.print(&answer)
}
