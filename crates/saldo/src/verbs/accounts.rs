//! `saldo accounts [PREFIX]`: the accounts by name, with what they hold.

use client::Client;
use client::reply::history::Accounts;

use crate::act::Act;
use crate::failure::Failure;
use crate::output::{Answer, OutputArgs, Rows, table, text, tsv};
use crate::paging::{PageArgs, Pages};
use crate::server::{Server, ServerArgs};
use crate::shell::Command;
use crate::{refused, runtime, unanswered};

/// What each value of a row is.
const COLUMNS: [&str; 3] = ["account", "balance", "seq"];

/// The flags of `accounts`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  saldo accounts\n  saldo accounts merchant: --all")]
pub struct Args {
    /// Only accounts whose names begin so
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Tell as well how many there are in all
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    page: PageArgs,
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
    let prefix = args.prefix;
    let about = Some(&prefix).filter(|prefix| !prefix.is_empty());
    let mut command = server.aim(Command::new("accounts", about));
    if args.count {
        command = command.flag("--count");
    }
    let mut count = args.count;
    runtime::block_on(async {
        let mut client = server.client();
        loop {
            let again = pages.asked_by(command.clone());
            let (line, accounts) =
                ask(&mut client, &server, (&prefix, count), &pages, again).await?;
            if let Some(found) = accounts.count {
                output.note(&counted(found, &prefix));
                // Once is enough for all pages.
                count = false;
            }
            let is_read = output.print_page(&answer(line, &accounts), pages.is_first())?;
            if !pages.advance(accounts.next_cursor) || !is_read {
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
    client: &mut Client,
    server: &Server,
    (prefix, count): (&str, bool),
    pages: &Pages,
    again: Command,
) -> Result<(String, Accounts), Failure> {
    let act = Act { noun: "question", again, tx_id: None, debit: None };
    let reply = client
        .accounts(prefix, count, pages.page())
        .await
        .map_err(|error| unanswered::failure(error, server, &act))?;
    match reply.answer {
        Ok(accounts) => Ok((reply.line, accounts)),
        Err(refusal) => Err(refused::failure(&refusal, server, &act)),
    }
}

fn counted(count: u64, prefix: &str) -> String {
    let accounts = if count == 1 { "account" } else { "accounts" };
    match prefix {
        "" => format!("{count} {accounts} in all"),
        _ => format!("{count} {accounts} in all begin with {}", text::quoted(prefix)),
    }
}

fn answer(line: String, accounts: &Accounts) -> Answer {
    let mut answer = Answer { rows: Rows::of(&COLUMNS), json: line + "\n", ..Answer::default() };
    answer.table = table::holdings(accounts.items.iter().map(|item| (&item.account, item.balance)));
    for item in &accounts.items {
        let (balance, seq) = (item.balance.to_string(), item.seq.to_string());
        answer.rows.add([item.account.as_str(), &balance, &seq]);
        tsv::row(&mut answer.bare, [item.account.as_str()]);
    }
    answer
}
