//! Where a value came from: its flag, its variable, a file (`config`), or the default. Errors name the origin, so that
//! nobody looks for a typing mistake that stands in the environment.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::config::{self, Place};
use crate::failure::Failure;
use crate::output::text;

/// A value and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The text as it was given.
    pub value: String,
    /// Who gave it.
    pub origin: Origin,
}

/// What was said once for every line of a prompt, by the variable whose place it takes.
static FOR_ALL_LINES: Mutex<BTreeMap<&'static str, Setting>> = Mutex::new(BTreeMap::new());

/// From now on this counts more than the variable; `None`: it does no longer.
pub fn for_all_lines(variable: &'static str, setting: Option<Setting>) {
    let mut said = FOR_ALL_LINES.lock().unwrap_or_else(PoisonError::into_inner);
    match setting {
        Some(setting) => drop(said.insert(variable, setting)),
        None => drop(said.remove(variable)),
    }
}

fn said_for_all_lines(variable: &str) -> Option<Setting> {
    FOR_ALL_LINES.lock().unwrap_or_else(PoisonError::into_inner).get(variable).cloned()
}

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This flag.
    Flag(&'static str),
    /// This environment variable.
    Variable(&'static str),
    /// This line of a file.
    File(&'static Place),
    /// Nobody.
    Default,
}

impl Setting {
    /// The first of: the flag's value, what was said once for all lines, the variable's value, what a file says about that setting,
    /// the default. An empty variable counts as not set. Errors: the variable holds something that is no UTF-8.
    pub fn pick(
        flag: (&'static str, Option<String>),
        variable: &'static str,
        default: &str,
    ) -> Result<Self, Failure> {
        if let (name, Some(value)) = flag {
            return Ok(Self { value, origin: Origin::Flag(name) });
        }
        if let Some(setting) = said_for_all_lines(variable) {
            return Ok(setting);
        }
        match env::var(variable) {
            Ok(value) if !value.is_empty() => {
                Ok(Self { value, origin: Origin::Variable(variable) })
            }
            Ok(_) | Err(env::VarError::NotPresent) => Ok(match config::given(variable) {
                Some(given) => {
                    Self { value: given.values.join(","), origin: Origin::File(&given.place) }
                }
                None => Self { value: default.to_owned(), origin: Origin::Default },
            }),
            Err(env::VarError::NotUnicode(_)) => {
                Err(Failure::usage(format!("{variable} holds something that is no UTF-8")))
            }
        }
    }

    /// The failure that this value is none: `needed` says what would be one.
    pub fn refuse(&self, needed: &str) -> Failure {
        let value = text::quoted(&self.value);
        Failure::usage(match self.origin {
            Origin::Flag(flag) => format!("{flag} {value}: {needed}"),
            Origin::Variable(variable) => format!("{variable} is {value}: {needed}"),
            Origin::File(place) => format!("{place}: {value}: {needed}"),
            Origin::Default => format!("{value}: {needed}"),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "from {flag}"),
            Self::Variable(variable) => write!(f, "from {variable}"),
            Self::File(place) => write!(f, "from {place}"),
            Self::Default => f.write_str("the default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_comes_before_the_default_and_says_where_it_came_from() {
        let given = ("--server", Some("here:1".to_owned()));
        let setting = Setting::pick(given, "SALDO_TEST_UNSET", "there:2").unwrap();
        assert_eq!((setting.value.as_str(), setting.origin), ("here:1", Origin::Flag("--server")));
        let setting = Setting::pick(("--server", None), "SALDO_TEST_UNSET", "there:2").unwrap();
        assert_eq!((setting.value.as_str(), setting.origin), ("there:2", Origin::Default));
    }

    #[test]
    fn a_variable_comes_before_the_default() {
        // Every process that runs tests has a PATH.
        let setting = Setting::pick(("--server", None), "PATH", "there:2").unwrap();
        assert_eq!(setting.origin, Origin::Variable("PATH"));
        assert_eq!(setting.origin.to_string(), "from PATH");
    }

    #[test]
    fn a_bad_value_is_refused_by_the_name_of_its_origin() {
        let refused = |origin| Setting { value: "x".into(), origin }.refuse("it is no y");
        assert_eq!(refused(Origin::Flag("--a")).parts().2, "--a \"x\": it is no y");
        assert_eq!(refused(Origin::Variable("A")).parts().2, "A is \"x\": it is no y");
    }
}
