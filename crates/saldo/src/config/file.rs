//! One file: flat `key = value` lines in TOML, read with the line on which each stands.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::known::{Known, Shape};
use super::layers::{Given, Place, Source};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::text;
use crate::serve::database;
use crate::unanswered::cause_of_io;

/// Most bytes of a file: far beyond every key with its longest value.
const BYTES_MAX: u64 = 1 << 20;

/// What was found in a file.
#[derive(Debug, Default)]
pub struct Found {
    /// Key by key.
    pub given: BTreeMap<String, Given>,
    /// What is wrong, line by line.
    pub faults: Vec<Failure>,
}

/// Reads a file; `None` where it is not there and need not be.
pub fn read(source: &Source, known: &BTreeMap<String, Known>) -> Option<Found> {
    let text = match bytes(&source.path) {
        Err(error) if error.kind() == ErrorKind::NotFound && !source.is_named => return None,
        // The way there leads over something that is no folder: so there is no file.
        Err(error) if error.kind() == ErrorKind::NotADirectory && !source.is_named => return None,
        Err(error) => {
            let text = format!("{} cannot be read: {}", source.path.display(), cause_of_io(&error));
            let faults = vec![fault(text)];
            return Some(Found { faults, ..Found::default() });
        }
        Ok(text) => text,
    };
    Some(Reading { source, text: &text, known }.read())
}

/// A fault of the configuration.
pub fn fault(text: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, "configuration", text)
}

fn bytes(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let count = File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if count as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// A file while it is read.
struct Reading<'a> {
    source: &'a Source,
    text: &'a str,
    known: &'a BTreeMap<String, Known>,
}

impl Reading<'_> {
    fn read(&self) -> Found {
        let mut found = Found::default();
        let table = match DeTable::parse(self.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let place = self.place(error.span().unwrap_or_default().start);
                found.faults.push(fault(format!("{place}: {}", text::message(error.message()))));
                return found;
            }
        };
        let mut keys: Vec<_> = table.iter().collect();
        keys.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in keys {
            let place = self.place(key.span().start);
            match self.values(key.get_ref(), value, &place) {
                Ok(values) => {
                    found.given.insert(key.get_ref().to_string(), Given { values, place });
                }
                Err(failure) => found.faults.push(failure),
            }
        }
        found
    }

    /// The place of a byte of the file.
    fn place(&self, at: usize) -> Place {
        let before = self.text.bytes().take(at);
        let line = 1 + before.filter(|byte| *byte == b'\n').count();
        let Source { path, is_by_flag, .. } = self.source;
        Place { file: path.clone(), line, is_by_flag: *is_by_flag }
    }

    /// What a key is given, as its flag would have it.
    fn values(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        place: &Place,
    ) -> Result<Vec<String>, Failure> {
        let Some(known) = self.known.get(key) else {
            return Err(unknown(&format!("{place}: "), key, self.known));
        };
        if known.is_secret {
            return Err(secret(&format!("{place}: {key} is a secret")));
        }
        let values = match (known.shape, value.get_ref()) {
            (Shape::Switch, DeValue::Boolean(is_on)) => vec![is_on.to_string()],
            (Shape::Switch, _) => return Err(fault(format!("{place}: {key}: give true or false"))),
            (Shape::Many, DeValue::Array(values)) => values
                .iter()
                .map(|value| scalar(value.get_ref()))
                .collect::<Option<_>>()
                .ok_or_else(|| fault(format!("{place}: {key}: give a list of texts")))?,
            (Shape::One | Shape::Many, value) => match scalar(value) {
                Some(value) => vec![value],
                None => {
                    let needed = "give a text in quotes or a whole number";
                    return Err(fault(format!("{place}: {key}: {needed}")));
                }
            },
        };
        if values.iter().any(|value| database::without_password(value).is_some()) {
            let failure = secret(&format!("{place}: {key} shows a password"));
            return Err(failure.hint("write it into a file of mode 0600: …/NAME?passfile=FILE"));
        }
        for value in &values {
            super::feed::check(known, value).map_err(|needed| {
                fault(format!("{place}: {key} is {}: {needed}", text::quoted(value)))
            })?;
        }
        Ok(values)
    }
}

/// The failure that there is no such key, with the nearest one. `at`: what stands before it.
pub fn unknown(at: &str, key: &str, known: &BTreeMap<String, Known>) -> Failure {
    let failure = fault(format!("{at}unknown key {}", text::quoted(key)));
    match nearest(key, known) {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure.hint("saldo config show lists every key"),
    }
}

fn secret(text: &str) -> Failure {
    fault(format!("{text}, and a configuration file holds none"))
        .hint("keep it in a file of its own, of mode 0600, and name that file")
}

/// A text or a whole number, as a flag has it.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|number| number.to_string()),
        DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}

/// The key that is nearest to a slip: the parser finds it as it finds verbs and flags.
fn nearest(key: &str, known: &BTreeMap<String, Known>) -> Option<String> {
    let keys = PossibleValuesParser::new(known.keys().cloned());
    let arg = Arg::new("key").required(true).allow_hyphen_values(true).value_parser(keys);
    let error =
        Command::new("keys").no_binary_name(true).arg(arg).try_get_matches_from([key]).err()?;
    let near = error.get(ContextKind::SuggestedValue)?;
    if let ContextValue::Strings(near) = near {
        return near.first().cloned();
    }
    if let ContextValue::String(near) = near { Some(near.clone()) } else { None }
}
