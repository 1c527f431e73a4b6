//! The naive bank: one map, one loop, wide integers, no concurrency, no disk. Slow and plain on
//! purpose, so that anyone can check it by eye; every engine is compared with it.
//!
//! It shares the vocabulary of the ledger and none of its rules: `decide` is not called here.

use std::collections::BTreeMap;

use crate::command::Command;
use crate::limits::BALANCE_MAX;

/// A bank that does one thing after the other.
#[derive(Clone, Debug, Default)]
pub struct Model {
    balances: BTreeMap<String, i128>,
    world: i128,
    seq: u64,
    by_tx_id: BTreeMap<String, (Content, Answer)>,
}

/// What the model answers to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It happened, at this seq.
    Done {
        /// Its place in the order.
        seq: u64,
        /// Account, balance before, balance after; in the order of the command.
        legs: Vec<(String, i128, i128)>,
        /// Whether this tx_id had been seen before.
        duplicate: bool,
    },
    /// It was refused.
    Refused {
        /// The stable code.
        code: &'static str,
        /// The balance that the refusal rests on.
        balance: i128,
        /// The place of a recorded refusal.
        seq: Option<u64>,
        /// Whether this tx_id had been seen before.
        duplicate: bool,
    },
    /// The tx_id stands for something else.
    TxIdReused,
}

/// What a tx_id is bound to: kind, then accounts and numbers in an order of their own.
type Content = (&'static str, Vec<(String, i128)>);

impl Model {
    /// An empty bank.
    pub fn new() -> Self {
        Self::default()
    }

    /// What `name` holds; `None` when there is no such account.
    pub fn balance(&self, name: &str) -> Option<i128> {
        self.balances.get(name).copied()
    }

    /// Every account with its balance, by name.
    pub fn balances(&self) -> &BTreeMap<String, i128> {
        &self.balances
    }

    /// The balance of `@world`.
    pub fn world(&self) -> i128 {
        self.world
    }

    /// The seq of the last event.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Executes `command` under `tx_id`. A refusal is recorded when the client gave the tx_id
    /// (`tx_id_given`).
    pub fn execute(&mut self, command: &Command<'_>, tx_id: &str, tx_id_given: bool) -> Answer {
        let content = content(command);
        if let Some((known, answer)) = self.by_tx_id.get(tx_id) {
            return if *known == content { repeated(answer) } else { Answer::TxIdReused };
        }
        let answer = match self.changes(command) {
            Ok(changes) => self.commit(changes),
            Err((code, balance)) if tx_id_given => {
                let seq = Some(self.next_seq());
                Answer::Refused { code, balance, seq, duplicate: false }
            }
            Err((code, balance)) => {
                return Answer::Refused { code, balance, seq: None, duplicate: false };
            }
        };
        self.by_tx_id.insert(tx_id.to_owned(), (content, answer.clone()));
        answer
    }

    /// Account and new balance per account of `command`, or the code and balance of a refusal.
    fn changes(&self, command: &Command<'_>) -> Result<Vec<(String, i128)>, (&'static str, i128)> {
        let held = |name: &str| self.balance(name).unwrap_or(0);
        match command {
            Command::Init(openings) => Ok(openings
                .as_slice()
                .iter()
                .map(|(account, balance)| (account.to_string(), i128::from(balance.get())))
                .collect()),
            Command::Deposit { account, amount } => {
                let before = held(account.as_str());
                let after = before.strict_add(i128::from(amount.get()));
                if after > i128::from(BALANCE_MAX) {
                    return Err(("balance_out_of_range", before));
                }
                Ok(vec![(account.to_string(), after)])
            }
            Command::Withdraw { account, amount } => {
                let before = held(account.as_str());
                let after = before.strict_sub(i128::from(amount.get()));
                if after < 0 {
                    return Err(("insufficient_funds", before));
                }
                Ok(vec![(account.to_string(), after)])
            }
            Command::Transfer(transfer) => {
                let amount = i128::from(transfer.amount().get());
                let from_before = held(transfer.from().as_str());
                let to_before = held(transfer.to().as_str());
                if from_before < amount {
                    return Err(("insufficient_funds", from_before));
                }
                if to_before.strict_add(amount) > i128::from(BALANCE_MAX) {
                    return Err(("balance_out_of_range", to_before));
                }
                Ok(vec![
                    (transfer.from().to_string(), from_before.strict_sub(amount)),
                    (transfer.to().to_string(), to_before.strict_add(amount)),
                ])
            }
        }
    }

    fn commit(&mut self, changes: Vec<(String, i128)>) -> Answer {
        let seq = self.next_seq();
        let mut legs = Vec::new();
        for (name, after) in changes {
            let before = self.balances.insert(name.clone(), after).unwrap_or(0);
            self.world = self.world.strict_add(before).strict_sub(after);
            legs.push((name, before, after));
        }
        let sum = self.balances.values().fold(self.world, |sum, held| sum.strict_add(*held));
        assert_eq!(sum, 0, "all balances with @world sum to zero after every event");
        Answer::Done { seq, legs, duplicate: false }
    }

    fn next_seq(&mut self) -> u64 {
        self.seq = self.seq.strict_add(1);
        self.seq
    }
}

fn repeated(answer: &Answer) -> Answer {
    match answer.clone() {
        Answer::Done { seq, legs, .. } => Answer::Done { seq, legs, duplicate: true },
        Answer::Refused { code, balance, seq, .. } => {
            Answer::Refused { code, balance, seq, duplicate: true }
        }
        Answer::TxIdReused => Answer::TxIdReused,
    }
}

fn content(command: &Command<'_>) -> Content {
    match command {
        Command::Init(openings) => {
            let mut named: Vec<(String, i128)> = openings
                .as_slice()
                .iter()
                .map(|(account, balance)| (account.to_string(), i128::from(balance.get())))
                .collect();
            named.sort();
            ("init", named)
        }
        Command::Deposit { account, amount } => {
            ("deposit", vec![(account.to_string(), i128::from(amount.get()))])
        }
        Command::Withdraw { account, amount } => {
            ("withdraw", vec![(account.to_string(), i128::from(amount.get()))])
        }
        Command::Transfer(transfer) => (
            "transfer",
            vec![
                (transfer.from().to_string(), 0),
                (transfer.to().to_string(), i128::from(transfer.amount().get())),
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountId;
    use crate::command::Transfer;
    use crate::money::Amount;

    fn deposit(name: &'static str, minor_units: i64) -> Command<'static> {
        Command::Deposit {
            account: AccountId::new(name).unwrap(),
            amount: Amount::new(minor_units).unwrap(),
        }
    }

    fn withdraw(name: &'static str, minor_units: i64) -> Command<'static> {
        Command::Withdraw {
            account: AccountId::new(name).unwrap(),
            amount: Amount::new(minor_units).unwrap(),
        }
    }

    #[test]
    fn the_same_tx_id_happens_once_and_is_bound_to_its_content() {
        let mut model = Model::new();
        model.execute(&deposit("a", 5), "t", true);
        let again = model.execute(&deposit("a", 5), "t", true);
        assert!(matches!(again, Answer::Done { seq: 1, duplicate: true, .. }));
        assert_eq!(model.execute(&deposit("a", 6), "t", true), Answer::TxIdReused);
        assert_eq!(model.balance("a"), Some(5));
    }

    #[test]
    fn a_recorded_refusal_stays_a_refusal_when_money_comes_later() {
        let mut model = Model::new();
        model.execute(&withdraw("a", 5), "t", true);
        model.execute(&deposit("a", 5), "u", true);
        let again = model.execute(&withdraw("a", 5), "t", true);
        assert!(matches!(again, Answer::Refused { seq: Some(1), duplicate: true, .. }));
    }

    #[test]
    fn a_refused_transfer_opens_no_account() {
        let mut model = Model::new();
        let transfer = Transfer::new(
            AccountId::new("a").unwrap(),
            AccountId::new("b").unwrap(),
            Amount::new(1).unwrap(),
        );
        model.execute(&Command::Transfer(transfer.unwrap()), "t", true);
        assert_eq!(model.balance("b"), None);
        assert_eq!(model.balances().len(), 0);
    }
}
