//! Every key with its value and where that came from, as `saldo config show` prints it.

use std::env;

use serde::Serialize;

use super::file::{fault, unknown};
use super::known::{self, Known};
use super::layers::Layers;
use crate::failure::Failure;
use crate::output::{Answer, Output, Rows, json_line, table, text, tsv};
use crate::serve::database;
use crate::setting::Origin;

/// What is shown of a secret.
const MASK: &str = "********";

/// A key with what it is here.
#[derive(Serialize)]
struct Value {
    key: String,
    variable: String,
    value: Option<String>,
    /// `variable`, `file` or `default`.
    origin: &'static str,
    /// The file and its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    files: Vec<String>,
    items: &'a [Value],
}

/// Shows these keys; none: all. Errors: a file is wrong, a key is none.
pub fn run(layers: &Layers, keys: &[String], origin: bool, output: Output) -> Result<(), Failure> {
    if let Some(wrong) = layers.faults.first() {
        return Err(fault(wrong.text()).hint("saldo config check tells all that is wrong"));
    }
    let known = known::all();
    let values = if keys.is_empty() {
        known.values().map(|known| value_of(known, layers)).collect::<Result<Vec<_>, _>>()?
    } else {
        let named = |key: &String| match known.get(key) {
            Some(known) => value_of(known, layers),
            None => Err(unknown("", key, &known)),
        };
        keys.iter().map(named).collect::<Result<Vec<_>, _>>()?
    };
    output.print(&answer(&values, origin, layers)?)
}

fn answer(values: &[Value], origin: bool, layers: &Layers) -> Result<Answer, Failure> {
    let columns: &[&str] = if origin { &["key", "value", "origin"] } else { &["key", "value"] };
    let mut answer = Answer { rows: Rows::of(columns), ..Answer::default() };
    let mut lines = Vec::new();
    for one in values {
        let value = one.value.as_deref().unwrap_or_default();
        let shown = if value.is_empty() { "-".into() } else { text::message(value) };
        let mut row = vec![one.key.clone(), value.to_owned()];
        let mut line = vec![one.key.clone(), shown.into_owned()];
        if origin {
            row.push(one.from());
            line.push(text::message(&one.from()).into_owned());
        }
        answer.rows.add(row);
        lines.push(line);
        tsv::row(&mut answer.bare, [value]);
    }
    answer.table = table::columns(lines.into_iter(), &vec![table::Align::Left; columns.len()]);
    let files = layers.files.iter().map(|file| file.display().to_string()).collect();
    answer.json = json_line(&Document { schema: "saldo.config/1", files, items: values })?;
    Ok(answer)
}

impl Value {
    /// Where it came from, in words.
    fn from(&self) -> String {
        match (&self.place, self.origin) {
            (Some(place), _) => format!("from {place}"),
            (None, "variable") => format!("from {}", self.variable),
            (None, _) => Origin::Default.to_string(),
        }
    }
}

/// What a key is here. Errors: its variable holds something that is no UTF-8.
fn value_of(known: &Known, layers: &Layers) -> Result<Value, Failure> {
    let given = layers.get(&known.key);
    let (value, origin, place) = match (variable(known)?, given) {
        (Some(value), _) => (Some(value), "variable", None),
        (None, Some(given)) => {
            (Some(given.values.join(",")), "file", Some(given.place.to_string()))
        }
        (None, None) => (known.default.clone(), "default", None),
    };
    let value = value.map(|value| match database::without_password(&value) {
        _ if known.is_secret => MASK.to_owned(),
        Some(shown) => shown,
        None => value,
    });
    let (key, variable) = (known.key.clone(), known.variable.clone());
    Ok(Value { key, variable, value, origin, place })
}

/// What the variable of a key holds; an empty one counts as not set. Errors: it is no UTF-8.
pub fn variable(known: &Known) -> Result<Option<String>, Failure> {
    match env::var(&known.variable) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(fault(format!("{} holds something that is no UTF-8", known.variable)))
        }
    }
}
