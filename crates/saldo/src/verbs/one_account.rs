//! What deposit and withdrawal have in common: one account, one amount, one tx_id.

use client::reply::{Moved, Reply};
use client::request::Ticket;
use client::{Client, Error};
use ledger::{AccountId, Amount};

use crate::act::Act;
use crate::failure::Failure;
use crate::output::{Answer, OutputArgs, Rows, table, tsv};
use crate::server::ServerArgs;
use crate::shell::Command;
use crate::{given, refused, runtime, unanswered};

/// What each value of a row is.
const COLUMNS: [&str; 5] = ["account", "before", "after", "seq", "tx_id"];

/// The flags of `deposit` and `withdraw`.
#[derive(Debug, clap::Args)]
pub struct Movement {
    /// Whose account
    #[arg(value_name = "NAME")]
    name: String,
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

/// Which of the two it is.
#[derive(Clone, Copy, Debug)]
pub enum Direction {
    /// Money enters.
    Deposit,
    /// Money leaves.
    Withdraw,
}

impl Direction {
    fn verb(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Withdraw => "withdraw",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Withdraw => "withdrawal",
        }
    }

    async fn ask(
        self,
        client: &mut Client,
        account: &AccountId<'_>,
        amount: Amount,
        ticket: Ticket<'_>,
    ) -> Result<Reply<Moved>, Error> {
        match self {
            Self::Deposit => client.deposit(account, amount, ticket).await,
            Self::Withdraw => client.withdraw(account, amount, ticket).await,
        }
    }
}

/// Moves the money, and shows the balance before and after.
pub fn run(direction: Direction, args: Movement) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let account = given::account(&args.name)?;
    let amount = given::amount(&args.cents)?;
    let tx_id = given::tx_id(args.tx_id.as_deref())?;
    let not_after_us = given::not_after(args.not_after.as_deref())?;
    let ticket = Ticket { tx_id: &tx_id, not_after_us };
    let again = Command::new(direction.verb(), [account.as_str(), &amount.to_string()]);
    let again = given::with_ticket(again, ticket);
    let debit = match direction {
        Direction::Withdraw => Some((&account, amount)),
        Direction::Deposit => None,
    };
    let act = Act { noun: direction.noun(), again: server.aim(again), tx_id: Some(&tx_id), debit };
    let (line, moved) = runtime::block_on(async {
        let reply = direction
            .ask(&mut server.client(), &account, amount, ticket)
            .await
            .map_err(|error| unanswered::failure(error, &server, &act))?;
        match reply.answer {
            Ok(moved) => Ok((reply.line, moved)),
            Err(refusal) => Err(refused::failure(&refusal, &server, &act)),
        }
    })?;
    if moved.duplicate {
        output.note(&given::happened_before(act.noun, &moved.tx_id));
    }
    let (before, after) = (moved.before.to_string(), moved.after.to_string());
    let mut answer = Answer { rows: Rows::of(&COLUMNS), json: line + "\n", ..Answer::default() };
    answer.table = table::changes([(&account, moved.before, moved.after)]);
    let seq = moved.seq.to_string();
    let columns = [account.as_str(), &before, &after, &seq, moved.tx_id.as_str()];
    answer.rows.add(columns);
    tsv::row(&mut answer.bare, [&after]);
    output.print(&answer)
}
