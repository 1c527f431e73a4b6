//! What can be done, whatever the door.

use std::fmt;

/// What a command or a page does: a row of the table of [`rule`](crate::rule).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Set opening balances.
    Init,
    /// Read balances, of now or of the past.
    Balance,
    /// Let money enter the bank.
    Deposit,
    /// Let money leave the bank.
    Withdraw,
    /// Move money between two accounts.
    Transfer,
    /// Settle what became of a tx_id.
    Resolve,
    /// Read what happened to an account.
    Statement,
    /// Read one transaction.
    Transaction,
    /// List transactions.
    Transactions,
    /// List accounts.
    Accounts,
    /// Read how much there is in all.
    Totals,
    /// Follow transactions as they happen.
    Follow,
    /// Read how the server is.
    Status,
    /// Read the server's figures.
    Metrics,
    /// Have the history proven.
    Verify,
    /// Have a snapshot made.
    Checkpoint,
    /// Stop the server.
    Shutdown,
    /// List who has access.
    ReadAccess,
    /// Give access and take it away.
    ManageAccess,
    /// Read how the server is set.
    Settings,
}

impl Act {
    /// Every act, in the order of the table's rows.
    pub const ALL: [Self; 20] = [
        Self::Init,
        Self::Balance,
        Self::Deposit,
        Self::Withdraw,
        Self::Transfer,
        Self::Resolve,
        Self::Statement,
        Self::Transaction,
        Self::Transactions,
        Self::Accounts,
        Self::Totals,
        Self::Follow,
        Self::Status,
        Self::Metrics,
        Self::Verify,
        Self::Checkpoint,
        Self::Shutdown,
        Self::ReadAccess,
        Self::ManageAccess,
        Self::Settings,
    ];

    /// A stable name, for messages, counters and the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Balance => "balance",
            Self::Deposit => "deposit",
            Self::Withdraw => "withdraw",
            Self::Transfer => "transfer",
            Self::Resolve => "resolve",
            Self::Statement => "statement",
            Self::Transaction => "transaction",
            Self::Transactions => "transactions",
            Self::Accounts => "accounts",
            Self::Totals => "totals",
            Self::Follow => "follow",
            Self::Status => "status",
            Self::Metrics => "metrics",
            Self::Verify => "verify",
            Self::Checkpoint => "checkpoint",
            Self::Shutdown => "shutdown",
            Self::ReadAccess => "read access",
            Self::ManageAccess => "manage access",
            Self::Settings => "settings",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
