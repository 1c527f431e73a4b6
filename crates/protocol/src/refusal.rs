//! What can be wrong with a line, before any state is asked.

use ledger::{AmountFault, NameFault, Rejection, TxIdFault};

use crate::code::Code;
use crate::limits::{DEPTH_MAX, KEYS_MAX, USERS_MAX};

/// Why a line is not a request. Its text is the wire's `error`, [`Refusal::code`] the wire's
/// `code`. It rests on the line alone, so it is never recorded.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not one JSON object that keeps to the limits.
    #[error("bad json: {0}")]
    BadJson(#[from] JsonFault),
    /// A field that the command needs is absent. A field that is null is there.
    #[error("missing field: '{0}'")]
    MissingField(&'static str),
    /// There is no such command.
    #[error("unknown cmd '{shown}'")]
    UnknownCmd {
        /// What was asked for, as far as an error repeats it.
        shown: String,
    },
    /// The fields are there and do not make a request together.
    #[error(transparent)]
    InvalidRequest(#[from] ListFault),
    /// An opening balance is none.
    #[error("account '{shown}': {fault}")]
    InvalidOpening {
        /// The account's name, as far as an error repeats it.
        shown: String,
        /// What is wrong with its balance.
        fault: AmountFault,
    },
    /// A name, an amount or a tx_id is none, or a transfer names one account twice.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// Why a line is not one JSON object that keeps to the limits.
#[derive(Debug, thiserror::Error)]
pub enum JsonFault {
    /// There is nothing but white space in it.
    #[error("empty line")]
    EmptyLine,
    /// It is not UTF-8.
    #[error("{0}")]
    NotUtf8(#[from] std::str::Utf8Error),
    /// It is something else than an object.
    #[error("a request is an object, which begins with '{{'")]
    NotAnObject,
    /// It breaks the grammar of RFC 8259.
    #[error("{0}")]
    Syntax(#[from] serde_json::Error),
    /// A key stands in one object twice.
    #[error("repeated key '{shown}'")]
    RepeatedKey {
        /// The key, as far as an error repeats it.
        shown: String,
    },
    /// The request has more keys than [`KEYS_MAX`].
    #[error("more than {KEYS_MAX} keys")]
    TooManyKeys,
    /// Objects and lists are nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// A `\u` escape is half of a pair of surrogates, which is no character.
    #[error("lone surrogate in an escape")]
    LoneSurrogate,
}

/// What is wrong with the accounts that a request lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// `accounts` is something else than an object.
    #[error("'accounts' must be an object of names and balances")]
    AccountsNotAnObject,
    /// `users` is something else than a list.
    #[error("'users' must be a list of names")]
    UsersNotAList,
    /// `users` is empty or has more than [`USERS_MAX`] names.
    #[error("'users' must have 1 to {USERS_MAX} names")]
    UsersCount,
    /// `user` and `users` are both there.
    #[error("give 'user' or 'users', not both")]
    UserAndUsers,
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::BadJson(_) => Code::BadJson,
            Self::MissingField(_) => Code::MissingField,
            Self::UnknownCmd { .. } => Code::UnknownCmd,
            Self::InvalidRequest(_) => Code::InvalidRequest,
            Self::InvalidOpening { .. } => Code::InvalidAmount,
            Self::Rejected(rejection) => Code::from(rejection),
        }
    }
}

impl From<NameFault> for Refusal {
    fn from(fault: NameFault) -> Self {
        Self::Rejected(fault.into())
    }
}

impl From<AmountFault> for Refusal {
    fn from(fault: AmountFault) -> Self {
        Self::Rejected(fault.into())
    }
}

impl From<TxIdFault> for Refusal {
    fn from(fault: TxIdFault) -> Self {
        Self::Rejected(fault.into())
    }
}
