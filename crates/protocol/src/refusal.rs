//! What can be wrong with a line, before any state is asked.

use ledger::limits::ACCOUNT_ID_BYTES_MAX;
use ledger::{AmountFault, NameFault, Rejection, TxIdFault};

use crate::code::Code;
use crate::limits::{DEPTH_MAX, KEYS_MAX, NUMBER_MAX, USERS_MAX};
use crate::token::TOKEN_BYTES_MAX;

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
    /// A field of a question about history, or a deadline, is none.
    #[error(transparent)]
    InvalidField(#[from] FieldFault),
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

/// What is wrong with a field that says where in history, how much, or until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// A number is none, or lies out of its range.
    #[error("'{field}' must be a whole number from {min} to {max}")]
    NotInRange {
        /// The field.
        field: &'static str,
        /// The least that it can be.
        min: u64,
        /// The most that it can be.
        max: u64,
    },
    /// A time is none.
    #[error(
        "'{field}' must be a whole number of microseconds since the Unix epoch, from 1 to {NUMBER_MAX}"
    )]
    NotATime {
        /// The field.
        field: &'static str,
    },
    /// Two fields that exclude each other are both there.
    #[error("give '{one}' or '{other}', not both")]
    Both {
        /// The first of them.
        one: &'static str,
        /// The second.
        other: &'static str,
    },
    /// A moment is asked for with several accounts.
    #[error("'at_seq' and 'at_time' go with 'user', not with 'users'")]
    MomentOfMany,
    /// `order` is something else than the two words.
    #[error("'order' must be \"newest\" or \"oldest\"")]
    NoOrder,
    /// `count` is neither true nor false.
    #[error("'count' must be true or false")]
    NoTruth,
    /// `prefix` cannot begin a name.
    #[error("'prefix' must be a string of at most {ACCOUNT_ID_BYTES_MAX} bytes")]
    NoPrefix,
    /// `token` is none. What it is instead is not repeated.
    #[error("'token' must be a string of 1 to {TOKEN_BYTES_MAX} bytes")]
    NoToken,
    /// `cursor` is damaged, or comes from another request.
    #[error(
        "'cursor' is none that was given for this request: send the fields of the first page with it"
    )]
    NoCursor,
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::BadJson(_) => Code::BadJson,
            Self::MissingField(_) => Code::MissingField,
            Self::UnknownCmd { .. } => Code::UnknownCmd,
            Self::InvalidRequest(_) | Self::InvalidField(_) => Code::InvalidRequest,
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
