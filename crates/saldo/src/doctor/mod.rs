//! Looks at what a bank stands on before there is trouble: its folder, the disk, the machine, the ports.
//! Needs no server, disturbs none, and repairs nothing.

mod folder;
mod history;
mod machine;
mod ports;

use std::path::{Path, PathBuf};

use serde::Serialize;

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and may not for long.
    Warn,
    /// The bank does not start on it, or is not safe on it.
    Fail,
}

/// What was looked at, and how it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it is.
    pub state: State,
    /// What was looked at.
    pub item: &'static str,
    /// What was found.
    pub found: String,
    /// What to do, where there is something to do.
    pub advice: Option<String>,
}

/// What is to be looked at.
#[derive(Debug)]
pub struct Examination<'e> {
    /// The data folder.
    pub data: &'e Path,
    /// Where clients are to connect, and browsers.
    pub addresses: [(&'static str, &'e str); 2],
    /// Files that must be readable: what each is for, its path, whether it is a secret.
    pub files: Vec<(&'static str, PathBuf, bool)>,
    /// The time, in microseconds since the Unix epoch.
    pub now_us: u64,
}

impl Finding {
    fn ok(item: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Ok, item, found: found.into(), advice: None }
    }

    fn warn(item: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Warn, item, found: found.into(), advice: Some(advice.into()) }
    }

    fn fail(item: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Fail, item, found: found.into(), advice: Some(advice.into()) }
    }
}

impl State {
    /// How it is shown.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Ok => "[ok]",
            Self::Warn => "[warn]",
            Self::Fail => "[fail]",
        }
    }
}

/// Looks at all of it, in the order in which a start needs it.
pub fn examine(asked: &Examination<'_>) -> Vec<Finding> {
    let mut findings = folder::examine(asked.data);
    findings.extend(history::examine(asked.data, asked.now_us));
    findings.extend(machine::examine());
    findings
        .extend(asked.files.iter().map(|(item, path, secret)| folder::file(item, path, *secret)));
    findings.extend(asked.addresses.map(|(item, address)| ports::examine(item, address)));
    findings
}
