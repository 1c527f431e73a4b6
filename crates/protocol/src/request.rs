//! From one line to what the client asks.
//!
//! The ladder of checks is the original's: JSON, the command, the presence of its fields in the
//! order `user` or `from`, `to`, `amount`, `accounts`; then names, amount, same account, tx_id,
//! deadline.
//! What rests on the state of accounts comes later and elsewhere.

use ledger::{AccountId, Command, NameFault, Openings, Seq, Transfer, TxId};
use serde_json::value::RawValue;

use crate::fast;
use crate::fields::{self, Fields};
use crate::json;
use crate::query::{self, Query};
use crate::refusal::{FieldFault, ListFault, Refusal};
use crate::shown::shown;
use crate::token::Token;
use crate::whole;

/// What one line asks for. Borrows from the line what needed no unescaping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A change.
    Write {
        /// What is to change.
        command: Command<'a>,
        /// Its name, when the client gave one.
        tx_id: Option<TxId<'a>>,
        /// Its deadline by the server's clock, in microseconds since the Unix epoch.
        not_after_us: Option<u64>,
    },
    /// What became of this tx_id, for ever?
    Resolve(TxId<'a>),
    /// A question about history. In a box: it is rare, and large beside the others.
    Query(Box<Query<'a>>),
    /// What does one account hold?
    Balance(AccountId<'a>),
    /// What do these accounts hold, all at one position? 1 to 1,000 of them, in the order asked.
    Balances(Vec<AccountId<'a>>),
    /// The server is to stop in good order.
    Shutdown,
    /// Who asks from here on.
    Auth(Token<'a>),
    /// Every transaction from this seq on, as it happens; `None`: from what happens next.
    Follow(Option<Seq>),
}

/// Reads one line, without its line feed. Never panics, whatever the bytes are.
///
/// Errors: the first rung of the ladder above that does not hold.
pub fn parse_line(line: &[u8]) -> Result<Incoming<'_>, Refusal> {
    match fast::parse(line) {
        Some(incoming) => Ok(incoming),
        None => parse_any(line),
    }
}

/// The general parser: every request in every spelling, and every error.
pub(crate) fn parse_any(line: &[u8]) -> Result<Incoming<'_>, Refusal> {
    let fields = Fields::read(line)?;
    let cmd = present(fields.cmd, "cmd")?;
    let Some(name) = json::text(cmd)? else {
        return Err(Refusal::UnknownCmd { shown: shown(cmd.get()) });
    };
    match name.as_ref() {
        "transfer" => transfer(&fields),
        "deposit" => {
            let (account, amount) = one_account(&fields)?;
            write(Command::Deposit { account, amount }, &fields)
        }
        "withdraw" => {
            let (account, amount) = one_account(&fields)?;
            write(Command::Withdraw { account, amount }, &fields)
        }
        "balance" => balance(&fields),
        "init_accounts" => init(&fields),
        "resolve" => Ok(Incoming::Resolve(query::tx_id(present(fields.tx_id, "tx_id")?)?)),
        "transaction" => asked(query::transaction(&fields)),
        "transactions" => asked(query::transactions(&fields)),
        "statement" => {
            let account = account(present(fields.user, "user")?)?;
            asked(query::statement(account, &fields))
        }
        "accounts" => asked(query::accounts(&fields)),
        "totals" => asked(Ok(Query::Totals)),
        "shutdown" => Ok(Incoming::Shutdown),
        "follow" => Ok(Incoming::Follow(query::follow(&fields)?)),
        "auth" => auth(&fields),
        unknown => Err(Refusal::UnknownCmd { shown: shown(unknown) }),
    }
}

fn auth<'a>(fields: &Fields<'a>) -> Result<Incoming<'a>, Refusal> {
    let text = json::text(present(fields.token(), "token")?)?;
    let token = text.and_then(Token::new).ok_or(FieldFault::NoToken)?;
    Ok(Incoming::Auth(token))
}

fn transfer<'a>(fields: &Fields<'a>) -> Result<Incoming<'a>, Refusal> {
    let from = present(fields.from, "from")?;
    let to = present(fields.to, "to")?;
    let amount = present(fields.amount, "amount")?;
    let (from, to) = (account(from)?, account(to)?);
    let amount = whole::amount(amount.get())?;
    write(Command::Transfer(Transfer::new(from, to, amount)?), fields)
}

/// The account and the amount of a deposit or a withdrawal.
fn one_account<'a>(fields: &Fields<'a>) -> Result<(AccountId<'a>, ledger::Amount), Refusal> {
    let user = present(fields.user, "user")?;
    let amount = present(fields.amount, "amount")?;
    Ok((account(user)?, whole::amount(amount.get())?))
}

fn balance<'a>(fields: &Fields<'a>) -> Result<Incoming<'a>, Refusal> {
    match (fields.user, fields.users) {
        (Some(_), Some(_)) => Err(ListFault::UserAndUsers.into()),
        (None, Some(_)) if query::has_moment(fields) => Err(FieldFault::MomentOfMany.into()),
        (None, Some(users)) => {
            let accounts: Result<_, _> = fields::users(users)?.into_iter().map(account).collect();
            Ok(Incoming::Balances(accounts?))
        }
        (user, None) => {
            let account = account(present(user, "user")?)?;
            match query::moment_of_balance(fields)? {
                None => Ok(Incoming::Balance(account)),
                Some(at) => asked(Ok(Query::BalanceAt { account, at })),
            }
        }
    }
}

fn asked(query: Result<Query<'_>, Refusal>) -> Result<Incoming<'_>, Refusal> {
    query.map(|query| Incoming::Query(Box::new(query)))
}

fn init<'a>(fields: &Fields<'a>) -> Result<Incoming<'a>, Refusal> {
    let entries = fields::accounts(present(fields.accounts, "accounts")?)?;
    let mut named = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        named.push((AccountId::new(name)?, value));
    }
    let mut openings = Vec::with_capacity(named.len());
    for (account, value) in named {
        let balance = whole::opening(value.get())
            .map_err(|fault| Refusal::InvalidOpening { shown: shown(account.as_str()), fault })?;
        openings.push((account, balance));
    }
    // `fields::accounts` and `whole::opening` refused what `Openings` would, and said why.
    let openings = Openings::new(openings).ok_or(ListFault::AccountsNotAnObject)?;
    write(Command::Init(openings), fields)
}

/// The last rungs: the tx_id and the deadline. For the first, absent, null and empty all mean that
/// the client gave none.
fn write<'a>(command: Command<'a>, fields: &Fields<'a>) -> Result<Incoming<'a>, Refusal> {
    let tx_id = match fields.tx_id {
        None => None,
        Some(value) if matches!(value.get(), "null" | "\"\"") => None,
        Some(value) => Some(query::tx_id(value)?),
    };
    let not_after_us = match fields.not_after {
        None => None,
        Some(value) => query::not_after(value)?,
    };
    Ok(Incoming::Write { command, tx_id, not_after_us })
}

fn present<'a>(field: Option<&'a RawValue>, name: &'static str) -> Result<&'a RawValue, Refusal> {
    field.ok_or(Refusal::MissingField(name))
}

fn account(value: &RawValue) -> Result<AccountId<'_>, Refusal> {
    let name = json::text(value)?.ok_or(NameFault::NotText)?;
    Ok(AccountId::new(name)?)
}
