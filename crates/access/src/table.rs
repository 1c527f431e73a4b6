//! The one table of roles and acts. `docs/access.md` shows it, and a test compares the two.

use crate::act::Act;
use crate::role::Role;

/// What a cell of the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Never.
    No,
    /// Where every account that is named is the principal's own.
    Own,
    /// On every account.
    Yes,
}

/// Whether `role` may do `act`. What is not allowed here is forbidden.
pub const fn rule(role: Role, act: Act) -> Rule {
    let [admin, teller, auditor, customer] = match act {
        Act::Init | Act::Checkpoint | Act::Shutdown | Act::ManageAccess => {
            [Rule::Yes, Rule::No, Rule::No, Rule::No]
        }
        Act::Balance
        | Act::Statement
        | Act::Transaction
        | Act::Transactions
        | Act::Accounts
        | Act::Follow => [Rule::Yes, Rule::Yes, Rule::Yes, Rule::Own],
        Act::Transfer => [Rule::No, Rule::Yes, Rule::No, Rule::Own],
        Act::Deposit | Act::Withdraw | Act::Resolve => [Rule::No, Rule::Yes, Rule::No, Rule::No],
        Act::Totals | Act::Status => [Rule::Yes, Rule::Yes, Rule::Yes, Rule::No],
        Act::Metrics | Act::Settings | Act::ReadAccess | Act::Verify => {
            [Rule::Yes, Rule::No, Rule::Yes, Rule::No]
        }
    };
    match role {
        Role::Admin => admin,
        Role::Teller => teller,
        Role::Auditor => auditor,
        Role::Customer => customer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as it was agreed on, cell by cell: `y` yes, `o` own, `-` no; admin, teller,
    /// auditor, customer.
    const AGREED: [(Act, &str); 20] = [
        (Act::Init, "y---"),
        (Act::Balance, "yyyo"),
        (Act::Deposit, "-y--"),
        (Act::Withdraw, "-y--"),
        (Act::Transfer, "-y-o"),
        (Act::Resolve, "-y--"),
        (Act::Statement, "yyyo"),
        (Act::Transaction, "yyyo"),
        (Act::Transactions, "yyyo"),
        (Act::Accounts, "yyyo"),
        (Act::Totals, "yyy-"),
        (Act::Follow, "yyyo"),
        (Act::Status, "yyy-"),
        (Act::Metrics, "y-y-"),
        (Act::Verify, "y-y-"),
        (Act::Checkpoint, "y---"),
        (Act::Shutdown, "y---"),
        (Act::ReadAccess, "y-y-"),
        (Act::ManageAccess, "y---"),
        (Act::Settings, "y-y-"),
    ];

    fn agreed(sign: char) -> Rule {
        match sign {
            'y' => Rule::Yes,
            'o' => Rule::Own,
            '-' => Rule::No,
            other => panic!("{other} is no cell"),
        }
    }

    #[test]
    fn every_cell_is_as_agreed() {
        assert_eq!(AGREED.map(|row| row.0), Act::ALL);
        for (act, cells) in AGREED {
            for (role, cell) in Role::ALL.into_iter().zip(cells.chars()) {
                assert_eq!(rule(role, act), agreed(cell), "{role} × {act}");
            }
        }
    }

    #[test]
    fn the_page_about_access_shows_the_same_table() {
        let page = include_str!("../../../docs/access.md");
        let mut rows =
            String::from("| act | admin | teller | auditor | customer |\n|---|---|---|---|---|\n");
        for act in Act::ALL {
            rows.push_str(&format!("| {act} |"));
            for role in Role::ALL {
                let cell = match rule(role, act) {
                    Rule::No => "–",
                    Rule::Own => "own",
                    Rule::Yes => "yes",
                };
                rows.push_str(&format!(" {cell} |"));
            }
            rows.push('\n');
        }
        assert!(page.contains(&rows), "docs/access.md wants:\n{rows}");
    }
}
