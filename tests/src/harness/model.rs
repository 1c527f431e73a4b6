//! A bank in a few lines: what the events of a log lead to, by the rules as the protocol states
//! them. It computes every balance itself and believes no `after`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Event, Journal, Kind};

/// 2^53 - 1.
const BALANCE_MAX: i64 = 9_007_199_254_740_991;

/// A bank after its log.
#[derive(Default)]
pub struct Model {
    /// What each account holds, and held: the seq of each change with the balance after it.
    accounts: HashMap<String, Vec<(u64, i64)>>,
    /// The reply that each tx_id stands for.
    replies: HashMap<String, Value>,
    world: i128,
}

impl Model {
    /// Replays a log; fails where an event does not follow from the ones before it.
    pub fn of(journal: &Journal) -> Self {
        let mut model = Self::default();
        for event in &journal.events {
            let reply = model.take(event);
            model.replies.insert(event.tx_id.clone(), reply);
        }
        assert_eq!(model.sum() + model.world, 0, "money sums to zero");
        assert_eq!(model.world, journal.world, "the last seal states the balance of @world");
        model
    }

    /// What an account holds now; 0 where there is none.
    pub fn balance(&self, user: &str) -> i64 {
        self.balance_at(user, u64::MAX)
    }

    /// What it held once everything up to `seq` was done.
    pub fn balance_at(&self, user: &str, seq: u64) -> i64 {
        let Some(changes) = self.accounts.get(user) else { return 0 };
        let behind = changes.partition_point(|change| change.0 <= seq);
        behind.checked_sub(1).map_or(0, |last| changes[last].1)
    }

    /// Every change of an account: its seq, and what the account held afterwards.
    pub fn changes(&self, user: &str) -> &[(u64, i64)] {
        self.accounts.get(user).map_or(&[], |changes| changes)
    }

    /// The names of all accounts, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.accounts.keys().cloned().collect();
        names.sort();
        names
    }

    /// What all accounts hold together, without `@world`.
    pub fn sum(&self) -> i128 {
        self.accounts.keys().map(|name| i128::from(self.balance(name))).sum()
    }

    /// The reply to the request that this tx_id names, as it was given the first time.
    pub fn reply(&self, tx_id: &str) -> Option<&Value> {
        self.replies.get(tx_id)
    }

    fn take(&mut self, event: &Event) -> Value {
        let Event { seq, tx_id, kind, at } = event;
        match kind {
            Kind::Init(accounts) => {
                let mut shown = serde_json::Map::new();
                for (name, before, after) in accounts {
                    assert_eq!(self.balance(name), *before, "{event:?}");
                    assert!((0..=BALANCE_MAX).contains(after), "{event:?}");
                    self.world -= i128::from(after - before);
                    self.set(name, *seq, *after);
                    shown.insert(name.clone(), json!(after));
                }
                json!({"ok": true, "accounts": shown, "seq": seq, "tx_id": tx_id})
            }
            Kind::Deposit { user, amount, after } => {
                self.world -= i128::from(*amount);
                let before = self.change(event, user, *amount, *after);
                json!({"ok": true, "before": before, "after": after, "seq": seq, "tx_id": tx_id})
            }
            Kind::Withdraw { user, amount, after } => {
                self.world += i128::from(*amount);
                let before = self.change(event, user, -amount, *after);
                json!({"ok": true, "before": before, "after": after, "seq": seq, "tx_id": tx_id})
            }
            Kind::Transfer { from, to, amount, after_from, after_to } => {
                assert_ne!(from, to, "{event:?}");
                let from_before = self.change(event, from, -amount, *after_from);
                let to_before = self.change(event, to, *amount, *after_to);
                json!({
                    "ok": true,
                    "from": {"user": from, "before": from_before, "after": after_from},
                    "to": {"user": to, "before": to_before, "after": after_to},
                    "seq": seq,
                    "tx_id": tx_id,
                })
            }
            Kind::Late { not_after } => {
                assert!(at > not_after, "refused as late and in time: {event:?}");
                json!({
                    "ok": false,
                    "error": format!("the deadline {not_after} (not_after) has passed"),
                    "code": "deadline_passed", "as_of": seq, "seq": seq, "tx_id": tx_id,
                })
            }
            Kind::Void => json!({
                "ok": false, "error": "the tx_id was voided: nothing will be done under it",
                "code": "voided", "as_of": seq, "seq": seq, "tx_id": tx_id,
            }),
            Kind::Refused { code, payer, payee, amount, balance } => {
                let error = match &**code {
                    "insufficient_funds" => {
                        assert_eq!(self.balance(payer.as_ref().unwrap()), *balance, "{event:?}");
                        assert!(balance < amount, "a no to what could be paid: {event:?}");
                        "insufficient funds"
                    }
                    "balance_out_of_range" => {
                        assert_eq!(self.balance(payee.as_ref().unwrap()), *balance, "{event:?}");
                        assert!(balance + amount > BALANCE_MAX, "{event:?}");
                        "the receiving balance would pass 9007199254740991"
                    }
                    _ => panic!("{event:?}"),
                };
                json!({
                    "ok": false, "error": error, "code": code, "balance": balance,
                    "as_of": seq, "seq": seq, "tx_id": tx_id,
                })
            }
        }
    }

    /// Changes a balance; returns what it was.
    fn change(&mut self, event: &Event, user: &str, by: i64, after: i64) -> i64 {
        let before = self.balance(user);
        assert_eq!(before + by, after, "{event:?}");
        assert!((0..=BALANCE_MAX).contains(&after), "{event:?}");
        self.set(user, event.seq, after);
        before
    }

    fn set(&mut self, user: &str, seq: u64, balance: i64) {
        self.accounts.entry(user.to_owned()).or_default().push((seq, balance));
    }
}
