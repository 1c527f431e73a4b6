//! The naive bank: one map, one loop, wide integers, no concurrency, no disk. Slow and plain on
//! purpose, so that anyone can check it by eye; every engine is compared with it.
//!
//! It shares the vocabulary of the ledger and none of its rules: `decide` is not called here.

mod past;

use std::collections::BTreeMap;

use crate::by::By;
use crate::command::Command;
use crate::event::{Event, Refused};
use crate::limits::BALANCE_MAX;
use crate::rejection::Rejection;
use crate::transaction::Transaction;

pub use past::Line;

/// A bank that does one thing after the other.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Everything that ever happened; the first has seq 1.
    events: Vec<Happened>,
    balances: BTreeMap<String, i128>,
    world: i128,
    /// Where in `events` a tx_id stands.
    by_tx_id: BTreeMap<String, usize>,
    /// Who makes the next request.
    by: Option<String>,
}

/// One event of the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Its place in the order.
    pub seq: u64,
    /// The name of its request.
    pub tx_id: String,
    /// Who did it, if anybody was named.
    pub by: Option<String>,
    /// Microseconds since the Unix epoch.
    pub at_us: u64,
    /// What happened.
    pub what: What,
}

/// What happened to the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Balances changed.
    Changed {
        /// What was asked.
        content: Content,
        /// Account, balance before, balance after; in the order of the command.
        legs: Vec<(String, i128, i128)>,
    },
    /// The bank said no.
    Refused {
        /// What was asked.
        content: Content,
        /// The stable code.
        code: &'static str,
        /// The balance that the refusal rests on, if it rests on one.
        balance: Option<i128>,
    },
    /// The tx_id was given up.
    Voided,
}

/// When a request is executed, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// What the server's clock says.
    pub now_us: u64,
    /// The request's deadline.
    pub not_after_us: Option<u64>,
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
        /// The balance that the refusal rests on, if it rests on one.
        balance: Option<i128>,
        /// The place of a recorded refusal.
        seq: Option<u64>,
        /// Whether this tx_id had been seen before.
        duplicate: bool,
    },
    /// The tx_id stands for something else.
    TxIdReused,
}

/// What a tx_id is bound to: kind, then accounts and numbers in an order of their own.
pub type Content = (&'static str, Vec<(String, i128)>);

/// Account and new balance of each account that a command changes.
type Changes = Vec<(String, i128)>;

impl When {
    /// At this time, without a deadline.
    pub const fn at(now_us: u64) -> Self {
        Self { now_us, not_after_us: None }
    }

    /// When `transaction` happened, with the deadline that it was refused for. Whatever was not
    /// refused for its deadline came in time.
    pub fn of(transaction: &Transaction<'_>) -> Self {
        let mut when = Self::at(transaction.at_us);
        if let Event::Refused(Refused {
            rejection: Rejection::DeadlinePassed { not_after_us },
            ..
        }) = &transaction.event
        {
            when.not_after_us = Some(*not_after_us);
        }
        when
    }
}

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
        self.events.len() as u64
    }

    /// Says who makes the next request; nobody is named unless this is called before each.
    pub fn on_behalf_of(&mut self, by: Option<&By<'_>>) -> &mut Self {
        self.by = by.map(|by| by.as_str().to_owned());
        self
    }

    /// Executes `command` under `tx_id`, where time is of no interest: without a deadline.
    pub fn execute(&mut self, command: &Command<'_>, tx_id: &str, tx_id_given: bool) -> Answer {
        self.execute_at(command, tx_id, tx_id_given, When::at(0))
    }

    /// Executes `command` under `tx_id`. A refusal is recorded when the client gave the tx_id
    /// (`tx_id_given`).
    pub fn execute_at(
        &mut self,
        command: &Command<'_>,
        tx_id: &str,
        tx_id_given: bool,
        when: When,
    ) -> Answer {
        let by = self.by.take();
        let content = content(command);
        if let Some(known) = self.transaction(tx_id) {
            return known.again(&content);
        }
        // An event never gets an earlier time than the one before it.
        let time_us = self.time_at(when.now_us);
        let is_late = when.not_after_us.is_some_and(|not_after_us| time_us > not_after_us);
        let changes = if is_late { Err(("deadline_passed", None)) } else { self.changes(command) };
        match changes {
            Ok(changes) => {
                let legs = self.set(changes);
                let what = What::Changed { content, legs: legs.clone() };
                let seq = self.record(tx_id, by, what, when.now_us);
                Answer::Done { seq, legs, duplicate: false }
            }
            Err((code, balance)) => {
                let what = What::Refused { content, code, balance };
                let seq = tx_id_given.then(|| self.record(tx_id, by, what, when.now_us));
                Answer::Refused { code, balance, seq, duplicate: false }
            }
        }
    }

    /// What became of `tx_id`; voids it when nothing has. Also says whether that was settled
    /// before.
    pub fn resolve(&mut self, tx_id: &str, now_us: u64) -> (Happened, bool) {
        let by = self.by.take();
        if let Some(known) = self.transaction(tx_id) {
            return (known.clone(), true);
        }
        let at_us = self.time_at(now_us);
        let seq = self.record(tx_id, by.clone(), What::Voided, now_us);
        (Happened { seq, tx_id: tx_id.to_owned(), by, at_us, what: What::Voided }, false)
    }

    /// Account and new balance per account of `command`, or the code and balance of a refusal.
    fn changes(&self, command: &Command<'_>) -> Result<Changes, (&'static str, Option<i128>)> {
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
                    return Err(("balance_out_of_range", Some(before)));
                }
                Ok(vec![(account.to_string(), after)])
            }
            Command::Withdraw { account, amount } => {
                let before = held(account.as_str());
                let after = before.strict_sub(i128::from(amount.get()));
                if after < 0 {
                    return Err(("insufficient_funds", Some(before)));
                }
                Ok(vec![(account.to_string(), after)])
            }
            Command::Transfer(transfer) => {
                let amount = i128::from(transfer.amount().get());
                let from_before = held(transfer.from().as_str());
                let to_before = held(transfer.to().as_str());
                if from_before < amount {
                    return Err(("insufficient_funds", Some(from_before)));
                }
                if to_before.strict_add(amount) > i128::from(BALANCE_MAX) {
                    return Err(("balance_out_of_range", Some(to_before)));
                }
                Ok(vec![
                    (transfer.from().to_string(), from_before.strict_sub(amount)),
                    (transfer.to().to_string(), to_before.strict_add(amount)),
                ])
            }
        }
    }

    fn set(&mut self, changes: Changes) -> Vec<(String, i128, i128)> {
        let mut legs = Vec::new();
        for (name, after) in changes {
            let before = self.balances.insert(name.clone(), after).unwrap_or(0);
            self.world = self.world.strict_add(before).strict_sub(after);
            legs.push((name, before, after));
        }
        let sum = self.balances.values().fold(self.world, |sum, held| sum.strict_add(*held));
        assert_eq!(sum, 0, "all balances with @world sum to zero after every event");
        legs
    }

    fn record(&mut self, tx_id: &str, by: Option<String>, what: What, now_us: u64) -> u64 {
        let (seq, at_us) = (self.seq().strict_add(1), self.time_at(now_us));
        self.by_tx_id.insert(tx_id.to_owned(), self.events.len());
        self.events.push(Happened { seq, tx_id: tx_id.to_owned(), by, at_us, what });
        seq
    }

    /// The time of an event that happens when the clock says `now_us`.
    fn time_at(&self, now_us: u64) -> u64 {
        self.events.last().map_or(now_us, |last| last.at_us.max(now_us))
    }
}

impl Happened {
    /// What a request for `asked` under the same tx_id is answered.
    fn again(&self, asked: &Content) -> Answer {
        let seq = self.seq;
        match &self.what {
            What::Voided => {
                Answer::Refused { code: "voided", balance: None, seq: Some(seq), duplicate: true }
            }
            What::Changed { content, .. } | What::Refused { content, .. } if content != asked => {
                Answer::TxIdReused
            }
            What::Changed { legs, .. } => Answer::Done { seq, legs: legs.clone(), duplicate: true },
            What::Refused { code, balance, .. } => {
                Answer::Refused { code, balance: *balance, seq: Some(seq), duplicate: true }
            }
        }
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

    #[test]
    fn a_voided_tx_id_is_refused_for_ever_and_a_used_one_is_not_voided() {
        let mut model = Model::new();
        assert!(!model.resolve("t", 7).1);
        let late = model.execute(&deposit("a", 5), "t", true);
        assert!(matches!(late, Answer::Refused { code: "voided", seq: Some(1), .. }));
        model.execute(&deposit("a", 5), "u", true);
        let (happened, duplicate) = model.resolve("u", 8);
        assert!(duplicate && matches!(happened.what, What::Changed { .. }));
        assert_eq!((model.seq(), model.balance("a")), (2, Some(5)));
    }

    #[test]
    fn what_comes_after_its_deadline_is_refused_unless_it_happened_before() {
        let mut model = Model::new();
        let when = |now_us| When { now_us, not_after_us: Some(10) };
        let first = model.execute_at(&deposit("a", 5), "t", true, when(10));
        assert!(matches!(first, Answer::Done { seq: 1, .. }));
        let again = model.execute_at(&deposit("a", 5), "t", true, when(11));
        assert!(matches!(again, Answer::Done { seq: 1, duplicate: true, .. }));
        let late = model.execute_at(&deposit("a", 5), "u", true, when(11));
        assert!(matches!(late, Answer::Refused { code: "deadline_passed", seq: Some(2), .. }));
        // The clock was set back, and the order of times is kept.
        let late = model.execute_at(&deposit("a", 5), "v", false, when(9));
        assert!(matches!(late, Answer::Refused { code: "deadline_passed", seq: None, .. }));
        assert_eq!(model.balance("a"), Some(5));
    }
}
