//! An event in its place.

use crate::by::By;
use crate::event::Event;
use crate::seq::Seq;
use crate::tx_id::TxId;

/// An event with its place, its name and its time: what one line of the journal holds, and what a
/// reader of history gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// Its place in the one order.
    pub seq: Seq,
    /// The idempotency key of the request that made it.
    pub tx_id: TxId<'a>,
    /// Who did it; `None` when nobody was named. It is no part of what the tx_id is bound to.
    pub by: Option<By<'a>>,
    /// What happened.
    pub event: Event<'a>,
    /// Microseconds since the Unix epoch; never decreasing from one to the next.
    pub at_us: u64,
}

impl Transaction<'_> {
    /// The same transaction, owning its texts.
    pub fn into_owned(self) -> Transaction<'static> {
        let Self { seq, tx_id, by, event, at_us } = self;
        let by = by.map(By::into_owned);
        Transaction { seq, tx_id: tx_id.into_owned(), by, event: event.into_owned(), at_us }
    }
}
