//! The stable code of every `no` on the wire.

use ledger::Rejection;

/// Names why a request was not done. A code never changes its meaning and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The line is not one JSON object that keeps to the limits.
    BadJson,
    /// A field that the command needs is absent.
    MissingField,
    /// There is no such command.
    UnknownCmd,
    /// The fields are there and do not make a request together.
    InvalidRequest,
    /// A name is no account's name.
    InvalidName,
    /// An amount or an opening balance is none.
    InvalidAmount,
    /// A transfer names one account twice.
    SameAccount,
    /// A tx_id is none.
    InvalidTxId,
    /// The tx_id stands for another request.
    TxIdReused,
    /// The account holds less than would leave it.
    InsufficientFunds,
    /// The receiving account would leave the range of a balance.
    BalanceOutOfRange,
    /// The request's deadline had passed when its turn came.
    DeadlinePassed,
    /// The tx_id was voided: nothing will be done under it.
    Voided,
    /// There is no transaction under that tx_id or seq.
    UnknownTransaction,
    /// The position or time asked for lies ahead.
    NotYet,
    /// The command is too large for one record of the journal.
    TooLarge,
    /// The line is longer than the limit; the connection is closed.
    LineTooLong,
    /// The client speaks HTTP; the connection is closed.
    HttpNotSpoken,
    /// The server has no room for this; the connection is closed.
    Overloaded,
    /// Nobody is known to ask, or not any more.
    Unauthenticated,
    /// Whoever asks may not do this, or not with these accounts.
    Forbidden,
    /// More requests came than may come in this time.
    RateLimited,
    /// It is more than whoever asks may move at once, or in one day.
    LimitExceeded,
    /// A follower took what it was given too slowly; the connection is closed.
    Behind,
    /// The history index cannot be read at the moment; nothing was done.
    IndexUnavailable,
    /// The journal cannot be read where the answer stands; nothing was done.
    JournalUnavailable,
    /// The database that keeps the bank did not answer in time; nothing was done.
    DatabaseUnreachable,
    /// The server is stopping; nothing was done.
    ShuttingDown,
    /// The answer was lost: it may have happened or not.
    OutcomeUnknown,
    /// The server cannot write any more; nothing was done.
    Internal,
}

impl Code {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 30] = [
        Self::BadJson,
        Self::MissingField,
        Self::UnknownCmd,
        Self::InvalidRequest,
        Self::InvalidName,
        Self::InvalidAmount,
        Self::SameAccount,
        Self::InvalidTxId,
        Self::TxIdReused,
        Self::InsufficientFunds,
        Self::BalanceOutOfRange,
        Self::DeadlinePassed,
        Self::Voided,
        Self::UnknownTransaction,
        Self::NotYet,
        Self::TooLarge,
        Self::LineTooLong,
        Self::HttpNotSpoken,
        Self::Overloaded,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::RateLimited,
        Self::LimitExceeded,
        Self::Behind,
        Self::IndexUnavailable,
        Self::JournalUnavailable,
        Self::DatabaseUnreachable,
        Self::ShuttingDown,
        Self::OutcomeUnknown,
        Self::Internal,
    ];

    /// The code as the wire has it: snake_case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::MissingField => "missing_field",
            Self::UnknownCmd => "unknown_cmd",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidName => "invalid_name",
            Self::InvalidAmount => "invalid_amount",
            Self::SameAccount => "same_account",
            Self::InvalidTxId => "invalid_tx_id",
            Self::TxIdReused => "tx_id_reused",
            Self::InsufficientFunds => "insufficient_funds",
            Self::BalanceOutOfRange => "balance_out_of_range",
            Self::DeadlinePassed => "deadline_passed",
            Self::Voided => "voided",
            Self::UnknownTransaction => "unknown_transaction",
            Self::NotYet => "not_yet",
            Self::TooLarge => "too_large",
            Self::LineTooLong => "line_too_long",
            Self::HttpNotSpoken => "http_not_spoken",
            Self::Overloaded => "overloaded",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::LimitExceeded => "limit_exceeded",
            Self::Behind => "behind",
            Self::IndexUnavailable => "index_unavailable",
            Self::JournalUnavailable => "journal_unavailable",
            Self::DatabaseUnreachable => "database_unreachable",
            Self::ShuttingDown => "shutting_down",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Internal => "internal",
        }
    }

    /// The code that the wire spells so; `None` when there is none, as for one that only a newer server
    /// has.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// Whether a write that was answered so may have happened all the same. A server that says
    /// `internal` is about to break down: nothing is built upon what it says last.
    pub const fn leaves_outcome_unknown(self) -> bool {
        match self {
            Self::OutcomeUnknown | Self::Internal => true,
            Self::BadJson
            | Self::MissingField
            | Self::UnknownCmd
            | Self::InvalidRequest
            | Self::InvalidName
            | Self::InvalidAmount
            | Self::SameAccount
            | Self::InvalidTxId
            | Self::TxIdReused
            | Self::InsufficientFunds
            | Self::BalanceOutOfRange
            | Self::DeadlinePassed
            | Self::Voided
            | Self::UnknownTransaction
            | Self::NotYet
            | Self::TooLarge
            | Self::LineTooLong
            | Self::HttpNotSpoken
            | Self::Overloaded
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::RateLimited
            | Self::LimitExceeded
            | Self::Behind
            | Self::IndexUnavailable
            | Self::JournalUnavailable
            | Self::DatabaseUnreachable
            | Self::ShuttingDown => false,
        }
    }

    /// Whether the very same request can get another answer later, so that a client does well to
    /// send it again, with the same tx_id. The others would be refused again.
    pub const fn retryable(self) -> bool {
        match self {
            Self::UnknownTransaction
            | Self::NotYet
            | Self::Overloaded
            | Self::RateLimited
            | Self::Behind
            | Self::IndexUnavailable
            | Self::JournalUnavailable
            | Self::DatabaseUnreachable
            | Self::ShuttingDown
            | Self::OutcomeUnknown
            | Self::Internal => true,
            Self::BadJson
            | Self::MissingField
            | Self::UnknownCmd
            | Self::InvalidRequest
            | Self::InvalidName
            | Self::InvalidAmount
            | Self::SameAccount
            | Self::InvalidTxId
            | Self::TxIdReused
            | Self::InsufficientFunds
            | Self::BalanceOutOfRange
            | Self::DeadlinePassed
            | Self::Voided
            | Self::TooLarge
            | Self::LineTooLong
            | Self::HttpNotSpoken
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::LimitExceeded => false,
        }
    }

    /// Whether it says what stands under the tx_id of a write, as far as anything does. With the others
    /// the bank did not look: what an earlier request under that tx_id has done stays open.
    pub const fn settles(self) -> bool {
        !self.retryable()
            && !matches!(self, Self::Unauthenticated | Self::Forbidden | Self::LimitExceeded)
    }
}

impl From<&Rejection> for Code {
    fn from(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::InvalidName(_) => Self::InvalidName,
            Rejection::InvalidAmount(_) => Self::InvalidAmount,
            Rejection::InvalidTxId(_) => Self::InvalidTxId,
            Rejection::SameAccount => Self::SameAccount,
            Rejection::TxIdReused => Self::TxIdReused,
            Rejection::InsufficientFunds { .. } => Self::InsufficientFunds,
            Rejection::BalanceOutOfRange { .. } => Self::BalanceOutOfRange,
            Rejection::DeadlinePassed { .. } => Self::DeadlinePassed,
            Rejection::Voided => Self::Voided,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use ledger::{AmountFault, Balance, NameFault, TxIdFault};

    use super::*;

    #[test]
    fn every_code_has_a_string_of_its_own_in_snake_case() {
        let strings: HashSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(strings.len(), Code::ALL.len());
        for string in strings {
            assert!(string.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        }
    }

    #[test]
    fn every_code_is_read_back_and_nothing_else_is_a_code() {
        for code in Code::ALL {
            assert_eq!(Code::of(code.as_str()), Some(code));
        }
        for other in ["", "overloade", "overloaded ", "Overloaded", "a_code_of_later"] {
            assert_eq!(Code::of(other), None, "{other:?}");
        }
    }

    #[test]
    fn only_two_codes_leave_open_whether_a_write_happened_and_both_may_be_asked_again() {
        let open: Vec<Code> =
            Code::ALL.into_iter().filter(|code| code.leaves_outcome_unknown()).collect();
        assert_eq!(open, [Code::OutcomeUnknown, Code::Internal]);
        assert!(open.into_iter().all(Code::retryable));
    }

    #[test]
    fn a_rejection_has_the_same_code_on_the_wire_as_in_the_ledger() {
        let balance = Balance::ZERO;
        for rejection in [
            Rejection::InvalidName(NameFault::Empty),
            Rejection::InvalidAmount(AmountFault::TooLarge),
            Rejection::InvalidTxId(TxIdFault::NotText),
            Rejection::SameAccount,
            Rejection::TxIdReused,
            Rejection::InsufficientFunds { balance },
            Rejection::BalanceOutOfRange { balance },
            Rejection::DeadlinePassed { not_after_us: 7 },
            Rejection::Voided,
        ] {
            assert_eq!(Code::from(&rejection).as_str(), rejection.code());
            assert!(!Code::from(&rejection).retryable(), "{rejection:?}: the same again");
        }
    }

    #[test]
    fn the_document_of_the_wire_names_every_code_with_its_retryable() {
        let document = include_str!("../../../docs/protocol.md");
        for code in Code::ALL {
            let row = document
                .lines()
                .find(|line| line.starts_with(&format!("| `{}` |", code.as_str())))
                .unwrap_or_else(|| panic!("docs/protocol.md has no row for `{}`", code.as_str()));
            let retryable = row.trim_end().ends_with("| yes |");
            assert_eq!(retryable, code.retryable(), "{row}");
        }
    }
}
