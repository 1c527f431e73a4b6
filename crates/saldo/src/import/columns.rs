//! A row of comma-separated values by the names of its columns: those of a request, and those that an
//! export writes. Other columns are not read.
//!
//! A cell is what stands between its commas, blanks included; an empty one is as good as none. What is
//! in it goes through the parser of the wire, so its rules hold here as well.

use serde_json::{Map, Value};

use super::row::{self, Row};

/// The columns that are read.
const NAMES: [&str; 9] =
    ["tx", "cmd", "user", "from", "to", "amount", "balance_to", "tx_id", "not_after"];

/// Which column stands where.
pub struct Columns {
    /// The place of each of [`NAMES`].
    places: [Option<usize>; NAMES.len()],
}

impl Columns {
    /// Reads the header. Errors: a column stands there twice, or with blanks around its name.
    pub fn of(header: &csv::StringRecord) -> Result<Self, String> {
        let mut places = [None; NAMES.len()];
        for (place, name) in header.iter().enumerate() {
            let known = NAMES.iter().zip(&mut places).find(|(known, _)| **known == name.trim());
            let Some((known, found)) = known else { continue };
            if *known != name {
                return Err(format!("the name of the column {known} has blanks around it"));
            }
            if found.replace(place).is_some() {
                return Err(format!("the column {known} stands there twice"));
            }
        }
        Ok(Self { places })
    }

    /// Reads a row. Errors: what is wrong with it, in a few words.
    pub fn row(&self, record: &csv::StringRecord) -> Result<Row, String> {
        let cell = |name: &str| {
            let (_, place) = NAMES.iter().zip(&self.places).find(|(known, _)| **known == name)?;
            record.get((*place)?).filter(|cell| !cell.is_empty())
        };
        if matches!(cell("tx"), Some("refused" | "void")) {
            return Ok(Row::Skip);
        }
        let kind = one(("tx", cell("tx")), ("cmd", cell("cmd")))?;
        let mut request = Map::new();
        let mut add = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                request.insert(key.to_owned(), value.into());
            }
        };
        match kind {
            Some("init" | "init_accounts") => {
                add("cmd", Some("init_accounts"));
                let name = one(("user", cell("user")), ("to", cell("to")))?;
                let name = name.ok_or("it has neither a user nor a to")?;
                let balance = cell("balance_to").ok_or("balance_to is missing")?;
                let accounts = [(name.to_owned(), Value::from(balance))];
                request.insert("accounts".to_owned(), Value::Object(Map::from_iter(accounts)));
            }
            Some("deposit") => {
                add("cmd", kind);
                add("user", one(("user", cell("user")), ("to", cell("to")))?);
                add("amount", cell("amount"));
            }
            Some("withdraw") => {
                add("cmd", kind);
                add("user", one(("user", cell("user")), ("from", cell("from")))?);
                add("amount", cell("amount"));
            }
            Some(_) => {
                add("cmd", kind);
                for key in ["user", "from", "to", "amount"] {
                    add(key, cell(key));
                }
            }
            None => return Err("it has neither a tx nor a cmd".to_owned()),
        }
        for key in ["tx_id", "not_after"] {
            if let Some(value) = cell(key) {
                request.insert(key.to_owned(), value.into());
            }
        }
        row::of_request(Value::Object(request).to_string().as_bytes()).map(Row::Write)
    }
}

/// The cell that is there, of two for the same thing.
fn one<'c>(
    (first, one): (&str, Option<&'c str>),
    (second, other): (&str, Option<&'c str>),
) -> Result<Option<&'c str>, String> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => {
            Err(format!("{first} and {second} say different things"))
        }
        (one, other) => Ok(one.or(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[(&str, &str)]) -> Result<Row, String> {
        let header: csv::StringRecord = cells.iter().map(|(name, _)| *name).collect();
        let record: csv::StringRecord = cells.iter().map(|(_, cell)| *cell).collect();
        Columns::of(&header)?.row(&record)
    }

    #[test]
    fn columns_are_read_by_their_names_as_the_request_that_they_are() {
        for (cells, request) in [
            (
                &[("tx", "deposit"), ("to", "a"), ("amount", "5"), ("at", "x")][..],
                r#"{"cmd":"deposit","user":"a","amount":5}"#,
            ),
            (
                &[("cmd", "withdraw"), ("user", " a"), ("amount", "5"), ("not_after", "7")],
                r#"{"cmd":"withdraw","user":" a","amount":5,"not_after":7}"#,
            ),
            (
                &[
                    ("cmd", "transfer"),
                    ("from", "a"),
                    ("to", "\"b\""),
                    ("amount", "5"),
                    ("tx_id", "t"),
                ],
                r#"{"cmd":"transfer","from":"a","to":"\"b\"","amount":5,"tx_id":"t"}"#,
            ),
            (
                &[
                    ("tx", "init"),
                    ("to", "a"),
                    ("amount", "-2"),
                    ("balance_to", "7"),
                    ("tx_id", "i"),
                ],
                r#"{"cmd":"init_accounts","accounts":{"a":7},"tx_id":"i"}"#,
            ),
        ] {
            let read = read(cells);
            assert_eq!(read, row::of_request(request.as_bytes()).map(Row::Write), "{cells:?}");
        }
        assert_eq!(read(&[("tx", "void"), ("amount", "")]), Ok(Row::Skip));
    }

    #[test]
    fn what_is_wrong_with_a_row_is_said() {
        for (cells, fault) in [
            (&[("amount", "5")][..], "neither a tx nor a cmd"),
            (&[("cmd", "refused"), ("amount", "5")], "unknown cmd"),
            (&[("cmd", "deposit"), ("tx", "withdraw")], "different things"),
            (&[("cmd", "deposit"), ("user", "a"), ("to", "b")], "different things"),
            (&[("cmd", "deposit"), ("user", "a")], "missing field: 'amount'"),
            (&[("cmd", "deposit"), ("user", "a"), ("amount", " 5")], "whole number"),
            (&[("cmd", "init"), ("user", "a"), ("amount", "5")], "balance_to is missing"),
            (&[("cmd", "deposit"), (" user", "a"), ("amount", "5")], "blanks around"),
            (&[("amount", "5"), ("amount", "5")], "twice"),
        ] {
            let told = read(cells).unwrap_err();
            assert!(told.contains(fault), "{cells:?}: {told}");
        }
    }
}
