//! What a verb asks of the bank, as the messages about its failure need it.

use ledger::{AccountId, Amount, TxId};

use crate::shell::Command;

/// One request, for people.
#[derive(Debug)]
pub struct Act<'a> {
    /// What it is: `transfer`, `balance`.
    pub noun: &'static str,
    /// The command that asks the very same again: with the same tx_id, so that it happens once.
    pub again: Command,
    /// The name of the write; `None` for a question.
    pub tx_id: Option<&'a TxId<'a>>,
    /// What is to leave which account, when something is.
    pub debit: Option<(&'a AccountId<'a>, Amount)>,
}
