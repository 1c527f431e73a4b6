//! Rows of comma-separated values (RFC 4180), with a header.

use serde_json::Value;

use crate::bulk::text_of;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// The columns of exported transactions. `saldo import` reads them back, but for `by`: who imports is
/// who does it.
pub const TRANSACTION_COLUMNS: [&str; 11] = [
    "seq",
    "at",
    "tx",
    "tx_id",
    "from",
    "to",
    "amount",
    "balance_from",
    "balance_to",
    "code",
    "by",
];

/// A writer into memory.
pub struct Rows(csv::Writer<Vec<u8>>);

impl Rows {
    /// Rows that begin with a header.
    pub fn new(header: &[&str]) -> Result<Self, Failure> {
        let mut rows = Self(csv::Writer::from_writer(Vec::new()));
        rows.add(header)?;
        Ok(rows)
    }

    /// Adds a row.
    pub fn add<V: AsRef<[u8]>>(&mut self, values: &[V]) -> Result<(), Failure> {
        self.0.write_record(values).map_err(|error| {
            Failure::new(Exit::Usage, "output", format!("a row cannot be written: {error}"))
        })
    }

    /// Hands out the bytes so far, and goes on without a header.
    pub fn take(&mut self) -> Result<Vec<u8>, Failure> {
        let rows = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        std::mem::replace(&mut self.0, rows).into_inner().map_err(|error| {
            Failure::new(Exit::Usage, "output", format!("rows cannot be written: {error}"))
        })
    }
}

/// The rows of a transaction: one, or one per account whose balance was set.
pub fn transaction_rows(transaction: &Value) -> Vec<[String; 11]> {
    let number = |value: Option<&Value>| value.map(Value::to_string).unwrap_or_default();
    let text = |key: &str| text_of(transaction, key).to_owned();
    let of = |side: &str, key: &str| {
        transaction.get(side).and_then(|side| side.get(key)).cloned().unwrap_or_default()
    };
    let row = |from: String, to: String, amount: String, after: [String; 2]| {
        let [balance_from, balance_to] = after;
        [
            number(transaction.get("seq")),
            number(transaction.get("at")),
            text("tx"),
            text("tx_id"),
            from,
            to,
            amount,
            balance_from,
            balance_to,
            text("code"),
            text("by"),
        ]
    };
    let amount = number(transaction.get("amount"));
    let after = number(transaction.get("after"));
    let none = String::new;
    match text_of(transaction, "tx") {
        "init" => {
            let accounts = transaction.get("accounts").and_then(Value::as_object);
            let set = accounts.into_iter().flatten().map(|(name, held)| {
                let balance = |key: &str| held.get(key).and_then(Value::as_i64).unwrap_or(0);
                let change = balance("after") - balance("before");
                let after = [none(), balance("after").to_string()];
                row(none(), name.clone(), change.to_string(), after)
            });
            set.collect()
        }
        "deposit" => vec![row(none(), text("user"), amount, [none(), after])],
        "withdraw" => vec![row(text("user"), none(), amount, [after, none()])],
        "transfer" => {
            let name = |side| of(side, "user").as_str().unwrap_or_default().to_owned();
            let held = |side| of(side, "after").to_string();
            vec![row(name("from"), name("to"), amount, [held("from"), held("to")])]
        }
        _ => {
            let (user, cmd) = (text("user"), text_of(transaction, "cmd"));
            let (from, to) = match cmd {
                "withdraw" => (user, none()),
                "deposit" => (none(), user),
                _ => (text("from"), text("to")),
            };
            vec![row(from, to, amount, [none(), none()])]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_transaction_has_its_columns() {
        let rows = |value: Value| {
            let rows = transaction_rows(&value);
            rows.into_iter().map(|row| row.join(",")).collect::<Vec<_>>()
        };
        let init = json!({"seq": 1, "tx": "init", "tx_id": "i", "at": 9,
            "accounts": {"a": {"before": 5, "after": 7}, "b": {"before": 3, "after": 0}}});
        assert_eq!(rows(init), ["1,9,init,i,,a,2,,7,,", "1,9,init,i,,b,-3,,0,,"]);
        let deposit = json!({"seq": 2, "tx": "deposit", "tx_id": "d", "user": "a", "amount": 1,
            "before": 7, "after": 8, "by": "user:ana", "at": 9});
        assert_eq!(rows(deposit), ["2,9,deposit,d,,a,1,,8,,user:ana"]);
        let transfer = json!({"seq": 3, "tx": "transfer", "tx_id": "t",
            "from": {"user": "a", "before": 8, "after": 6},
            "to": {"user": "b", "before": 0, "after": 2}, "amount": 2, "at": 9});
        assert_eq!(rows(transfer), ["3,9,transfer,t,a,b,2,6,2,,"]);
        let refused = json!({"seq": 4, "tx": "refused", "tx_id": "r", "at": 9,
            "code": "insufficient_funds", "cmd": "withdraw", "user": "b", "amount": 9,
            "balance": 2});
        assert_eq!(rows(refused), ["4,9,refused,r,b,,9,,,insufficient_funds,"]);
        let void = json!({"seq": 5, "tx": "void", "tx_id": "v", "at": 9});
        assert_eq!(rows(void), ["5,9,void,v,,,,,,,"]);
    }
}
