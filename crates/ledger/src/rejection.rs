//! The bank's own no: a variant per rung of the ladder, each with a stable code.

use std::fmt;

use crate::account::NameFault;
use crate::limits::BALANCE_MAX;
use crate::money::{AmountFault, Balance};
use crate::tx_id::TxIdFault;

/// Why the bank refuses a command. The same state and the same command give the same rejection,
/// on every engine. Its text is the wire's `error`, its code the wire's `code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A name is no account's name.
    InvalidName(NameFault),
    /// An amount is none.
    InvalidAmount(AmountFault),
    /// A tx_id is none.
    InvalidTxId(TxIdFault),
    /// A transfer names one account twice.
    SameAccount,
    /// The tx_id already stands for other content. Nothing of the original is told.
    TxIdReused,
    /// The account holds less than would leave it.
    InsufficientFunds {
        /// What it holds.
        balance: Balance,
    },
    /// The receiving account would leave the range of a balance.
    BalanceOutOfRange {
        /// What it holds.
        balance: Balance,
    },
    /// The request's deadline had passed when its turn came.
    DeadlinePassed {
        /// The deadline, in microseconds since the Unix epoch.
        not_after_us: u64,
    },
    /// The tx_id was voided before the request came: it will never be executed.
    Voided,
}

impl Rejection {
    /// The stable code: snake_case, never changed, never reused.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidName(_) => "invalid_name",
            Self::InvalidAmount(_) => "invalid_amount",
            Self::InvalidTxId(_) => "invalid_tx_id",
            Self::SameAccount => "same_account",
            Self::TxIdReused => "tx_id_reused",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::BalanceOutOfRange { .. } => "balance_out_of_range",
            Self::DeadlinePassed { .. } => "deadline_passed",
            Self::Voided => "voided",
        }
    }

    /// The balance that the refusal rests on; `None` when it rests on none.
    pub const fn balance(&self) -> Option<Balance> {
        match self {
            Self::InsufficientFunds { balance } | Self::BalanceOutOfRange { balance } => {
                Some(*balance)
            }
            Self::InvalidName(_)
            | Self::InvalidAmount(_)
            | Self::InvalidTxId(_)
            | Self::SameAccount
            | Self::TxIdReused
            | Self::DeadlinePassed { .. }
            | Self::Voided => None,
        }
    }

    /// Rebuilds a recorded refusal from its code and the balance that it rests on; `None` for a
    /// code that rests on none.
    pub fn recorded(code: &str, balance: Balance) -> Option<Self> {
        match code {
            "insufficient_funds" => Some(Self::InsufficientFunds { balance }),
            "balance_out_of_range" => Some(Self::BalanceOutOfRange { balance }),
            _ => None,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName(fault) => fault.fmt(f),
            Self::InvalidAmount(fault) => fault.fmt(f),
            Self::InvalidTxId(fault) => fault.fmt(f),
            Self::SameAccount => f.write_str("cannot transfer to same account"),
            Self::TxIdReused => f.write_str("tx_id was already used for another request"),
            Self::InsufficientFunds { .. } => f.write_str("insufficient funds"),
            Self::BalanceOutOfRange { .. } => {
                write!(f, "the receiving balance would pass {BALANCE_MAX}")
            }
            Self::DeadlinePassed { not_after_us } => {
                write!(f, "the deadline {not_after_us} (not_after) has passed")
            }
            Self::Voided => f.write_str("the tx_id was voided: nothing will be done under it"),
        }
    }
}

impl std::error::Error for Rejection {}

impl From<NameFault> for Rejection {
    fn from(fault: NameFault) -> Self {
        Self::InvalidName(fault)
    }
}

impl From<AmountFault> for Rejection {
    fn from(fault: AmountFault) -> Self {
        Self::InvalidAmount(fault)
    }
}

impl From<TxIdFault> for Rejection {
    fn from(fault: TxIdFault) -> Self {
        Self::InvalidTxId(fault)
    }
}
