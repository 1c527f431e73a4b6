//! Reads a file of opening balances. It may be
//!
//! * `{"alice":100000,"bob":50000}`;
//! * `{"accounts":{"alice":100000}}`, with any other keys beside it;
//! * `{"accounts":{"alice":{"balance":100000}}}`, as `state.json` has it, that of the original
//!   program and that of this one.
//!
//! A balance is a whole number of cents, or a string of digits. Not here: what is sent (`pieces`).
//!
//! **Invariant:** nothing in a file is passed over in silence: a repeated name is an error, and
//! keys beside `accounts` are reported.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use ledger::limits::BALANCE_MAX;
use ledger::{AccountId, AmountFault, Balance};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::text;
use crate::unanswered::cause_of_io;

/// Most bytes of a file of opening balances: some forty million short names.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Keys that stand beside `accounts` in a snapshot and say nothing about balances.
const SNAPSHOT_KEYS: &[&str] =
    &["format", "ledger", "currency", "seq", "timestamp", "seal", "hash"];

/// What a file says.
#[derive(Debug, PartialEq, Eq)]
pub struct Contents {
    /// The accounts and their balances, in the order of the file, each account once.
    pub openings: Vec<(AccountId<'static>, Balance)>,
    /// What a person should know before these balances are used.
    pub notes: Vec<String>,
}

/// The entries of a JSON object, in order, repeated ones included.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

/// Reads the file; `-` is stdin. Errors: it cannot be read, it is no JSON, it has no accounts, a
/// name or a balance in it is none, a name stands there twice.
pub fn read(path: &str) -> Result<Contents, Failure> {
    let (shown, source): (_, io::Result<Box<dyn Read>>) = match path {
        "-" => ("stdin".to_owned(), Ok(Box::new(io::stdin()))),
        _ => (text::message(path).into_owned(), File::open(path).map(|file| Box::new(file) as _)),
    };
    let mut bytes = Vec::new();
    let taken = source.and_then(|source| source.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    match taken {
        Ok(count) if count as u64 > FILE_BYTES_MAX => {
            let text = format!("{shown} has more than {FILE_BYTES_MAX} bytes");
            Err(Failure::new(Exit::Usage, "unreadable", text))
        }
        Ok(_) => parse(&shown, &bytes),
        Err(error) => {
            let text = format!("cannot read {shown}: {}", cause_of_io(&error));
            Err(Failure::new(Exit::Usage, "unreadable", text))
        }
    }
}

/// Reads the bytes of a file that messages call `shown`.
fn parse(shown: &str, bytes: &[u8]) -> Result<Contents, Failure> {
    let entries = entries(shown, bytes)?;
    let nested =
        entries.iter().find(|(key, value)| key == "accounts" && value.get().starts_with('{'));
    let (entries, notes) = match nested {
        None => (entries, Vec::new()),
        Some((_, accounts)) => {
            let beside = entries.iter().map(|(key, _)| key.as_str());
            let notes = notes(shown, beside.filter(|key| *key != "accounts"));
            (self::entries(shown, accounts.get().as_bytes())?, notes)
        }
    };
    let mut names = HashSet::with_capacity(entries.len());
    let mut openings = Vec::with_capacity(entries.len());
    for (name, value) in &entries {
        let refuse = |code, what: String| {
            let name = text::quoted(name);
            Failure::new(Exit::Usage, code, format!("{shown}: account {name}: {what}"))
        };
        if !names.insert(name.as_str()) {
            return Err(refuse("repeated_name", "it stands there twice".to_owned()));
        }
        let account = AccountId::new(name.clone())
            .map_err(|fault| refuse("invalid_name", fault.to_string()))?;
        let balance = balance(value.get())
            .map_err(|fault| refuse("invalid_amount", words_for(fault, value.get())))?;
        openings.push((account, balance));
    }
    if openings.is_empty() {
        let text = format!("{shown} names no account");
        return Err(Failure::new(Exit::Usage, "unreadable", text)
            .hint("it looks like this: {\"alice\":100000,\"bob\":50000}"));
    }
    Ok(Contents { openings, notes })
}

fn entries<'a>(shown: &str, bytes: &'a [u8]) -> Result<Vec<(String, &'a RawValue)>, Failure> {
    match serde_json::from_slice::<Entries<'a>>(bytes) {
        Ok(entries) => Ok(entries.0),
        Err(error) => {
            let text = format!("{shown} is no JSON object of accounts: {error}");
            Err(Failure::new(Exit::Usage, "bad_json", text)
                .hint("it looks like this: {\"alice\":100000,\"bob\":50000}"))
        }
    }
}

/// What to tell about the keys that stand beside `accounts`.
fn notes<'k>(shown: &str, beside: impl Iterator<Item = &'k str>) -> Vec<String> {
    let keys: Vec<&str> = beside.collect();
    let mut notes = Vec::new();
    if keys.contains(&"format") && keys.contains(&"seal") {
        notes.push(format!(
            "{shown} is a snapshot of a bank; what moved after it was taken stands in that bank's journal"
        ));
    }
    let unknown: Vec<String> =
        keys.into_iter().filter(|key| !SNAPSHOT_KEYS.contains(key)).map(text::quoted).collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        notes.push(format!("{shown}: only what stands in \"accounts\" is read, not {unknown}"));
    }
    notes
}

/// Reads a balance: a number, a string of digits, or an object that has one as its `balance`.
fn balance(value: &str) -> Result<Balance, AmountFault> {
    #[derive(Deserialize)]
    struct Account<'a> {
        #[serde(borrow)]
        balance: &'a RawValue,
    }
    let value = match value.as_bytes() {
        [b'{', ..] => match serde_json::from_str::<Account<'_>>(value) {
            Ok(account) => account.balance.get(),
            Err(_) => return Err(AmountFault::NotWhole),
        },
        _ => value,
    };
    let digits = match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').unwrap_or(quoted),
        None => value,
    };
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AmountFault::NotWhole);
    }
    if negative {
        return Err(AmountFault::Negative);
    }
    let units = digits.parse::<i64>().map_err(|_| AmountFault::TooLarge)?;
    Balance::new(units).ok_or(AmountFault::TooLarge)
}

fn words_for(fault: AmountFault, value: &str) -> String {
    let begin: String = value.chars().take(40).collect();
    let found = text::message(&begin);
    match fault {
        AmountFault::NotWhole => format!("its balance is no whole number of cents: {found}"),
        AmountFault::TooLarge => format!("its balance is above {BALANCE_MAX}: {found}"),
        AmountFault::NotPositive | AmountFault::Negative => {
            format!("its balance is below zero: {found}")
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and balances")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        from.deserialize_map(InOrder).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openings(json: &str) -> Vec<(String, i64)> {
        let contents = parse("f", json.as_bytes()).unwrap();
        let pairs = contents.openings.into_iter();
        pairs.map(|(account, balance)| (account.to_string(), balance.get())).collect()
    }

    fn refused(json: &str) -> String {
        let failure = parse("f", json.as_bytes()).unwrap_err();
        assert_eq!(failure.parts().0, 2);
        failure.parts().2.to_owned()
    }

    #[test]
    fn every_form_of_balances_is_read() {
        let pairs = |pairs: &[(&str, i64)]| -> Vec<(String, i64)> {
            pairs.iter().map(|(name, units)| ((*name).to_owned(), *units)).collect()
        };
        assert_eq!(openings(r#"{"bob":50000,"alice":0}"#), pairs(&[("bob", 50_000), ("alice", 0)]));
        assert_eq!(openings(r#"{"accounts":{"alice":7}}"#), pairs(&[("alice", 7)]));
        assert_eq!(
            openings(r#"{"accounts": {"alice": {"balance": 7}}, "timestamp": 1.5}"#),
            pairs(&[("alice", 7)])
        );
        assert_eq!(
            openings(
                r#"{"format":1,"ledger":"7f","currency":"BRL","seq":9,"timestamp":1,"seal":"00","accounts":{
                "alice":{"balance":101723,"seq":42},
                "jos\u00e9":{"balance":5,"seq":1}},"hash":"00"}"#
            ),
            pairs(&[("alice", 101_723), ("josé", 5)])
        );
        // An account may be called like the key.
        assert_eq!(openings(r#"{"accounts":5}"#), pairs(&[("accounts", 5)]));
        assert_eq!(openings(r#"{"alice":"007"}"#), pairs(&[("alice", 7)]));
    }

    #[test]
    fn what_is_left_out_and_what_a_snapshot_lacks_is_told() {
        let notes = |json: &str| parse("f", json.as_bytes()).unwrap().notes;
        assert_eq!(notes(r#"{"alice":1}"#), Vec::<String>::new());
        assert_eq!(
            notes(r#"{"alice":1,"accounts":{"bob":2}}"#),
            ["f: only what stands in \"accounts\" is read, not \"alice\""]
        );
        let snapshot =
            r#"{"format":1,"seq":9,"seal":"0","accounts":{"a":{"balance":1}},"hash":"0"}"#;
        assert_eq!(
            notes(snapshot),
            [
                "f is a snapshot of a bank; what moved after it was taken stands in that bank's journal"
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_the_account() {
        assert_eq!(refused(r#"{"a":1,"a":2}"#), "f: account \"a\": it stands there twice");
        assert_eq!(
            refused(r#"{"a":12.5}"#),
            "f: account \"a\": its balance is no whole number of cents: 12.5"
        );
        assert_eq!(refused(r#"{"a":-1}"#), "f: account \"a\": its balance is below zero: -1");
        assert_eq!(
            refused(r#"{"a":9007199254740992}"#),
            "f: account \"a\": its balance is above 9007199254740991: 9007199254740992"
        );
        for odd in
            ["true", "null", "[1]", r#""""#, r#""x""#, "1e3", r#"{"seq":1}"#, r#"{"balance":"-"}"#]
        {
            let told = refused(&format!(r#"{{"a":{odd}}}"#));
            assert!(told.contains("no whole number of cents"), "{odd}: {told}");
        }
        assert_eq!(
            refused(r#"{"@world":1}"#),
            "f: account \"@world\": account names that begin with '@' are the bank's own"
        );
        assert_eq!(refused("{}"), "f names no account");
        assert_eq!(refused(r#"{"accounts":{}}"#), "f names no account");
        assert!(refused("[]").starts_with("f is no JSON object of accounts: invalid type"));
        assert!(refused("{\"a\":\n1,}").contains("line 2 column"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = read("no/such/file.json").unwrap_err();
        assert_eq!(
            failure.parts(),
            (2, "unreadable", "cannot read no/such/file.json: no such file or directory", None)
        );
    }
}
