//! `saldo totals`: how much there is in all, at one position.

use crate::act::Act;
use crate::failure::Failure;
use crate::moment;
use crate::output::{Answer, OutputArgs, Rows, table, tsv};
use crate::paging::ClockArgs;
use crate::server::ServerArgs;
use crate::shell::Command;
use crate::{refused, runtime, unanswered};

/// What each value of a row is.
const COLUMNS: [&str; 6] = ["accounts", "sum", "money_in", "money_out", "seq", "at"];

/// The flags of `totals`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  saldo totals\n  saldo totals --json")]
pub struct Args {
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Asks, and shows it.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let again = server.aim(Command::new("totals", None::<&str>));
    let act = Act { noun: "question", again, tx_id: None, debit: None };
    let (line, totals) = runtime::block_on(async {
        let reply = server
            .client()
            .totals()
            .await
            .map_err(|error| unanswered::failure(error, &server, &act))?;
        match reply.answer {
            Ok(totals) => Ok((reply.line, totals)),
            Err(refusal) => Err(refused::failure(&refusal, &server, &act)),
        }
    })?;
    let mut answer = Answer { rows: Rows::of(&COLUMNS), json: line + "\n", ..Answer::default() };
    let numbers = [
        ("accounts", totals.accounts_count.to_string()),
        ("sum", totals.sum.to_string()),
        ("money in", totals.money_in.to_string()),
        ("money out", totals.money_out.to_string()),
        ("seq", totals.seq.to_string()),
    ];
    // Before the first event there is no time.
    let is_empty = totals.seq == ledger::Seq::ZERO;
    let at = if is_empty { String::new() } else { moment::exact(totals.at_us) };
    answer.rows.add(numbers.iter().map(|(_, number)| number).chain([&at]));
    tsv::row(&mut answer.bare, [totals.sum.to_string()]);
    let mut rows: Vec<_> =
        numbers.into_iter().map(|(name, number)| vec![name.to_owned(), number]).collect();
    if !is_empty {
        rows.push(vec!["at".to_owned(), moment::shown(totals.at_us, args.clock.clock())]);
    }
    answer.table = table::columns(rows.into_iter(), &[table::Align::Left, table::Align::Left]);
    output.print(&answer)
}
