//! The four roles.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a principal is to the bank. Each has a column in the table of [`rule`](crate::rule).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the bank and gives access; moves no money.
    Admin,
    /// Moves money between any accounts.
    Teller,
    /// Reads everything and writes nothing.
    Auditor,
    /// Sees and moves what is in accounts of its own.
    Customer,
}

impl Role {
    /// Every role, in the order of the table's columns.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Teller, Self::Auditor, Self::Customer];

    /// The name, as it is typed and as it stands in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Teller => "teller",
            Self::Auditor => "auditor",
            Self::Customer => "customer",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether it can move money at all, so that a limit on it means something.
    pub const fn moves_money(self) -> bool {
        matches!(self, Self::Teller | Self::Customer)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
