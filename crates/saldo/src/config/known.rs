//! Which keys there are: every flag that a variable stands for, as the parser defines it, and the few
//! settings that are read by hand.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Args as _, Command, ValueEnum as _};

use crate::cli::Cli;
use crate::output::{Format, OutputArgs};
use crate::progress::{ProgressArgs, When};
use crate::server::{self, ServerArgs};
use crate::{duration, serve};

/// What every variable of this program begins with.
pub(super) const PREFIX: &str = "SALDO_";

/// The variable that names a file; a file cannot name itself.
const NAMES_A_FILE: &str = "SALDO_CONFIG";

/// A key of a file.
#[derive(Clone, Debug)]
pub struct Known {
    /// As it stands in a file: the long flag with `_` for `-`.
    pub key: String,
    /// The variable that stands for it.
    pub variable: String,
    /// What it is when nobody says otherwise; `None`: nothing.
    pub default: Option<String>,
    /// What a value of it is.
    pub shape: Shape,
    /// Whether its value is shown to nobody, and so stands in no file.
    pub is_secret: bool,
    /// Who knows whether a value is good.
    pub(super) check: Check,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// True or false.
    Switch,
    /// One text or whole number.
    One,
    /// Any number of them.
    Many,
}

/// Who knows whether a value is good.
#[derive(Clone, Debug)]
pub(super) enum Check {
    /// The parser, for this verb (none: for all) and this flag.
    Flag { verb: Option<String>, flag: String },
    /// This function; it tells what is needed.
    By(fn(&str) -> Result<(), String>),
}

/// A setting that the parser does not fill in.
struct ByHand {
    key: &'static str,
    default: Option<&'static str>,
    is_secret: bool,
    check: fn(&str) -> Result<(), String>,
}

const BY_HAND: &[ByHand] = &[
    ByHand { key: "server", default: Some(server::DEFAULT), is_secret: false, check: is_address },
    ByHand { key: "timeout", default: Some(server::TIMEOUT), is_secret: false, check: is_time },
    ByHand { key: "output", default: None, is_secret: false, check: is_format },
    ByHand { key: "progress", default: Some("auto"), is_secret: false, check: is_moment },
    ByHand { key: "log", default: Some("info"), is_secret: false, check: is_filter },
    ByHand { key: "log_format", default: None, is_secret: false, check: is_log_format },
    ByHand { key: "environment", default: None, is_secret: false, check: is_environment },
    ByHand { key: "token", default: None, is_secret: true, check: |_| Ok(()) },
];

/// Every key, in the order of the alphabet.
pub fn all() -> BTreeMap<String, Known> {
    let mut known = BTreeMap::new();
    for setting in BY_HAND {
        let one = Known {
            key: setting.key.to_owned(),
            variable: variable_of(setting.key),
            default: setting.default.map(str::to_owned),
            shape: Shape::One,
            is_secret: setting.is_secret,
            check: Check::By(setting.check),
        };
        known.insert(one.key.clone(), one);
    }
    let command = <Cli as clap::CommandFactory>::command();
    for arg in command.get_arguments() {
        add(&mut known, None, arg);
    }
    // A flag that several verbs have is checked as `serve` has it.
    let (serve, others): (Vec<_>, Vec<_>) =
        command.get_subcommands().partition(|verb| verb.get_name() == "serve");
    for verb in serve.into_iter().chain(others) {
        add_all(&mut known, verb.get_name(), verb);
    }
    // Flags of the client that are read by hand and stand in no list.
    let by_hand = OutputArgs::augment_args(ProgressArgs::augment_args(ServerArgs::augment_args(
        Command::new("client"),
    )));
    for arg in by_hand.get_arguments().filter(|arg| arg.get_env().is_none()) {
        add_client_flag(&mut known, arg);
    }
    known
}

/// The key that a variable stands for; `None`: it is no variable of this program.
pub fn key_of(variable: &str) -> Option<String> {
    (variable != NAMES_A_FILE).then(|| variable.strip_prefix(PREFIX))?.map(str::to_ascii_lowercase)
}

/// The variable that stands for a key.
fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase())
}

fn add_all(known: &mut BTreeMap<String, Known>, path: &str, command: &Command) {
    for arg in command.get_arguments() {
        add(known, Some(path), arg);
    }
    for below in command.get_subcommands() {
        add_all(known, &format!("{path} {}", below.get_name()), below);
    }
}

/// Adds what a variable stands for.
fn add(known: &mut BTreeMap<String, Known>, verb: Option<&str>, arg: &Arg) {
    let variable = arg.get_env().and_then(|variable| variable.to_str());
    let Some((variable, key)) = variable.and_then(|name| Some((name, key_of(name)?))) else {
        return;
    };
    // A word without a flag, such as the folder of `verify`, is what a flag of `serve` is.
    let Some(flag) = arg.get_long() else { return };
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    known.entry(key.clone()).or_insert_with(|| Known {
        key,
        variable: variable.to_owned(),
        default: (!defaults.is_empty()).then(|| defaults.join(",")),
        shape: shape_of(arg),
        is_secret: arg.is_hide_env_values_set(),
        check: Check::Flag { verb: verb.map(str::to_owned), flag: format!("--{flag}") },
    });
}

fn add_client_flag(known: &mut BTreeMap<String, Known>, arg: &Arg) {
    let Some(flag) = arg.get_long().filter(|_| arg.get_action().takes_values()) else { return };
    let key = flag.replace('-', "_");
    known.entry(key.clone()).or_insert_with(|| Known {
        variable: variable_of(&key),
        key,
        default: None,
        shape: shape_of(arg),
        is_secret: arg.is_hide_env_values_set(),
        check: Check::By(|_| Ok(())),
    });
}

/// What a value of this flag is.
pub(super) fn shape_of(arg: &Arg) -> Shape {
    let action = arg.get_action();
    if matches!(action, ArgAction::SetTrue | ArgAction::SetFalse) {
        return Shape::Switch;
    }
    let takes_many = arg.get_num_args().is_some_and(|count| count.max_values() > 1);
    if takes_many || matches!(action, ArgAction::Append) { Shape::Many } else { Shape::One }
}

fn is_address(text: &str) -> Result<(), String> {
    client::Address::parse(text).map(|_| ()).map_err(|fault| fault.to_string())
}

fn is_time(text: &str) -> Result<(), String> {
    duration::parse_flag(text).map(|_| ()).map_err(str::to_owned)
}

fn is_format(text: &str) -> Result<(), String> {
    Format::from_str(text, false).map(|_| ()).map_err(|_| Format::NEEDED.to_owned())
}

fn is_moment(text: &str) -> Result<(), String> {
    When::from_str(text, false).map(|_| ()).map_err(|_| When::NEEDED.to_owned())
}

fn is_filter(text: &str) -> Result<(), String> {
    serve::log::filter(text).map(|_| ())
}

fn is_log_format(text: &str) -> Result<(), String> {
    serve::log::is_text_by(text).map(|_| ()).ok_or_else(|| serve::log::FORMAT_NEEDED.to_owned())
}

fn is_environment(text: &str) -> Result<(), String> {
    let is_word = !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_word.then_some(()).ok_or_else(|| "give a word, such as production".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_of_serve_is_a_key_of_its_name_and_its_variable_as_well() {
        let command = <Cli as clap::CommandFactory>::command();
        let serve = command.find_subcommand("serve").unwrap();
        let known = all();
        for arg in serve.get_arguments().filter(|arg| !arg.is_global_set()) {
            let key = arg.get_long().unwrap().replace('-', "_");
            let one = known.get(&key).unwrap_or_else(|| panic!("--{key} has no variable"));
            assert_eq!(one.variable, variable_of(&key));
        }
    }

    #[test]
    fn the_settings_of_clients_are_keys_and_the_name_of_a_file_is_none() {
        let known = all();
        for key in ["server", "timeout", "output", "progress", "log", "environment", "data"] {
            assert!(known.contains_key(key), "{key}");
        }
        assert!(!known.contains_key("config"));
        assert_eq!(known["server"].default.as_deref(), Some("127.0.0.1:5000"));
        assert_eq!(known["connections_max"].default.as_deref(), Some("10000"));
        assert_eq!(known["unreplicated"].shape, Shape::Switch);
    }
}
