//! An event in its place.

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
    /// What happened.
    pub event: Event<'a>,
    /// Microseconds since the Unix epoch; never decreasing from one to the next.
    pub at_us: u64,
}

impl Transaction<'_> {
    /// The same transaction, owning its texts.
    pub fn into_owned(self) -> Transaction<'static> {
        let Self { seq, tx_id, event, at_us } = self;
        Transaction { seq, tx_id: tx_id.into_owned(), event: event.into_owned(), at_us }
    }
}
