//! `saldo init FILE`: sets opening balances, all or nothing. A file that does not fit one request
//! is set in several, each of them all or nothing, and that is said.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use client::Client;
use client::reply::Held;
use client::request::Ticket;
use ledger::{AccountId, TxId};
use protocol::limits::USERS_MAX;
use protocol::query::Named;

use crate::act::Act;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::openings::pieces::Piece;
use crate::openings::{file, pieces};
use crate::output::{Answer, Output, OutputArgs, Rows, table, text, tsv};
use crate::server::{Server, ServerArgs};
use crate::shell::Command;
use crate::{given, refused, runtime, unanswered};

/// The flags of `init`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo init accounts.json\n  echo '{\"alice\":100000}' | saldo init -"
)]
pub struct Args {
    /// A JSON file such as {"alice":100000,"bob":50000}, or a state.json; - is stdin
    #[arg(value_name = "FILE")]
    file: String,
    /// Set the balances of accounts that exist already, without asking
    #[arg(long)]
    yes: bool,
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

/// Sets the balances, and shows them.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let server = args.server.resolve()?;
    let tx_id = given::tx_id(args.tx_id.as_deref())?;
    let contents = file::read(&args.file)?;
    for note in &contents.notes {
        output.note(note);
    }
    let pieces = pieces::cut(&contents.openings, &tx_id).map_err(|fault| {
        let text =
            format!("the file needs several requests, and --tx-id cannot be numbered: {fault}");
        Failure::new(Exit::Usage, "invalid_tx_id", text).hint("give a shorter --tx-id")
    })?;
    let not_after_us = given::not_after(args.not_after.as_deref())?;
    let plan = Plan { server: &server, file: &args.file, tx_id: &tx_id, not_after_us, output };
    let answer = runtime::block_on(async {
        let mut client = server.client();
        let has_agreed =
            args.yes || (args.tx_id.is_some() && plan.has_begun(&mut client, &pieces).await?);
        if !has_agreed {
            let accounts: Vec<_> =
                contents.openings.iter().map(|(account, _)| account.borrow()).collect();
            let existing = plan.existing(&mut client, &accounts).await?;
            plan.confirm(&existing, accounts.len())?;
        }
        plan.send(&mut client, &pieces).await
    })?;
    output.print(&answer)
}

/// Most bytes of an answer to a question that are read.
const ANSWER_BYTES_MAX: u64 = 100;

/// What is to be set, where, and under which name.
struct Plan<'a> {
    server: &'a Server,
    file: &'a str,
    tx_id: &'a TxId<'a>,
    not_after_us: Option<u64>,
    output: Output,
}

impl Plan<'_> {
    /// This very command again. The accounts may exist by then, so it asks no more.
    fn again(&self) -> Command {
        let ticket = Ticket { tx_id: self.tx_id, not_after_us: self.not_after_us };
        let command = given::with_ticket(Command::new("init", [self.file]), ticket);
        self.server.aim(command.flag("--yes"))
    }

    /// Whether something stands under the tx_id already. Then somebody has agreed before, the
    /// accounts may exist for that very reason, and only the bank can tell what it was.
    async fn has_begun(&self, client: &mut Client, pieces: &[Piece<'_>]) -> Result<bool, Failure> {
        let Some(first) = pieces.first() else { return Ok(false) };
        let act = Act { noun: "question", again: self.again(), tx_id: None, debit: None };
        let reply = client
            .transaction(&Named::TxId(first.tx_id.clone()))
            .await
            .map_err(|error| unanswered::failure(error, self.server, &act))?;
        // A refusal means that there is none, or that the server cannot tell: then it is asked.
        Ok(reply.answer.is_ok())
    }

    /// Which of the accounts are there already.
    async fn existing(
        &self,
        client: &mut Client,
        accounts: &[AccountId<'_>],
    ) -> Result<Vec<Held>, Failure> {
        let act = Act { noun: "question", again: self.again(), tx_id: None, debit: None };
        let mut existing = Vec::new();
        for some in accounts.chunks(USERS_MAX) {
            let reply = client
                .balances(some)
                .await
                .map_err(|error| unanswered::failure(error, self.server, &act))?;
            let held =
                reply.answer.map_err(|refusal| refused::failure(&refusal, self.server, &act))?;
            existing.extend(held.balances.into_iter().filter(|held| held.exists));
        }
        Ok(existing)
    }

    /// Asks whoever sits at the terminal whether accounts that exist are to be set. Where nobody
    /// sits, the answer has to be given beforehand.
    fn confirm(&self, existing: &[Held], count: usize) -> Result<(), Failure> {
        let Some(first) = existing.first() else { return Ok(()) };
        let found = found(first, existing.len(), count);
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        if !terminal || self.file == "-" {
            let with_yes = self.server.aim(Command::new("init", [self.file]).flag("--yes"));
            return Err(Failure::new(Exit::Usage, "accounts_exist", found).hint(with_yes.line()));
        }
        let question = format!("{found}. Set all the same? [y/N] ");
        if agreed(&question, &mut io::stdin().lock(), &mut io::stderr().lock()) {
            return Ok(());
        }
        Err(Failure::new(Exit::No, "declined", "nothing was changed"))
    }

    /// Sends the pieces one after the other.
    async fn send(&self, client: &mut Client, pieces: &[Piece<'_>]) -> Result<Answer, Failure> {
        if let [_, _, ..] = pieces {
            let shown = text::message(self.file);
            let count = pieces.len();
            self.output.note(&format!(
                "{shown} is too large for one request; its balances are set in {count}, each all or nothing"
            ));
        }
        let act = Act { noun: "init", again: self.again(), tx_id: Some(self.tx_id), debit: None };
        let mut answer = Answer { rows: Rows::of(&["account", "balance"]), ..Answer::default() };
        let mut shown = Vec::new();
        for (done, piece) in pieces.iter().enumerate() {
            let told = |failure: Failure| match done {
                0 => failure,
                _ => failure
                    .after(&format!("the first {done} of {} requests were done", pieces.len())),
            };
            let openings = piece.openings().ok_or_else(|| {
                Failure::new(Exit::Usage, "repeated_name", "an account stands there twice")
            })?;
            let reply = client
                .init(&openings, Ticket { tx_id: &piece.tx_id, not_after_us: self.not_after_us })
                .await
                .map_err(|error| told(unanswered::failure(error, self.server, &act)))?;
            let opened = reply
                .answer
                .map_err(|refusal| told(refused::failure(&refusal, self.server, &act)))?;
            if opened.duplicate {
                self.output.note(&given::happened_before(act.noun, &opened.tx_id));
            }
            answer.json.push_str(&reply.line);
            answer.json.push('\n');
            shown.extend(opened.accounts);
        }
        answer.table = table::holdings(shown.iter().map(|(account, balance)| (account, *balance)));
        for (account, balance) in &shown {
            let balance = balance.to_string();
            answer.rows.add([account.as_str(), &balance]);
            tsv::row(&mut answer.bare, [&balance]);
        }
        Ok(answer)
    }
}

/// What stands in the way, in one line.
fn found(first: &Held, existing: usize, count: usize) -> String {
    let name = text::quoted(first.account.as_str());
    let holds = first.balance;
    match existing {
        1 => format!("account {name} exists and holds {holds}, and its balance would be set"),
        _ => format!(
            "{existing} of the {count} accounts exist, {name} holds {holds}, and their balances would be set"
        ),
    }
}

/// Asks; only a yes is a yes.
fn agreed(question: &str, from: &mut impl BufRead, to: &mut impl Write) -> bool {
    let mut line = String::new();
    let asked = write!(to, "{question}").and_then(|()| to.flush());
    asked.is_ok()
        && from.take(ANSWER_BYTES_MAX).read_line(&mut line).is_ok()
        && matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (typed, agrees) in
            [("y\n", true), ("YES\n", true), ("\n", false), ("", false), ("yeah\n", false)]
        {
            let mut shown = Vec::new();
            assert_eq!(agreed("Sure? ", &mut typed.as_bytes(), &mut shown), agrees, "{typed:?}");
            assert_eq!(shown, b"Sure? ");
        }
    }
}
