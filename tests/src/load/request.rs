//! The writes that the clients send, and what each may lead to in the log.

use serde_json::{Value, json};

use crate::harness::{Kind, Random};

/// Few accounts, so that everything meets everything.
pub const ACCOUNTS: [&str; 5] = ["alice", "bob", "carol", "dave", "josé"];

/// Nobody ever holds that much.
pub const TOO_MUCH: i64 = 1_000_000_000_000;

/// A write.
#[derive(Clone, Debug)]
pub enum Request {
    Open(Vec<(String, i64)>),
    Deposit { user: String, amount: i64 },
    Withdraw { user: String, amount: i64 },
    Transfer { from: String, to: String, amount: i64 },
}

impl Request {
    /// The opening balances.
    pub fn open() -> Self {
        Self::Open(ACCOUNTS.map(|name| (name.to_owned(), 1_000)).to_vec())
    }

    /// Any write; one in twenty cannot be paid.
    pub fn any(random: &mut Random) -> Self {
        let user = (*random.pick(&ACCOUNTS)).to_owned();
        let amount = 1 + i64::try_from(random.below(300)).unwrap();
        match random.below(100) {
            0..5 => Self::Withdraw { user, amount: TOO_MUCH },
            5..25 => Self::Deposit { user, amount },
            25..45 => Self::Withdraw { user, amount },
            _ => {
                let others = ACCOUNTS.map(str::to_owned).to_vec();
                let others: Vec<String> = others.into_iter().filter(|name| *name != user).collect();
                Self::Transfer { from: user, to: random.pick(&others).clone(), amount }
            }
        }
    }

    /// The accounts that it changes when it is done.
    pub fn accounts(&self) -> Vec<String> {
        match self {
            Self::Open(accounts) => accounts.iter().map(|(name, _)| name.clone()).collect(),
            Self::Deposit { user, .. } | Self::Withdraw { user, .. } => vec![user.clone()],
            Self::Transfer { from, to, .. } => vec![from.clone(), to.clone()],
        }
    }

    /// Its line under a tx_id.
    pub fn line(&self, tx_id: &str) -> String {
        let mut line = match self {
            Self::Open(accounts) => {
                let accounts: serde_json::Map<String, Value> =
                    accounts.iter().map(|(name, balance)| (name.clone(), json!(balance))).collect();
                json!({"cmd": "init_accounts", "accounts": accounts})
            }
            Self::Deposit { user, amount } => {
                json!({"cmd": "deposit", "user": user, "amount": amount})
            }
            Self::Withdraw { user, amount } => {
                json!({"cmd": "withdraw", "user": user, "amount": amount})
            }
            Self::Transfer { from, to, amount } => {
                json!({"cmd": "transfer", "from": from, "to": to, "amount": amount})
            }
        };
        line["tx_id"] = tx_id.into();
        line.to_string()
    }

    /// Whether an event is what this request leads to, or its refusal.
    pub fn led_to(&self, kind: &Kind) -> bool {
        let asked = match self {
            Self::Open(accounts) => {
                let Kind::Init(set) = kind else { return false };
                let set: Vec<(String, i64)> =
                    set.iter().map(|(name, _, after)| (name.clone(), *after)).collect();
                let mut asked = accounts.clone();
                asked.sort();
                return set == asked;
            }
            Self::Deposit { user, amount } => (None, Some(user), *amount),
            Self::Withdraw { user, amount } => (Some(user), None, *amount),
            Self::Transfer { from, to, amount } => (Some(from), Some(to), *amount),
        };
        asked
            == match kind {
                Kind::Init(_) | Kind::Late { .. } | Kind::Void => return false,
                Kind::Deposit { user, amount, .. } => (None, Some(user), *amount),
                Kind::Withdraw { user, amount, .. } => (Some(user), None, *amount),
                Kind::Transfer { from, to, amount, .. } => (Some(from), Some(to), *amount),
                Kind::Refused { payer, payee, amount, .. } => {
                    (payer.as_ref(), payee.as_ref(), *amount)
                }
            }
    }
}
