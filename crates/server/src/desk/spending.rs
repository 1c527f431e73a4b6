//! Writes against the limits of whoever asks: per transaction, and per day of UTC.
//!
//! **Invariant:** before the first write under a limit, what was moved today by whom is read from the
//! journal, so that a new start gives nobody the day's limit twice.

use std::time::{SystemTime, UNIX_EPOCH};

use access::{LimitFault, Principal, Reserved, day_of};
use engine::query::{Moment, Named, PAGE_MAX, Span};
use engine::{Outcome, Query, Reading, Request, Unavailable};
use ledger::{AccountId, Command, Event, Seq};
use tokio::sync::OnceCell;

use super::{Desk, No};

const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;

/// Whether today's sums were read.
#[derive(Default)]
pub(super) struct Spending(OnceCell<()>);

/// How much a request moves, in minor units; `None` when no limit is about it.
fn amount_of(request: &Request<'_>) -> Option<u64> {
    let Request::Write { command, .. } = request else { return None };
    match command {
        Command::Deposit { amount, .. } | Command::Withdraw { amount, .. } => Some(amount.get()),
        Command::Transfer(transfer) => Some(transfer.amount().get()),
        Command::Init(_) => None,
    }
    .map(i64::unsigned_abs)
}

fn moved_by(event: &Event<'_>) -> u64 {
    match event {
        Event::Deposit { amount, .. }
        | Event::Withdraw { amount, .. }
        | Event::Transfer { amount, .. } => amount.get().unsigned_abs(),
        Event::Init { .. } | Event::Refused(_) | Event::Void => 0,
    }
}

fn now_us() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX)
}

/// What becomes of an amount that was counted before its request was run: it stays counted when it
/// moved, or may have.
pub(crate) fn settle(reserved: Reserved, outcome: &Outcome<'_>) {
    match outcome {
        Outcome::Done { duplicate: false, .. } | Outcome::Unknown { .. } => reserved.keep(),
        Outcome::Done { duplicate: true, .. }
        | Outcome::Resolved { .. }
        | Outcome::Balance { .. }
        | Outcome::Balances { .. }
        | Outcome::Refused { .. }
        | Outcome::Conflict { .. }
        | Outcome::Unavailable(_) => drop(reserved),
    }
}

impl Desk {
    /// Counts what `request` moves, if `who` has limits and they allow it, without waiting: today's
    /// sums must have been read.
    fn try_reserve(
        &self,
        who: &Principal,
        request: &Request<'_>,
    ) -> Result<Option<Reserved>, LimitFault> {
        match amount_of(request) {
            Some(amount) => self.access().reserve(who, amount, now_us()).map(Some),
            None => Ok(None),
        }
    }

    /// Counts what `request` moves against the limits of `who`. `None`: nothing was counted, and the
    /// request may be run. Errors: `Limit`, `Unavailable`.
    pub(crate) async fn reserve(
        &self,
        who: &Principal,
        request: &Request<'_>,
    ) -> Result<Option<Reserved>, No> {
        if !who.has_limits() {
            return Ok(None);
        }
        self.know_today().await?;
        match (self.try_reserve(who, request), request) {
            (Ok(reserved), _) => Ok(reserved),
            (Err(fault), Request::Write { tx_id, tx_id_given: true, .. }) => {
                // What stands under the tx_id is answered again and moves nothing.
                let query = Query::Transaction(Named::TxId(tx_id.clone()));
                let found = self.engine().read(query).await?;
                let stands = matches!(found, Reading::Transaction { transaction: Some(_), .. });
                if stands { Ok(None) } else { Err(fault.into()) }
            }
            (Err(fault), _) => Err(fault.into()),
        }
    }

    /// Reads what was moved today, once.
    async fn know_today(&self) -> Result<(), Unavailable> {
        self.inner.spending.0.get_or_try_init(|| self.read_today()).await.map(drop)
    }

    async fn read_today(&self) -> Result<(), Unavailable> {
        let midnight_us = day_of(now_us()) * DAY_US;
        let mut from = Some(self.first_since(midnight_us).await?);
        while let Some(next) = from {
            let span = Span { from: next, to: None, limit: PAGE_MAX };
            let reading = self.engine().read(Query::Transactions(span)).await?;
            let Reading::Transactions { transactions, next, .. } = reading else { break };
            for transaction in &transactions {
                if let Some(by) = &transaction.by {
                    let moved = moved_by(&transaction.event);
                    self.access().note_spent(by.as_str(), day_of(transaction.at_us), moved);
                }
            }
            from = next;
        }
        Ok(())
    }

    /// The first seq that can have a time of `time_us` or later.
    async fn first_since(&self, time_us: u64) -> Result<Seq, Unavailable> {
        let first = Seq::new(1);
        // Any account will do: it is the position that is asked for.
        let (Ok(account), Some(before)) = (AccountId::new("-"), time_us.checked_sub(1)) else {
            return Ok(first);
        };
        let at = Moment::Time(before);
        let reading = self.engine().read(Query::BalanceAt { account, at }).await?;
        Ok(reading.as_of().checked_next().unwrap_or(first))
    }
}
