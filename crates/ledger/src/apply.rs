//! The other half of a decision: taking an event as it stands.

use crate::account::AccountId;
use crate::event::Event;
use crate::money::Balance;

/// Hands each balance that `event` sets to `set`, in the event's order. Cannot fail: what could
/// speak against the event was asked before it came to be.
pub fn apply<'e>(event: &'e Event<'_>, mut set: impl FnMut(&'e AccountId<'_>, Balance)) {
    for leg in event.legs() {
        set(&leg.account, leg.after);
    }
}
