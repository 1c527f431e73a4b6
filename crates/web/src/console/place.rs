//! What a page says about the server that it comes from.

use super::money::Currency;
use crate::state::State;

/// The currency of money when the bank's keeper tells none: that of the original program.
const CURRENCY: &str = "BRL";

/// Whether browsers reach this door encrypted. It speaks plain HTTP, on loopback alone.
pub(super) fn is_secure(_: &State) -> bool {
    false
}

/// The currency of the ledger.
pub(super) fn currency(state: &State) -> Currency {
    Currency::new(state.facts().currency.as_deref().unwrap_or(CURRENCY))
}
