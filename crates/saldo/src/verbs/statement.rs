//! `saldo statement NAME`: what happened to one account, with its balance after each line.

use client::reply::history::{Statement, StatementLine};
use client::request::history::Part;
use ledger::AccountId;
use protocol::query::Order;

use crate::act::Act;
use crate::failure::Failure;
use crate::moment::{self, Clock};
use crate::output::{Answer, OutputArgs, Rows, table, text, tsv};
use crate::paging::{ClockArgs, PageArgs, Pages};
use crate::server::{Server, ServerArgs};
use crate::shell::Command;
use crate::{given, refused, runtime, unanswered};

/// What each value of a row is.
const COLUMNS: [&str; 7] = ["seq", "at", "kind", "other", "amount", "balance", "tx_id"];

/// The flags of `statement`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo statement alice\n  saldo statement alice --from 2026-11-01T00:00:00Z --oldest-first --all"
)]
pub struct Args {
    /// Whose statement
    #[arg(value_name = "NAME")]
    name: String,
    /// From this seq or time on: 41, 2026-11-25T10:00:00Z, or microseconds since 1970
    #[arg(long, value_name = "SEQ|TIME")]
    from: Option<String>,
    /// Up to this seq or time
    #[arg(long, value_name = "SEQ|TIME")]
    to: Option<String>,
    /// The first line first; otherwise the last
    #[arg(long)]
    oldest_first: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Shows one page, or all of them.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let mut pages = args.page.resolve()?;
    let clock = args.clock.clock();
    let account = given::account(&args.name)?;
    let moment =
        |flag, given: Option<&str>| given.map(|given| moment::parse(flag, given)).transpose();
    let part = Part {
        from: moment("--from", args.from.as_deref())?,
        to: moment("--to", args.to.as_deref())?,
        order: if args.oldest_first { Order::OldestFirst } else { Order::NewestFirst },
    };
    let mut command = server.aim(Command::new("statement", [&account]));
    for (flag, moment) in [("--from", part.from), ("--to", part.to)] {
        if let Some(moment) = moment {
            command = command.option(flag, moment::typed(moment));
        }
    }
    if args.oldest_first {
        command = command.flag("--oldest-first");
    }
    runtime::block_on(async {
        let mut client = server.client();
        loop {
            let asked = pages.asked_by(command.clone());
            let (line, statement) =
                ask(&mut client, &server, &account, part, &pages, asked).await?;
            if !statement.exists {
                let name = text::quoted(statement.account.as_str());
                output.note(&format!("there is no account {name}"));
            }
            let answer = answer(line, &statement.items, clock);
            let is_read = output.print_page(&answer, pages.is_first())?;
            if !pages.advance(statement.next_cursor) || !is_read {
                break;
            }
        }
        if pages.has_more() {
            output.note(&format!("there is more: {}", pages.asked_by(command).line()));
        }
        Ok(())
    })
}

async fn ask(
    client: &mut client::Client,
    server: &Server,
    account: &AccountId<'_>,
    part: Part,
    pages: &Pages,
    again: Command,
) -> Result<(String, Statement), Failure> {
    let act = Act { noun: "question", again, tx_id: None, debit: None };
    let reply = client
        .statement(account, part, pages.page())
        .await
        .map_err(|error| unanswered::failure(error, server, &act))?;
    match reply.answer {
        Ok(statement) => Ok((reply.line, statement)),
        Err(refusal) => Err(refused::failure(&refusal, server, &act)),
    }
}

fn answer(line: String, items: &[StatementLine], clock: Clock) -> Answer {
    let mut answer = Answer { rows: Rows::of(&COLUMNS), json: line + "\n", ..Answer::default() };
    for item in items {
        let other = item.other.as_deref().unwrap_or_default();
        let (seq, at) = (item.seq.to_string(), moment::exact(item.at_us));
        let (amount, balance) = (item.amount.to_string(), item.balance.to_string());
        let columns =
            [&seq, &at, item.kind.as_str(), other, &amount, &balance, item.tx_id.as_str()];
        answer.rows.add(columns);
        tsv::row(&mut answer.bare, [&balance]);
    }
    answer.table = table::columns(
        items.iter().map(|item| {
            vec![
                item.seq.to_string(),
                moment::shown(item.at_us, clock),
                text::name(&item.kind).into_owned(),
                text::name(item.other.as_deref().unwrap_or_default()).into_owned(),
                item.amount.to_string(),
                item.balance.to_string(),
                text::name(item.tx_id.as_str()).into_owned(),
            ]
        }),
        &[
            table::Align::Right,
            table::Align::Left,
            table::Align::Left,
            table::Align::Left,
            table::Align::Right,
            table::Align::Right,
            table::Align::Left,
        ],
    );
    answer
}
