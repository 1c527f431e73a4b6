//! Replies about history, read into types.

use std::fmt;

use ledger::{AccountId, Balance, Seq, TxId};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Leg, account, accounts, balance, seq, tx_id, yes};

/// One transaction that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Found {
    /// It.
    pub transaction: Transaction,
    /// The position that the answer reflects.
    #[serde(deserialize_with = "seq")]
    pub as_of: Seq,
}

/// What became of a tx_id.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Resolved {
    /// In a word.
    pub outcome: Outcome,
    /// What stands under it, for ever.
    pub transaction: Transaction,
    /// Whether that was settled before it was asked this time.
    #[serde(default)]
    pub duplicate: bool,
}

/// What became of a tx_id, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It happened.
    Done,
    /// The bank said no.
    Refused,
    /// It never came, and will never be executed.
    Voided,
}

/// A page of the log, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Transactions {
    /// The transactions.
    pub items: Vec<Transaction>,
    /// The cursor of the next page; `None` at the end.
    pub next_cursor: Option<String>,
    /// The position that the answer reflects.
    #[serde(deserialize_with = "seq")]
    pub as_of: Seq,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Transaction {
    /// Its place in the one order.
    #[serde(deserialize_with = "seq")]
    pub seq: Seq,
    /// Its name.
    #[serde(deserialize_with = "tx_id")]
    pub tx_id: TxId<'static>,
    /// When it happened, in microseconds since the Unix epoch.
    #[serde(rename = "at")]
    pub at_us: u64,
    /// Who did it, if anybody was named.
    pub by: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "tx", rename_all = "lowercase")]
pub enum What {
    /// Balances were set.
    Init {
        /// Each account with its balances before and after, in the order of the reply.
        #[serde(deserialize_with = "legs")]
        accounts: Vec<Leg>,
    },
    /// Money entered the bank.
    Deposit(Movement),
    /// Money left the bank.
    Withdraw(Movement),
    /// Money moved.
    Transfer {
        /// The account that paid.
        from: Leg,
        /// The account that received.
        to: Leg,
        /// How much, in minor units.
        amount: i64,
    },
    /// The bank said no.
    Refused(Refused),
    /// The tx_id was given up before any request came under it.
    Void,
    /// Something that this client does not know yet.
    #[serde(other)]
    Other,
}

/// A deposit or a withdrawal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Movement {
    /// Whose account.
    #[serde(flatten)]
    pub leg: Leg,
    /// How much, in minor units.
    pub amount: i64,
}

/// A recorded refusal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refused {
    /// The stable code.
    pub code: String,
    /// The command that was asked.
    pub cmd: String,
    /// Whose account, for a deposit or a withdrawal.
    pub user: Option<String>,
    /// The account that was to pay, for a transfer.
    pub from: Option<String>,
    /// The account that was to receive, for a transfer.
    pub to: Option<String>,
    /// How much was asked, in minor units.
    pub amount: Option<i64>,
    /// The balance that the refusal rests on.
    pub balance: Option<i64>,
    /// The deadline that had passed, in microseconds since the Unix epoch.
    #[serde(rename = "not_after")]
    pub not_after_us: Option<u64>,
    /// The balances that were to be set.
    #[serde(default, deserialize_with = "accounts")]
    pub accounts: Vec<(AccountId<'static>, Balance)>,
}

/// A page of one account's history. Its lines' amounts lead from `balance_before` to
/// `balance_after`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Statement {
    /// The account.
    #[serde(rename = "user", deserialize_with = "account")]
    pub account: AccountId<'static>,
    /// The lines, in the order asked.
    pub items: Vec<StatementLine>,
    /// What it held before the earliest of them.
    #[serde(deserialize_with = "balance")]
    pub balance_before: Balance,
    /// What it held after the latest of them.
    #[serde(deserialize_with = "balance")]
    pub balance_after: Balance,
    /// Whether there is such an account.
    #[serde(default = "yes")]
    pub exists: bool,
    /// The cursor of the next page; `None` at the end.
    pub next_cursor: Option<String>,
    /// The position that the answer reflects.
    #[serde(deserialize_with = "seq")]
    pub as_of: Seq,
}

/// One change of an account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StatementLine {
    /// Its place in the one order.
    #[serde(deserialize_with = "seq")]
    pub seq: Seq,
    /// When it happened, in microseconds since the Unix epoch.
    #[serde(rename = "at")]
    pub at_us: u64,
    /// What it was: `init`, `deposit`, `withdraw`, `transfer`.
    #[serde(rename = "tx")]
    pub kind: String,
    /// The account on the other side of a transfer.
    pub other: Option<String>,
    /// What the account gained, in minor units: below zero when it paid.
    pub amount: i64,
    /// What it held afterwards.
    #[serde(deserialize_with = "balance")]
    pub balance: Balance,
    /// Its name.
    #[serde(deserialize_with = "tx_id")]
    pub tx_id: TxId<'static>,
    /// Who did it, if anybody was named.
    pub by: Option<String>,
}

/// A page of accounts, by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Accounts {
    /// The accounts.
    pub items: Vec<AccountLine>,
    /// The cursor of the next page; `None` at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all, when that was asked.
    pub count: Option<u64>,
    /// The position that the answer reflects.
    #[serde(deserialize_with = "seq")]
    pub as_of: Seq,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AccountLine {
    /// Its name.
    #[serde(rename = "user", deserialize_with = "account")]
    pub account: AccountId<'static>,
    /// What it holds.
    #[serde(deserialize_with = "balance")]
    pub balance: Balance,
    /// The seq of its last change.
    #[serde(deserialize_with = "seq")]
    pub seq: Seq,
}

/// The bank as a whole, at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Totals {
    /// How many accounts there are.
    #[serde(rename = "accounts")]
    pub accounts_count: u64,
    /// The sum of their balances, in minor units.
    pub sum: i128,
    /// All that ever came in, in minor units.
    pub money_in: i128,
    /// All that ever went out, in minor units.
    pub money_out: i128,
    /// The last event.
    #[serde(deserialize_with = "seq")]
    pub seq: Seq,
    /// Its time, in microseconds since the Unix epoch.
    #[serde(rename = "at")]
    pub at_us: u64,
}

fn legs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Leg>, D::Error> {
    #[derive(Deserialize)]
    struct Sides {
        #[serde(deserialize_with = "balance")]
        before: Balance,
        #[serde(deserialize_with = "balance")]
        after: Balance,
    }
    struct InOrder;
    impl<'de> Visitor<'de> for InOrder {
        type Value = Vec<Leg>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("accounts with their balances before and after")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut legs = Vec::new();
            while let Some((name, Sides { before, after })) = map.next_entry::<String, Sides>()? {
                let account = AccountId::new(name).map_err(M::Error::custom)?;
                legs.push(Leg { account, before, after });
            }
            Ok(legs)
        }
    }
    from.deserialize_map(InOrder)
}

#[cfg(test)]
mod tests {
    use ledger::{Amount, By, Command, Event, Rejection};
    use protocol::reply::history;
    use serde::de::DeserializeOwned;

    use super::super::read;
    use super::*;

    fn leg(name: &str, before: i64, after: i64) -> ledger::Leg<'_> {
        let balance = |units| Balance::new(units).unwrap();
        let account = AccountId::new(name).unwrap();
        ledger::Leg { account, before: balance(before), after: balance(after) }
    }

    fn answer<A: DeserializeOwned>(write: impl FnOnce(&mut Vec<u8>)) -> A {
        let mut line = Vec::new();
        write(&mut line);
        read::<A>(line).unwrap().answer.unwrap()
    }

    /// What the server says about `event`, as the client reads it.
    fn told(event: Event<'_>) -> What {
        let tx_id = TxId::new("t-1").unwrap();
        let said = ledger::Transaction {
            seq: Seq::new(41),
            tx_id,
            by: By::new("user:\"ana").ok(),
            event,
            at_us: 1_764,
        };
        let found: Found = answer(|out| history::transaction(out, Some(&said), Seq::new(50)));
        assert_eq!((found.transaction.seq.get(), found.transaction.at_us), (41, 1_764));
        assert_eq!(found.transaction.by.as_deref(), Some("user:\"ana"));
        assert_eq!((found.transaction.tx_id.as_str(), found.as_of.get()), ("t-1", 50));
        found.transaction.what
    }

    #[test]
    fn every_kind_of_transaction_is_read_as_the_server_writes_it() {
        let amount = Amount::new(7).unwrap();
        let What::Deposit(deposit) = told(Event::Deposit { leg: leg("josé", 1, 8), amount })
        else {
            panic!("no deposit")
        };
        assert_eq!((deposit.leg.account.as_str(), deposit.amount), ("josé", 7));
        assert_eq!((deposit.leg.before.get(), deposit.leg.after.get()), (1, 8));
        let event = Event::Withdraw { leg: leg("a", 8, 1), amount };
        assert!(matches!(told(event), What::Withdraw(Movement { amount: 7, .. })));
        let event = Event::Transfer { from: leg("a", 8, 1), to: leg("b", 0, 7), amount };
        let What::Transfer { from, to, amount: 7 } = told(event) else { panic!("no transfer") };
        assert_eq!((from.account.as_str(), to.after.get()), ("a", 7));
        let What::Init { accounts } =
            told(Event::Init { legs: vec![leg("z", 0, 1), leg("b", 5, 2)] })
        else {
            panic!("no init")
        };
        let read: Vec<_> = accounts
            .iter()
            .map(|leg| (leg.account.as_str(), leg.before.get(), leg.after.get()))
            .collect();
        assert_eq!(read, [("z", 0, 1), ("b", 5, 2)], "in the order of the reply");
        let command = Command::Withdraw { account: AccountId::new("a").unwrap(), amount };
        let rejection = Rejection::DeadlinePassed { not_after_us: 1_763 };
        let What::Refused(refused) = told(Event::Refused(ledger::Refused { command, rejection }))
        else {
            panic!("no refusal")
        };
        assert_eq!((refused.code.as_str(), refused.cmd.as_str()), ("deadline_passed", "withdraw"));
        assert_eq!((refused.user.as_deref(), refused.amount), (Some("a"), Some(7)));
        assert_eq!((refused.balance, refused.not_after_us), (None, Some(1_763)));
        assert_eq!(told(Event::Void), What::Void);
    }

    #[test]
    fn a_kind_of_a_newer_server_is_something_else() {
        let line = r#"{"ok":true,"transaction":{"seq":1,"tx":"hold","tx_id":"t","x":[1],"at":7},"as_of":1}"#;
        let found = read::<Found>(line.as_bytes().to_vec()).unwrap().answer.unwrap();
        assert_eq!(found.transaction.what, What::Other);
    }

    #[test]
    fn an_outcome_is_read_with_what_stands_under_the_tx_id() {
        let tx_id = TxId::new("t-1").unwrap();
        let void = ledger::Transaction {
            seq: Seq::new(9),
            tx_id,
            by: None,
            event: Event::Void,
            at_us: 1_764,
        };
        let resolved: Resolved = answer(|out| history::resolved(out, &void, true));
        assert_eq!((resolved.outcome, resolved.duplicate), (Outcome::Voided, true));
        assert_eq!(resolved.transaction.seq, Seq::new(9));
    }

    #[test]
    fn lists_and_totals_are_read_as_the_server_writes_them() {
        let (alice, bob) = (AccountId::new("alice").unwrap(), AccountId::new("bob").unwrap());
        let tx_id = TxId::new("t-1").unwrap();
        let held = |units| Balance::new(units).unwrap();
        let by = By::new("user:ana").unwrap();
        let line = history::Line {
            seq: Seq::new(3),
            at_us: 1_764,
            kind: "transfer",
            other: Some(&bob),
            change: -7,
            after: held(1),
            tx_id: &tx_id,
            by: Some(&by),
        };
        let page = history::Statement {
            account: &alice,
            exists: false,
            before: held(8),
            after: held(1),
            next_cursor: Some("s1"),
            as_of: Seq::new(4),
        };
        let read: Statement = answer(|out| history::statement(out, &page, [line]));
        assert_eq!((read.exists, read.next_cursor.as_deref()), (false, Some("s1")));
        assert_eq!((read.balance_before.get(), read.balance_after.get()), (8, 1));
        let item = &read.items[0];
        assert_eq!((item.other.as_deref(), item.amount, item.balance.get()), (Some("bob"), -7, 1));

        let items = [(&alice, held(5), Seq::new(3))];
        let read: Accounts =
            answer(|out| history::accounts(out, items, None, Some(9), Seq::new(4)));
        assert_eq!((read.next_cursor, read.count), (None, Some(9)));
        assert_eq!((read.items[0].balance.get(), read.items[0].seq.get()), (5, 3));

        let totals = history::Totals {
            accounts_count: 2,
            sum: 3,
            money_in: i128::from(u64::MAX) * 5,
            money_out: 7,
            seq: Seq::new(6),
            at_us: 1_764,
        };
        let read: Totals = answer(|out| history::totals(out, &totals));
        assert_eq!((read.money_in, read.money_out), (i128::from(u64::MAX) * 5, 7));
    }
}
