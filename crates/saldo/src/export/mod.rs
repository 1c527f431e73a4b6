//! The bank in files of other programs: every transaction up to one position, or what all accounts
//! hold at one. Not here: the verb and its flags (`verbs::export`).

mod accounts;
mod csv;
mod hledger;
mod target;
mod transactions;

pub use accounts::{AccountsFormat, accounts};
pub use hledger::Commodity;
pub use target::Target;
pub use transactions::{TransactionsFormat, position, transactions};
