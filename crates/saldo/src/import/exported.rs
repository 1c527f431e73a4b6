//! Transactions as the server tells them and an export writes them, read back into the commands that
//! made them.

use std::fmt;

use ledger::{AccountId, Amount, Balance, Command, Openings, Transfer, TxId};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::row::{Row, Write};

/// What tells a transaction from a request.
#[derive(Deserialize)]
struct Kind {
    tx: Option<String>,
}

/// A transaction that moved money. A key of it that stands there twice is a fault; keys that no
/// command needs are not looked at.
#[derive(Deserialize)]
struct Exported {
    tx: String,
    tx_id: Option<String>,
    user: Option<String>,
    amount: Option<i64>,
    from: Option<Side>,
    to: Option<Side>,
    accounts: Option<Accounts>,
}

#[derive(Deserialize)]
struct Side {
    user: String,
}

#[derive(Deserialize)]
struct Held {
    after: i64,
}

/// Names and balances in the order written.
struct Accounts(Vec<(String, Held)>);

/// What a transaction is called, `transfer` or `void` and the like; `None` when the line is none.
pub fn kind(line: &[u8]) -> Option<String> {
    serde_json::from_slice::<Kind>(line).ok()?.tx
}

/// Reads a transaction. Errors: what is wrong with it, in a few words.
pub fn read(line: &[u8]) -> Result<Row, String> {
    if matches!(kind(line).as_deref(), Some("refused" | "void")) {
        return Ok(Row::Skip);
    }
    let Exported { tx, tx_id, user, amount, from, to, accounts } =
        serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let tx_id = tx_id.map(TxId::new).transpose().map_err(|fault| fault.to_string())?;
    let amount =
        || Amount::new(amount.ok_or("amount is missing")?).map_err(|fault| fault.to_string());
    let side = |side: Option<Side>| side.map(|side| side.user);
    let command = match tx.as_str() {
        "deposit" => Command::Deposit { account: account("user", user)?, amount: amount()? },
        "withdraw" => Command::Withdraw { account: account("user", user)?, amount: amount()? },
        "transfer" => {
            let (from, to) = (account("from", side(from))?, account("to", side(to))?);
            let transfer = Transfer::new(from, to, amount()?);
            Command::Transfer(transfer.map_err(|rejection| rejection.to_string())?)
        }
        "init" => Command::Init(openings(accounts.ok_or("accounts is missing")?)?),
        other => return Err(format!("{other:?} is no transaction that this program knows")),
    };
    Ok(Row::Write(Write { command, tx_id, not_after_us: None }))
}

fn account(key: &str, name: Option<String>) -> Result<AccountId<'static>, String> {
    let name = name.ok_or_else(|| format!("{key} is missing"))?;
    AccountId::new(name).map_err(|fault| fault.to_string())
}

fn openings(Accounts(accounts): Accounts) -> Result<Openings<'static>, String> {
    let mut openings = Vec::with_capacity(accounts.len());
    for (name, Held { after }) in accounts {
        let balance = Balance::new(after);
        let balance = balance.ok_or_else(|| format!("the balance of {name:?} is out of range"))?;
        openings.push((account("accounts", Some(name))?, balance));
    }
    Openings::new(openings)
        .ok_or_else(|| "an account stands there twice, or holds less than nothing".to_owned())
}

impl<'de> Deserialize<'de> for Accounts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Accounts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and balances")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut accounts = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    accounts.push(entry);
                }
                Ok(Accounts(accounts))
            }
        }
        from.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::of_request;
    use super::*;

    #[test]
    fn a_transaction_is_read_as_the_request_that_made_it() {
        for (exported, request) in [
            (
                r#"{"seq":3,"tx":"transfer","tx_id":"t","from":{"user":"a","before":8,"after":3},"to":{"user":"b","before":0,"after":5},"amount":5,"at":9}"#,
                r#"{"cmd":"transfer","from":"a","to":"b","amount":5,"tx_id":"t"}"#,
            ),
            (
                r#"{"seq":1,"tx":"init","tx_id":"i","at":9,"accounts":{"b":{"before":5,"after":7},"a":{"before":0,"after":0}}}"#,
                r#"{"cmd":"init_accounts","accounts":{"b":7,"a":0},"tx_id":"i"}"#,
            ),
            (
                r#"{"seq":2,"tx":"withdraw","tx_id":"w","user":"a","amount":5,"before":5,"after":0,"at":9}"#,
                r#"{"cmd":"withdraw","user":"a","amount":5,"tx_id":"w"}"#,
            ),
        ] {
            let read = read(exported.as_bytes());
            assert_eq!(read, of_request(request.as_bytes()).map(Row::Write), "{exported}");
        }
    }

    #[test]
    fn recorded_refusals_and_voids_move_nothing() {
        for skipped in [
            r#"{"seq":4,"tx":"refused","tx_id":"r","code":"insufficient_funds","cmd":"transfer","from":"a","to":"b","amount":9,"balance":2,"at":1}"#,
            r#"{"seq":5,"tx":"void","tx_id":"v","at":1}"#,
        ] {
            assert_eq!(read(skipped.as_bytes()), Ok(Row::Skip));
        }
    }

    #[test]
    fn what_is_wrong_with_a_transaction_is_said() {
        for (line, fault) in [
            (r#"{"tx":"fly"}"#, "fly"),
            (r#"{"tx":"deposit","user":"a"}"#, "amount is missing"),
            (r#"{"tx":"deposit","amount":1}"#, "user is missing"),
            (r#"{"tx":"deposit","user":"a","amount":1.5}"#, "1.5"),
            (r#"{"tx":"deposit","user":"a","amount":"5"}"#, "expected i64"),
            (r#"{"tx":"deposit","user":"a","amount":0}"#, "> 0"),
            (r#"{"tx":"deposit","user":"a","amount":1,"tx_id":17}"#, "expected a string"),
            (r#"{"tx":"deposit","user":"a","amount":1,"amount":2}"#, "duplicate field `amount`"),
            (r#"{"tx":"init","accounts":{"a":{"after":1},"a":{"after":2}}}"#, "twice"),
        ] {
            let told = read(line.as_bytes()).unwrap_err();
            assert!(told.contains(fault), "{line}: {told}");
        }
    }
}
