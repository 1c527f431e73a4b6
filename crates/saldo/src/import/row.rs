//! One row of a file: the command that it stands for, under the tx_id that names it for ever.

use std::collections::HashMap;

use ledger::{AccountId, Amount, Balance, Command, Openings, Transfer, TxId};
use serde_json::{Map, Value, json};

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A command.
    Command {
        /// What is to change.
        command: Command<'static>,
        /// Its name, when the row has one.
        tx_id: Option<TxId<'static>>,
    },
    /// Nothing to do: a recorded refusal or a void of an export.
    Skip,
}

/// Reads an object: a request as it goes over the wire, or a transaction as it is exported.
/// Errors: what is wrong with it, in a few words.
pub fn of_object(object: &Map<String, Value>) -> Result<Row, String> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    let kind = text("cmd").or_else(|| text("tx")).ok_or("it has neither \"cmd\" nor \"tx\"")?;
    if object.contains_key("tx") && matches!(&*kind, "refused" | "void")
        || text("tx").is_some_and(|tx| tx == "refused")
    {
        return Ok(Row::Skip);
    }
    let tx_id = tx_id(text("tx_id"))?;
    let account = |key: &str| {
        let value = object.get(key).ok_or_else(|| format!("{key} is missing"))?;
        // A transaction's sides are objects.
        let name = value.as_str().or_else(|| value.get("user").and_then(Value::as_str));
        account(name.ok_or_else(|| format!("{key} is no name"))?)
    };
    let amount = || match object.get("amount") {
        Some(Value::String(digits)) => amount(digits),
        Some(Value::Number(number)) => amount(&number.to_string()),
        Some(_) => Err("amount is no whole number".to_owned()),
        None => Err("amount is missing".to_owned()),
    };
    let command = match &*kind {
        "deposit" => Command::Deposit { account: account("user")?, amount: amount()? },
        "withdraw" => Command::Withdraw { account: account("user")?, amount: amount()? },
        "transfer" => transfer(account("from")?, account("to")?, amount()?)?,
        "init" | "init_accounts" => {
            let accounts = object.get("accounts").and_then(Value::as_object);
            let accounts = accounts.ok_or("accounts is no object")?;
            let openings: Result<Vec<_>, String> = accounts
                .iter()
                .map(|(name, held)| {
                    let held = held.get("after").unwrap_or(held);
                    let held = held.as_i64().and_then(Balance::new);
                    let held = held.ok_or_else(|| format!("the balance of {name:?} is none"))?;
                    Ok((self::account(name)?, held))
                })
                .collect();
            let openings = Openings::new(openings?).ok_or("a balance is below zero")?;
            Command::Init(openings)
        }
        other => return Err(format!("{other:?} is no command that moves money")),
    };
    Ok(Row::Command { command, tx_id })
}

/// A row of comma-separated values by its columns: `tx` (or `cmd`), `from`, `to`, `user`,
/// `amount`, `tx_id`, and `balance_to` for an `init`.
pub fn of_columns(columns: &HashMap<&str, &str>) -> Result<Row, String> {
    let text = |key: &str| columns.get(key).copied().filter(|text| !text.is_empty());
    let kind = text("tx").or_else(|| text("cmd")).ok_or("it has neither a tx nor a cmd")?;
    if matches!(kind, "refused" | "void") {
        return Ok(Row::Skip);
    }
    let tx_id = tx_id(text("tx_id").map(str::to_owned))?;
    let named = |keys: [&str; 2]| {
        let name = keys.iter().find_map(|key| text(key));
        account(name.ok_or_else(|| format!("{} is missing", keys[0]))?)
    };
    let amount = || amount(text("amount").ok_or("amount is missing")?);
    let command = match kind {
        "deposit" => Command::Deposit { account: named(["to", "user"])?, amount: amount()? },
        "withdraw" => Command::Withdraw { account: named(["from", "user"])?, amount: amount()? },
        "transfer" => transfer(named(["from", "from"])?, named(["to", "to"])?, amount()?)?,
        "init" => {
            let held = text("balance_to").or_else(|| text("amount"));
            let held = held.and_then(|held| held.parse().ok()).and_then(Balance::new);
            let opening = (named(["to", "user"])?, held.ok_or("balance_to is none")?);
            Command::Init(Openings::new(vec![opening]).ok_or("a balance is below zero")?)
        }
        other => return Err(format!("{other:?} is no command that moves money")),
    };
    Ok(Row::Command { command, tx_id })
}

/// The request line of a command, without its newline.
pub fn request(command: &Command<'_>, tx_id: &TxId<'_>) -> String {
    let mut request = match command {
        Command::Deposit { account, amount } => {
            json!({"cmd": "deposit", "user": account.as_str(), "amount": amount.get()})
        }
        Command::Withdraw { account, amount } => {
            json!({"cmd": "withdraw", "user": account.as_str(), "amount": amount.get()})
        }
        Command::Transfer(transfer) => json!({
            "cmd": "transfer", "from": transfer.from().as_str(), "to": transfer.to().as_str(),
            "amount": transfer.amount().get(),
        }),
        Command::Init(openings) => {
            let openings = openings.as_slice().iter();
            let accounts: Map<String, Value> =
                openings.map(|(name, held)| (name.to_string(), json!(held.get()))).collect();
            json!({"cmd": "init_accounts", "accounts": accounts})
        }
    };
    if let Some(request) = request.as_object_mut() {
        request.insert("tx_id".to_owned(), json!(tx_id.as_str()));
    }
    request.to_string()
}

fn account(name: &str) -> Result<AccountId<'static>, String> {
    AccountId::new(name.to_owned()).map_err(|fault| format!("{name:?}: {fault}"))
}

fn amount(digits: &str) -> Result<Amount, String> {
    let number: i64 =
        digits.trim().parse().map_err(|_| format!("{digits:?} is no amount in minor units"))?;
    Amount::new(number).map_err(|fault| format!("{digits}: {fault}"))
}

fn transfer(
    from: AccountId<'static>,
    to: AccountId<'static>,
    amount: Amount,
) -> Result<Command<'static>, String> {
    match Transfer::new(from, to, amount) {
        Ok(transfer) => Ok(Command::Transfer(transfer)),
        Err(rejection) => Err(rejection.to_string()),
    }
}

fn tx_id(text: Option<String>) -> Result<Option<TxId<'static>>, String> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => TxId::new(text).map(Some).map_err(|fault| fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<Row, String> {
        of_object(value.as_object().unwrap())
    }

    fn line(row: Row) -> Value {
        let Row::Command { command, tx_id } = row else { panic!("{row:?}") };
        let tx_id = tx_id.unwrap_or_else(|| TxId::new("made").unwrap());
        serde_json::from_str(&request(&command, &tx_id)).unwrap()
    }

    #[test]
    fn requests_and_exported_transactions_are_read_alike() {
        let asked = json!({"cmd": "transfer", "from": "a", "to": "b", "amount": 5, "tx_id": "t"});
        assert_eq!(line(read(asked.clone()).unwrap()), asked);
        let exported = json!({"seq": 3, "tx": "transfer", "tx_id": "t",
            "from": {"user": "a", "before": 8, "after": 3},
            "to": {"user": "b", "before": 0, "after": 5}, "amount": 5, "at": 9});
        assert_eq!(line(read(exported).unwrap()), asked);
        let exported = json!({"seq": 1, "tx": "init", "tx_id": "i", "at": 9,
            "accounts": {"a": {"before": 5, "after": 7}}});
        let expected = json!({"cmd": "init_accounts", "accounts": {"a": 7}, "tx_id": "i"});
        assert_eq!(line(read(exported).unwrap()), expected);
    }

    #[test]
    fn recorded_refusals_and_voids_move_nothing() {
        let refused = json!({"seq": 4, "tx": "refused", "tx_id": "r", "cmd": "withdraw",
            "user": "b", "amount": 9, "code": "insufficient_funds", "balance": 2, "at": 1});
        assert_eq!(read(refused), Ok(Row::Skip));
        assert_eq!(read(json!({"seq": 5, "tx": "void", "tx_id": "v", "at": 1})), Ok(Row::Skip));
    }

    #[test]
    fn what_is_wrong_with_a_row_is_said() {
        for (row, fault) in [
            (json!({"amount": 5}), "neither"),
            (json!({"cmd": "fly"}), "fly"),
            (json!({"cmd": "deposit", "amount": 5}), "user is missing"),
            (json!({"cmd": "deposit", "user": "a"}), "amount is missing"),
            (json!({"cmd": "deposit", "user": "a", "amount": 1.5}), "1.5"),
            (json!({"cmd": "deposit", "user": "@a", "amount": 1}), "@a"),
            (json!({"cmd": "transfer", "from": "a", "to": "a", "amount": 1}), "same account"),
        ] {
            let told = read(row).unwrap_err();
            assert!(told.contains(fault), "{told}");
        }
    }

    #[test]
    fn columns_are_read_by_their_names() {
        let read = |columns: &[(&'static str, &'static str)]| {
            line(of_columns(&columns.iter().copied().collect()).unwrap())
        };
        let deposit = json!({"cmd": "deposit", "user": "a", "amount": 5, "tx_id": "made"});
        assert_eq!(read(&[("tx", "deposit"), ("to", "a"), ("amount", "5")]), deposit);
        assert_eq!(read(&[("cmd", "deposit"), ("user", "a"), ("amount", "5")]), deposit);
        let init =
            [("tx", "init"), ("to", "a"), ("amount", "-2"), ("balance_to", "7"), ("tx_id", "i")];
        assert_eq!(
            read(&init),
            json!({"cmd": "init_accounts", "accounts": {"a": 7}, "tx_id": "i"})
        );
    }
}
