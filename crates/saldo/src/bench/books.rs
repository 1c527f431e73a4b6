//! The money of a run: set before it, counted after it.

use client::reply::Refusal;
use client::{Client, Error};
use ledger::{AccountId, Amount, Balance, NameFault, TxId};
use protocol::Code;
use protocol::limits::USERS_MAX;

use crate::openings::pieces;

/// What each account holds at the beginning, in cents: more than it can pay away in an hour, and so
/// little that the hot account stays far below the bound.
pub const OPENING_CENTS: i64 = 1_000_000_000_000;

/// Why the books could not be opened or read.
#[derive(Debug)]
pub enum BooksFault {
    /// No answer.
    Unanswered(Error),
    /// The bank said no.
    Refused(Refusal),
    /// An account of the run cannot be named or set.
    Unnamed,
}

/// Gives every account of the run its opening balance.
pub async fn open(
    client: &mut Client,
    accounts: &[AccountId<'static>],
    run: &str,
) -> Result<i128, BooksFault> {
    let opening = Balance::new(OPENING_CENTS).ok_or(BooksFault::Unnamed)?;
    let openings: Vec<_> = accounts.iter().map(|account| (account.clone(), opening)).collect();
    let tx_id = TxId::new(format!("{run}-init")).map_err(|_| BooksFault::Unnamed)?;
    for piece in pieces::cut(&openings, &tx_id).map_err(|_| BooksFault::Unnamed)? {
        let openings = piece.openings().ok_or(BooksFault::Unnamed)?;
        match client.init(&openings, &piece.tx_id).await?.answer {
            // Who may move money may not set balances.
            Err(no) if no.known_code() == Some(Code::Forbidden) => {
                return fill(client, accounts, run).await;
            }
            answer => drop(answer?),
        }
    }
    Ok(openings.iter().map(|(_, balance)| i128::from(balance.get())).sum())
}

/// Gives every account of the run its opening balance as a deposit.
async fn fill(
    client: &mut Client,
    accounts: &[AccountId<'static>],
    run: &str,
) -> Result<i128, BooksFault> {
    let opening = Amount::new(OPENING_CENTS).map_err(|_| BooksFault::Unnamed)?;
    let mut filled = 0;
    for (place, account) in accounts.iter().enumerate() {
        let tx_id = TxId::new(format!("{run}-init-{place}")).map_err(|_| BooksFault::Unnamed)?;
        client.deposit(account, opening, &tx_id).await?.answer?;
        filled += i128::from(opening.get());
    }
    Ok(filled)
}

/// What the accounts of the run hold, in cents, in their order.
pub async fn count(
    client: &mut Client,
    accounts: &[AccountId<'static>],
) -> Result<Vec<i64>, BooksFault> {
    let mut all = Vec::with_capacity(accounts.len());
    for some in accounts.chunks(USERS_MAX) {
        let held = client.balances(some).await?.answer?.balances;
        all.extend(held.iter().map(|held| held.balance.get()));
    }
    Ok(all)
}

impl From<Error> for BooksFault {
    fn from(error: Error) -> Self {
        Self::Unanswered(error)
    }
}

impl From<Refusal> for BooksFault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NameFault> for BooksFault {
    fn from(_: NameFault) -> Self {
        Self::Unnamed
    }
}
