//! `saldo balance NAME…`: what accounts hold; several are read at one position.

use client::reply::Held;
use ledger::AccountId;
use protocol::limits::USERS_MAX;
use protocol::query::Moment;

use crate::act::Act;
use crate::failure::Failure;
use crate::output::{Answer, OutputArgs, Rows, table, text, tsv};
use crate::server::{Server, ServerArgs};
use crate::shell::Command;
use crate::{given, moment, refused, runtime, unanswered};

/// The flags of `balance`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo balance alice\n  saldo balance alice --at 2026-11-01T00:00:00Z"
)]
pub struct Args {
    /// Whose balance; several are read at one position in the log
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// What one account held then: behind this seq, or at this time
    #[arg(long, value_name = "SEQ|TIME")]
    at: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Asks, and shows what the accounts hold.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    if args.names.len() > USERS_MAX {
        let count = args.names.len();
        let text =
            format!("{count} names were given, at most {USERS_MAX} are read at one position");
        return Err(Failure::usage(text));
    }
    let accounts: Vec<AccountId<'_>> =
        args.names.iter().map(|name| given::account(name)).collect::<Result<_, _>>()?;
    let at = args.at.as_deref().map(|given| moment::parse("--at", given)).transpose()?;
    if at.is_some() && accounts.len() > 1 {
        return Err(Failure::usage("--at goes with one account").hint("ask for one at a time"));
    }
    let (line, held) = runtime::block_on(ask(&server, &accounts, at))?;
    for one in held.iter().filter(|one| !one.exists) {
        let name = text::quoted(one.account.as_str());
        output.note(&match at {
            None => format!("there is no account {name}; its first deposit opens it"),
            Some(_) => format!("there was no account {name} then"),
        });
    }
    let mut answer =
        Answer { rows: Rows::of(&["account", "balance"]), json: line + "\n", ..Answer::default() };
    answer.table = table::holdings(held.iter().map(|one| (&one.account, one.balance)));
    for one in &held {
        let balance = one.balance.to_string();
        answer.rows.add([one.account.as_str(), &balance]);
        tsv::row(&mut answer.bare, [&balance]);
    }
    output.print(&answer)
}

async fn ask(
    server: &Server,
    accounts: &[AccountId<'_>],
    at: Option<Moment>,
) -> Result<(String, Vec<Held>), Failure> {
    let mut again = server.aim(Command::new("balance", accounts));
    if let Some(at) = at {
        again = again.option("--at", moment::typed(at));
    }
    let act = Act { noun: "question", again, tx_id: None, debit: None };
    let no_answer = |error| unanswered::failure(error, server, &act);
    let mut client = server.client();
    // One name is asked in the words of the original protocol, which answers one object.
    let (line, answer) = match (accounts, at) {
        ([account], Some(at)) => {
            let reply = client.balance_at(account, at).await.map_err(no_answer)?;
            (reply.line, reply.answer.map(|held| vec![held]))
        }
        ([account], None) => {
            let reply = client.balance(account).await.map_err(no_answer)?;
            (reply.line, reply.answer.map(|held| vec![held]))
        }
        _ => {
            let reply = client.balances(accounts).await.map_err(no_answer)?;
            (reply.line, reply.answer.map(|held| held.balances))
        }
    };
    match answer {
        Ok(held) => Ok((line, held)),
        Err(refusal) => Err(refused::failure(&refusal, server, &act)),
    }
}
