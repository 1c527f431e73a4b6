//! What was typed, over the environment, over the files, over the defaults: the parser's own order,
//! into which the files enter as defaults of this run.

use std::env;
use std::error::Error as _;
use std::ffi::OsString;
use std::path::Path;

use clap::builder::{BoolishValueParser, Resettable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use super::known::{self, Check, Known, Shape};
use super::layers::Layers;
use crate::cli::Cli;
use crate::failure::Failure;

/// Verbs that must answer whatever a file holds: they are what one turns to when it is wrong.
const WITHOUT_FILES: [&str; 4] = ["help", "version", "completions", "man"];

/// The verb that tells what is wrong in the files, and so goes on where others stop.
const TELLS_FAULTS: &str = "config";

/// What was typed cannot be done.
#[derive(Debug)]
pub enum Stop {
    /// It cannot be understood, or help was asked for.
    Usage(clap::Error),
    /// A file of the configuration is wrong.
    Configuration(Failure),
}

/// Understands a command line, its first word included.
///
/// Reads the files the first time; afterwards they stay as they were.
pub fn parse(words: &[OsString]) -> Result<Cli, Stop> {
    let typed = definition(None).try_get_matches_from(words).map_err(Stop::Usage)?;
    let cli = Cli::from_arg_matches(&typed).map_err(Stop::Usage)?;
    let verb = typed.subcommand_name().unwrap_or_default();
    if WITHOUT_FILES.contains(&verb) {
        return Ok(cli);
    }
    let layers = match super::layers() {
        Some(layers) => layers,
        None => {
            let named = cli.config.as_deref().map(|path| (path, is_typed(&typed)));
            super::keep(read(named, verb)?)
        }
    };
    if layers.iter().next().is_none() {
        return Ok(cli);
    }
    let typed = definition(Some(layers)).try_get_matches_from(words).map_err(Stop::Usage)?;
    Cli::from_arg_matches(&typed).map_err(Stop::Usage)
}

fn read(named: Option<(&Path, bool)>, verb: &str) -> Result<Layers, Stop> {
    let mut layers = Layers::of_this_run(named);
    if !layers.faults.is_empty() && verb != TELLS_FAULTS {
        return Err(Stop::Configuration(layers.faults.remove(0)));
    }
    Ok(layers)
}

fn is_typed(typed: &ArgMatches) -> bool {
    typed.value_source("config") == Some(ValueSource::CommandLine)
}

/// The parser, with what the files say in the place of the defaults. An empty variable counts as not
/// set, and a switch takes every word for yes and no.
pub fn definition(layers: Option<&Layers>) -> Command {
    each_arg(Cli::command(), &|arg| feed(arg, layers))
}

fn each_arg(command: Command, change: &impl Fn(Arg) -> Arg) -> Command {
    command.mut_args(change).mut_subcommands(|below| each_arg(below, change))
}

fn feed(arg: Arg, layers: Option<&Layers>) -> Arg {
    let variable = arg.get_env().and_then(|variable| variable.to_str()).map(str::to_owned);
    let Some(variable) = variable else { return arg };
    let arg = match known::shape_of(&arg) {
        Shape::Switch => arg.value_parser(BoolishValueParser::new()),
        Shape::One | Shape::Many => arg,
    };
    let is_empty = env::var_os(&variable).is_some_and(|value| value.is_empty());
    let arg = if is_empty { arg.env(Resettable::Reset) } else { arg };
    let key = known::key_of(&variable);
    match key.and_then(|key| layers?.get(&key)) {
        Some(given) => arg.required(false).default_values(given.values.clone()),
        None => arg,
    }
}

/// Whether a value is good for a key. Errors: what is needed.
pub fn check(known: &Known, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err("leave it out where it is not meant".to_owned());
    }
    let (verb, flag) = match &known.check {
        Check::By(check) => return check(value),
        Check::Flag { verb, flag } => (verb.as_deref().unwrap_or_default(), flag),
    };
    if known.shape == Shape::Switch {
        let words = BoolishValueParser::new();
        let parsed = clap::builder::TypedValueParser::parse_ref(
            &words,
            &Command::new("check"),
            None,
            value.as_ref(),
        );
        return parsed.map(|_| ()).map_err(|_| "give true or false".to_owned());
    }
    // The environment of this run must not answer for the value.
    let command = each_arg(Cli::command(), &|arg| arg.env(Resettable::Reset));
    let words = ["saldo"].into_iter().chain(verb.split_whitespace()).map(str::to_owned);
    match command.try_get_matches_from(words.chain([format!("{flag}={value}")])) {
        // Other words that the verb needs are not at stake here.
        Err(error) if is_about_the_value(error.kind()) => Err(needed(&error)),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn is_about_the_value(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::InvalidUtf8)
}

/// What the parser says is needed.
fn needed(error: &clap::Error) -> String {
    if let Some(source) = error.source() {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) => format!("it can be {}", values.join(", ")),
        _ => "it is no value for this key".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_value_is_said_as_its_flag_says_it() {
        let known = known::all();
        let refused = |key: &str, value: &str| check(&known[key], value).unwrap_err();
        assert_eq!(refused("connections_max", "0"), "0 is not in 1..=4294967295");
        assert!(refused("drain", "5").starts_with("give a whole number and a unit"));
        assert_eq!(refused("server", "here"), "it names no port");
        assert_eq!(refused("color", "blue"), "it can be auto, always, never");
        assert_eq!(refused("unreplicated", "perhaps"), "give true or false");
        for (key, value) in [("drain", "5s"), ("listen", "127.0.0.1:0"), ("output", "json")] {
            check(&known[key], value).unwrap();
        }
    }
}
