//! What a form holds, and whether that makes a command.

use ledger::{AccountId, Amount, Command, NameFault, Transfer, TxId};
use serde::Deserialize;

use super::Kind;
use crate::console::frame::Frame;
use crate::console::money::TypedFault;

/// As typed. Nothing is lost when the form is shown again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Fields {
    /// Who pays; unused by a deposit.
    #[serde(default)]
    pub(super) from: String,
    /// Who is paid; unused by a withdrawal.
    #[serde(default)]
    pub(super) to: String,
    /// As the page's language writes it.
    #[serde(default)]
    pub(super) amount: String,
    /// The same in minor units, in place of `amount`: what was looked at is what is sent, even if the
    /// language changed in between.
    #[serde(default)]
    pub(super) minor_units: String,
    #[serde(default)]
    pub(super) tx_id: String,
}

/// What is wrong, by field; empty where nothing is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) amount: String,
}

impl Faults {
    pub(super) fn are_some(&self) -> bool {
        !(self.from.is_empty() && self.to.is_empty() && self.amount.is_empty())
    }
}

/// A form that makes sense.
pub(super) struct Wanted {
    pub(super) command: Command<'static>,
    pub(super) amount: Amount,
    pub(super) tx_id: TxId<'static>,
}

impl Fields {
    /// The same, with the amount in words of the page when it came in minor units.
    pub(super) fn in_words(mut self, f: &Frame) -> Self {
        if let Ok(minor_units) = self.minor_units.parse::<i64>() {
            self.amount = f.money(minor_units).shown;
        }
        self
    }

    /// Reads the command that `kind` of form stands for. Errors: what is wrong, by field.
    pub(super) fn command(&self, kind: Kind, f: &Frame) -> Result<Wanted, Faults> {
        let mut faults = Faults::default();
        let from = kind.has_from().then(|| account(&self.from, f, &mut faults.from)).flatten();
        let to = kind.has_to().then(|| account(&self.to, f, &mut faults.to)).flatten();
        let amount = match f.currency.read(&self.amount, f.language) {
            Ok(amount) => Some(amount),
            Err(fault) => {
                faults.amount = amount_fault(fault, f);
                None
            }
        };
        let command = match (kind, from, to, amount) {
            (Kind::Transfer, Some(from), Some(to), Some(amount)) => {
                match Transfer::new(from, to, amount) {
                    Ok(transfer) => Command::Transfer(transfer),
                    Err(_) => {
                        faults.to = f.t.fault_same_account.to_owned();
                        return Err(faults);
                    }
                }
            }
            (Kind::Deposit, _, Some(account), Some(amount)) => Command::Deposit { account, amount },
            (Kind::Withdraw, Some(account), _, Some(amount)) => {
                Command::Withdraw { account, amount }
            }
            (Kind::Transfer | Kind::Deposit | Kind::Withdraw, _, _, _) => return Err(faults),
        };
        // A form of ours has a tx_id; one that somebody made without is sent once, under a new one.
        let tx_id = TxId::new(self.tx_id.clone()).or_else(|_| TxId::new(super::new_tx_id()));
        match (amount, tx_id) {
            (Some(amount), Ok(tx_id)) => Ok(Wanted { command, amount, tx_id }),
            (None, _) | (_, Err(_)) => Err(faults),
        }
    }
}

fn account(typed: &str, f: &Frame, fault: &mut String) -> Option<AccountId<'static>> {
    // Blanks at the ends come from copying, and a name with them could not be told from one without.
    match AccountId::new(typed.trim().to_owned()) {
        Ok(account) => Some(account),
        Err(why) => {
            *fault = match why {
                NameFault::Empty => f.t.fault_no_account,
                NameFault::TooLong { .. } => f.t.fault_long_name,
                NameFault::ControlCharacter | NameFault::NotText => f.t.fault_bad_name,
                NameFault::Reserved => f.t.fault_reserved_name,
            }
            .to_owned();
            None
        }
    }
}

fn amount_fault(fault: TypedFault, f: &Frame) -> String {
    let example = || f.money(102_500).shown;
    match fault {
        TypedFault::Missing => f.t.fault_no_amount.to_owned(),
        TypedFault::NotANumber => f.t.fault_no_number.replace("{}", &example()),
        TypedFault::TooFine => f.t.fault_too_fine.replace("{}", &f.currency.digits().to_string()),
        TypedFault::Zero => f.t.fault_zero.to_owned(),
        TypedFault::TooLarge => {
            f.t.fault_too_large.replace("{}", &f.money(ledger::limits::AMOUNT_MAX).shown)
        }
    }
}
