//! Which act a request or a question is, and which accounts it names.

use access::{Act, Forbidden, Principal};
use engine::{Query, Request};
use ledger::{AccountId, Command};

/// Whether `who` may ask this. Allocates nothing.
pub(crate) fn request(who: &Principal, request: &Request<'_>) -> Result<(), Forbidden> {
    match request {
        Request::Write { command, .. } => match command {
            Command::Init(openings) => {
                who.may(Act::Init, openings.as_slice().iter().map(|(account, _)| account.as_str()))
            }
            Command::Deposit { account, .. } => who.may(Act::Deposit, [account.as_str()]),
            Command::Withdraw { account, .. } => who.may(Act::Withdraw, [account.as_str()]),
            Command::Transfer(transfer) => {
                who.may(Act::Transfer, [transfer.from().as_str(), transfer.to().as_str()])
            }
        },
        Request::Resolve(_) => who.may(Act::Resolve, []),
        Request::Balance(account) => who.may(Act::Balance, [account.as_str()]),
        Request::Balances(accounts) => {
            who.may(Act::Balance, accounts.iter().map(AccountId::as_str))
        }
    }
}

/// Whether `who` may ask this of history. What a list holds, and whose a transaction is, is looked at
/// once it was read.
pub(crate) fn query(who: &Principal, query: &Query<'_>) -> Result<(), Forbidden> {
    match query {
        Query::Transaction(_) => who.may(Act::Transaction, []),
        Query::Transactions(_) => who.may(Act::Transactions, []),
        Query::Statement { account, .. } => who.may(Act::Statement, [account.as_str()]),
        Query::BalanceAt { account, .. } => who.may(Act::Balance, [account.as_str()]),
        Query::Accounts { .. } => who.may(Act::Accounts, []),
        Query::Totals => who.may(Act::Totals, []),
    }
}

/// Whether `who` may follow what happens.
pub(crate) fn follow(who: &Principal) -> Result<(), Forbidden> {
    who.may(Act::Follow, [])
}

/// Whether `who` may stop the server.
pub(crate) fn shutdown(who: &Principal) -> Result<(), Forbidden> {
    who.may(Act::Shutdown, [])
}

/// The request with the name of whoever asks in it.
pub(crate) fn signed(_: &Principal, request: Request<'static>) -> Request<'static> {
    request
}
