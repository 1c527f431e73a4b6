//! Which act a request or a question is, and which accounts it names.

use access::{Act, Forbidden, Principal};
use engine::{Query, Request};
use ledger::{AccountId, By, Command};

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
        Request::Resolve { .. } => who.may(Act::Resolve, []),
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

/// The name of whoever asks, for the journal.
pub(crate) fn name_of(who: &Principal) -> Option<By<'_>> {
    // Names of principals are made so that they fit.
    who.by().and_then(|by| By::new(by).ok())
}

/// The request in the name of whoever asks, whatever name it came with.
pub(crate) fn signed(who: &Principal, mut request: Request<'static>) -> Request<'static> {
    match &mut request {
        Request::Write { by, .. } | Request::Resolve { by, .. } => {
            *by = name_of(who).map(By::into_owned);
        }
        Request::Balance(_) | Request::Balances(_) => {}
    }
    request
}
