//! Transactions as a journal of hledger (plain-text accounting), which `hledger check` accepts: every
//! transaction balances, and every balance afterwards is asserted, so that hledger computes the whole
//! bank again and compares.
//! Source of the format: the hledger manual, sections "Transactions", "Postings", "Balance assertions".

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::bulk::text_of;

/// How amounts are written.
#[derive(Clone, Debug)]
pub struct Commodity {
    /// Its name.
    pub name: String,
    /// How many of the last digits of a minor unit stand behind the point.
    pub decimals: u32,
}

/// Where the bank's own side of deposits and withdrawals is booked.
const WORLD: &str = "world";

/// The name of an account in the journal. hledger ends a name at two spaces, takes `:` for the
/// border between an account and its part, and some marks at its beginning for something else: such
/// characters are written as `%` and two hexadecimal digits per byte, and so is `%` itself.
fn journal_name(account: &str) -> String {
    let mut name = String::from("accounts:");
    let last = account.chars().count().saturating_sub(1);
    let mut before = ' ';
    for (place, character) in account.chars().enumerate() {
        let is_border = place == 0 || place == last;
        let is_plain = match character {
            ' ' => !is_border && before != ' ',
            '%' | ':' | ';' | '"' | '|' | '(' | ')' | '[' | ']' | '*' | '!' | '=' | '@' | '#' => {
                false
            }
            _ => !character.is_whitespace(),
        };
        if is_plain {
            name.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("%{byte:02x}"));
            }
        }
        before = character;
    }
    name
}

/// Who did it, as a tag behind another. hledger ends the value of a tag at a comma.
fn by_tag(by: &str) -> String {
    if by.is_empty() { String::new() } else { format!(", by:{}", by.replace(',', "%2c")) }
}

impl Commodity {
    /// What a journal begins with.
    pub fn head(&self, first: u64, last: u64) -> String {
        format!("; transactions {first} to {last} of a bank, exported by saldo\n\n")
    }

    /// A transaction with an empty line behind it. `is_whole`: the journal begins with the bank's
    /// first transaction, so balances can be asserted.
    pub fn transaction(&self, transaction: &Value, is_whole: bool) -> String {
        let seq = transaction.get("seq").and_then(Value::as_u64).unwrap_or_default();
        let (tx, tx_id) = (text_of(transaction, "tx"), text_of(transaction, "tx_id"));
        let by = by_tag(text_of(transaction, "by"));
        let date = date(transaction.get("at").and_then(Value::as_i64).unwrap_or_default());
        let postings = self.postings(transaction, is_whole);
        if postings.is_empty() {
            let code = text_of(transaction, "code");
            return format!("; {date} ({seq}) {tx} {code} tx_id:{tx_id}{by}\n\n");
        }
        format!("{date} ({seq}) {tx}  ; tx_id:{tx_id}{by}\n{postings}\n")
    }

    fn postings(&self, transaction: &Value, is_whole: bool) -> String {
        let mut text = String::new();
        let number = |value: Option<&Value>| value.and_then(Value::as_i64).unwrap_or_default();
        let amount = number(transaction.get("amount"));
        let mut post = |account: &str, change: i64, after: &Value| {
            let assertion = match after.as_i64().filter(|_| is_whole) {
                Some(after) => format!(" = {}", self.amount(after.into())),
                None => String::new(),
            };
            let (name, change) = (journal_name(account), self.amount(change.into()));
            text.push_str(&format!("    {name}  {change}{assertion}\n"));
        };
        let side = |side: &str, key: &str| {
            transaction.get(side).and_then(|side| side.get(key)).cloned().unwrap_or_default()
        };
        let user = text_of(transaction, "user");
        let after = transaction.get("after").cloned().unwrap_or_default();
        let world: i128 = match text_of(transaction, "tx") {
            "transfer" => {
                post(
                    side("from", "user").as_str().unwrap_or_default(),
                    -amount,
                    &side("from", "after"),
                );
                post(side("to", "user").as_str().unwrap_or_default(), amount, &side("to", "after"));
                return text;
            }
            "deposit" => {
                post(user, amount, &after);
                -i128::from(amount)
            }
            "withdraw" => {
                post(user, -amount, &after);
                i128::from(amount)
            }
            "init" => {
                let accounts = transaction.get("accounts").and_then(Value::as_object);
                let mut sum = 0;
                for (name, held) in accounts.into_iter().flatten() {
                    let change = number(held.get("after")) - number(held.get("before"));
                    sum += i128::from(change);
                    post(name, change, held.get("after").unwrap_or(&Value::Null));
                }
                -sum
            }
            _ => return text,
        };
        text.push_str(&format!("    {WORLD}  {}\n", self.amount(world)));
        text
    }

    fn amount(&self, minor_units: i128) -> String {
        let Self { name, decimals } = self;
        if *decimals == 0 {
            return format!("{minor_units} {name}");
        }
        let unit = 10_u128.pow(*decimals);
        let magnitude = minor_units.unsigned_abs();
        let sign = if minor_units < 0 { "-" } else { "" };
        let width = usize::try_from(*decimals).unwrap_or_default();
        format!("{sign}{}.{:0width$} {name}", magnitude / unit, magnitude % unit)
    }
}

/// The day of a time in microseconds, by UTC.
fn date(at_us: i64) -> String {
    let day = Timestamp::from_microsecond(at_us).map(|at| at.to_zoned(TimeZone::UTC).date());
    day.map_or_else(|_| "1970-01-01".to_owned(), |day| day.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_hledger_would_read_otherwise_are_spelt_out() {
        for (account, name) in [
            ("alice", "accounts:alice"),
            ("maria da silva", "accounts:maria da silva"),
            ("two  spaces", "accounts:two %20spaces"),
            (" edges ", "accounts:%20edges%20"),
            ("a:b;c", "accounts:a%3ab%3bc"),
            ("100%", "accounts:100%25"),
            ("josé", "accounts:josé"),
            ("*(x)", "accounts:%2a%28x%29"),
        ] {
            assert_eq!(journal_name(account), name);
        }
    }

    #[test]
    fn a_transfer_balances_and_asserts_what_is_left() {
        let transfer = json!({"seq": 3, "tx": "transfer", "tx_id": "t-3",
            "from": {"user": "a", "before": 800, "after": 550},
            "to": {"user": "b", "before": 0, "after": 250}, "amount": 250,
            "by": "user:ana", "at": 1_764_000_000_000_000_i64});
        let cents = Commodity { name: "cents".into(), decimals: 0 };
        assert_eq!(
            cents.transaction(&transfer, true),
            "2025-11-24 (3) transfer  ; tx_id:t-3, by:user:ana\n    accounts:a  -250 cents = 550 cents\n    accounts:b  250 cents = 250 cents\n\n"
        );
        let reais = Commodity { name: "BRL".into(), decimals: 2 };
        assert!(reais.transaction(&transfer, false).contains("accounts:a  -2.50 BRL\n"));
    }

    #[test]
    fn money_that_comes_in_comes_from_the_world() {
        let init = json!({"seq": 1, "tx": "init", "tx_id": "i", "at": 0,
            "accounts": {"a": {"before": 5, "after": 7}, "b": {"before": 3, "after": 0}}});
        let cents = Commodity { name: "cents".into(), decimals: 0 };
        assert_eq!(
            cents.transaction(&init, true),
            "1970-01-01 (1) init  ; tx_id:i\n    accounts:a  2 cents = 7 cents\n    accounts:b  -3 cents = 0 cents\n    world  1 cents\n\n"
        );
    }
}
