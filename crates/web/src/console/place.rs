//! What a page says about the server that it comes from.

use super::money::Currency;
use crate::state::State;

/// Whether browsers reach this door encrypted.
pub(super) fn is_secure(_: &State) -> bool {
    false
}

/// The currency of the ledger.
pub(super) fn currency(_: &State) -> Currency {
    Currency::new("BRL")
}
