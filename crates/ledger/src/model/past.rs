//! What the naive bank says of its past: every answer is a loop over all events.

use crate::by::By;
use crate::event::Event;
use crate::transaction::Transaction;

use super::{Happened, Model, What, content};

/// One change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place in the order.
    pub seq: u64,
    /// Microseconds since the Unix epoch.
    pub at_us: u64,
    /// The name of the request.
    pub tx_id: String,
    /// Who did it, if anybody was named.
    pub by: Option<String>,
    /// `init`, `deposit`, `withdraw` or `transfer`.
    pub kind: &'static str,
    /// The account on the other side of a transfer.
    pub other: Option<String>,
    /// What the account held before, in minor units.
    pub before: i128,
    /// What it held after.
    pub after: i128,
}

impl Model {
    /// Everything that ever happened, in order; the first has seq 1.
    pub fn events(&self) -> &[Happened] {
        &self.events
    }

    /// The bank as it was behind the event `seq`.
    pub fn until(&self, seq: u64) -> Self {
        let mut past = Self::new();
        for happened in self.events.iter().filter(|happened| happened.seq <= seq) {
            if let What::Changed { legs, .. } = &happened.what {
                past.set(legs.iter().map(|(name, _, after)| (name.clone(), *after)).collect());
            }
            past.record(
                &happened.tx_id,
                happened.by.clone(),
                happened.what.clone(),
                happened.at_us,
            );
        }
        past
    }

    /// What happened under `tx_id`.
    pub fn transaction(&self, tx_id: &str) -> Option<&Happened> {
        self.by_tx_id.get(tx_id).and_then(|place| self.events.get(*place))
    }

    /// Every change of `name`, in order.
    pub fn statement(&self, name: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        for happened in &self.events {
            let What::Changed { content: (kind, _), legs } = &happened.what else { continue };
            for (account, before, after) in legs.iter().filter(|(account, ..)| account == name) {
                let mut others = legs.iter().filter(|(other, ..)| other != account);
                let other = others.next().filter(|_| *kind == "transfer");
                lines.push(Line {
                    seq: happened.seq,
                    at_us: happened.at_us,
                    tx_id: happened.tx_id.clone(),
                    by: happened.by.clone(),
                    kind,
                    other: other.map(|(other, ..)| other.clone()),
                    before: *before,
                    after: *after,
                });
            }
        }
        lines
    }

    /// What `name` held behind the event `seq`; `None` when there was no such account.
    pub fn balance_at(&self, name: &str, seq: u64) -> Option<i128> {
        let mut held = None;
        for line in self.statement(name) {
            if line.seq <= seq {
                held = Some(line.after);
            }
        }
        held
    }

    /// The last event whose time is not after `time_us`; zero when there is none.
    pub fn seq_at(&self, time_us: u64) -> u64 {
        let mut seq = 0;
        for happened in &self.events {
            if happened.at_us <= time_us {
                seq = happened.seq;
            }
        }
        seq
    }

    /// All money that ever came in, and all that ever went out: deposits, withdrawals, and
    /// balances that were set higher or lower. In minor units.
    pub fn money(&self) -> (i128, i128) {
        let (mut money_in, mut money_out) = (0_i128, 0_i128);
        for happened in &self.events {
            let What::Changed { content: (kind, _), legs } = &happened.what else { continue };
            for (_, before, after) in legs.iter().filter(|_| *kind != "transfer") {
                let change = after.strict_sub(*before);
                money_in = money_in.strict_add(change.max(0));
                money_out = money_out.strict_sub(change.min(0));
            }
        }
        (money_in, money_out)
    }
}

impl Happened {
    /// Whether `transaction` tells this: its place, name and time, who did it, what was asked and what came of
    /// it.
    pub fn is_told_by(&self, transaction: &Transaction<'_>) -> bool {
        let Transaction { seq, tx_id, by, event, at_us } = transaction;
        let asked = event.clone().into_command().map(|command| content(&command));
        let same = match (&self.what, event) {
            (What::Voided, Event::Void) => true,
            (What::Refused { content, code, balance }, Event::Refused(refused)) => {
                let held = refused.rejection.balance().map(|held| i128::from(held.get()));
                asked.as_ref() == Some(content)
                    && refused.rejection.code() == *code
                    && held == *balance
            }
            (
                What::Changed { content, legs },
                Event::Init { .. }
                | Event::Deposit { .. }
                | Event::Withdraw { .. }
                | Event::Transfer { .. },
            ) => {
                let told = event.legs().map(|leg| {
                    (leg.account.to_string(), leg.before.get().into(), leg.after.get().into())
                });
                asked.as_ref() == Some(content) && told.eq(legs.iter().cloned())
            }
            (What::Voided | What::Refused { .. } | What::Changed { .. }, _) => false,
        };
        same && seq.get() == self.seq
            && tx_id.as_str() == self.tx_id
            && by.as_ref().map(By::as_str) == self.by.as_deref()
            && *at_us == self.at_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountId;
    use crate::command::{Command, Openings, Transfer};
    use crate::model::When;
    use crate::money::{Amount, Balance};

    /// a gets 10 at time 5, pays b 4 at time 5, is set to 1 at time 9.
    fn bank() -> Model {
        let account = |name| AccountId::new(name).unwrap();
        let amount = |units| Amount::new(units).unwrap();
        let deposit = Command::Deposit { account: account("a"), amount: amount(10) };
        let transfer = Transfer::new(account("a"), account("b"), amount(4)).unwrap();
        let init = Openings::new(vec![(account("a"), Balance::new(1).unwrap())]).unwrap();
        let mut model = Model::new();
        model.execute_at(&deposit, "one", true, When::at(5));
        model.execute_at(&Command::Transfer(transfer), "two", true, When::at(4));
        model.resolve("three", 8);
        model.execute_at(&Command::Init(init), "four", true, When::at(9));
        model
    }

    #[test]
    fn a_statement_has_every_change_with_the_balances_around_it() {
        let lines: Vec<_> = bank()
            .statement("a")
            .into_iter()
            .map(|line| (line.seq, line.at_us, line.kind, line.other, line.before, line.after))
            .collect();
        let expected = [
            (1, 5, "deposit", None, 0, 10),
            (2, 5, "transfer", Some("b".to_owned()), 10, 6),
            (4, 9, "init", None, 6, 1),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_past_is_told_by_seq_and_by_time() {
        let bank = bank();
        let held = [0, 1, 2, 3, 4].map(|seq| bank.balance_at("a", seq));
        assert_eq!(held, [None, Some(10), Some(6), Some(6), Some(1)]);
        assert_eq!([4, 5, 7, 8, 9, 100].map(|time_us| bank.seq_at(time_us)), [0, 2, 2, 3, 4, 4]);
        assert_eq!(bank.transaction("three").map(|happened| &happened.what), Some(&What::Voided));
    }

    #[test]
    fn the_bank_of_the_past_is_that_of_its_events() {
        let past = bank().until(2);
        assert_eq!((past.seq(), past.balance("a"), past.balance("b")), (2, Some(6), Some(4)));
        assert_eq!((past.money(), past.world()), ((10, 0), -10));
        assert_eq!(past.transaction("four"), None);
    }

    #[test]
    fn money_in_less_money_out_is_what_the_accounts_hold() {
        let bank = bank();
        assert_eq!(bank.money(), (10, 5));
        assert_eq!(bank.balances().values().sum::<i128>(), 5);
    }
}
