//! What the reading of a source says, in this order: what it is, its events, its end.

use journal::Genesis;
use ledger::{Seq, Transaction};

/// Most events in a portion, unless another number is chosen. A portion is a transaction of a database.
pub const EVENTS_MAX: u32 = 4_000;

/// Most accounts that the events of a portion change together; a single event may change more.
const LEGS_MAX: usize = 10_000;

/// A part of what is said.
pub enum Portion {
    /// What the source is.
    Opened {
        /// Ledger and currency.
        genesis: Genesis,
        /// Its last event.
        last: Seq,
    },
    /// The next events.
    Events(Vec<Transaction<'static>>),
    /// All was said, and the source is what it was.
    End,
}

/// Events that wait until a portion is full.
pub struct Gathering {
    events_max: usize,
    events: Vec<Transaction<'static>>,
    legs_count: usize,
}

impl Gathering {
    /// For portions of so many events at most.
    pub fn new(events_max: u32) -> Self {
        Self { events_max: events_max as usize, events: Vec::new(), legs_count: 0 }
    }

    /// Adds an event; returns a portion that is full with it.
    pub fn add(&mut self, event: Transaction<'static>) -> Option<Portion> {
        self.legs_count += event.event.legs().count();
        self.events.push(event);
        let is_full = self.events.len() >= self.events_max || self.legs_count >= LEGS_MAX;
        if is_full { self.take() } else { None }
    }

    /// What was gathered; `None` when that is nothing.
    pub fn take(&mut self) -> Option<Portion> {
        self.legs_count = 0;
        let events = std::mem::take(&mut self.events);
        (!events.is_empty()).then_some(Portion::Events(events))
    }
}
