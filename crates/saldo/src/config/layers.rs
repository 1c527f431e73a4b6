//! Files that lie one over the other: the first that has a key decides it.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use super::file;
use super::known::{self, Known};
use crate::failure::Failure;

/// The file of the machine.
const OF_THE_MACHINE: &str = "/etc/saldo/config.toml";

/// The file of a person, in the folder for such files.
const OF_THE_PERSON: &str = "saldo/config.toml";

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// Whether a flag named the file, so that only this run knows of it.
    pub is_by_flag: bool,
}

/// What a file gives to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// As a flag would have it; several only where the flag takes several.
    pub values: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// A file that is to be read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it has to be there: somebody named it.
    pub is_named: bool,
    /// Whether a flag named it.
    pub is_by_flag: bool,
}

/// What all files say, and what is wrong in them.
#[derive(Debug, Default)]
pub struct Layers {
    given: BTreeMap<String, Given>,
    /// The files that were read, the one that decides first.
    pub files: Vec<PathBuf>,
    /// What is wrong, file by file, line by line.
    pub faults: Vec<Failure>,
}

impl Layers {
    /// Reads the files of this run. `named`: the file that a flag or a variable names, and whether it
    /// was the flag.
    pub fn of_this_run(named: Option<(&Path, bool)>) -> Self {
        Self::read(&sources(named, |name| env::var_os(name).map(PathBuf::from)), &known::all())
    }

    /// Reads these files, the one that decides first.
    pub fn read(sources: &[Source], known: &BTreeMap<String, Known>) -> Self {
        let mut layers = Self::default();
        for source in sources {
            let Some(found) = file::read(source, known) else { continue };
            layers.files.push(source.path.clone());
            layers.faults.extend(found.faults);
            for (key, given) in found.given {
                layers.given.entry(key).or_insert(given);
            }
        }
        layers
    }

    /// What the first file that has this key gives it.
    pub fn get(&self, key: &str) -> Option<&Given> {
        self.given.get(key)
    }

    /// Every key with what it is given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Given)> {
        self.given.iter().map(|(key, given)| (key.as_str(), given))
    }
}

/// The files of a run, the one that decides first. `variable`: the value of a variable as a path.
fn sources(
    named: Option<(&Path, bool)>,
    variable: impl Fn(&str) -> Option<PathBuf>,
) -> Vec<Source> {
    let mut sources = Vec::new();
    if let Some((path, is_by_flag)) = named {
        sources.push(Source { path: path.to_owned(), is_named: true, is_by_flag });
    }
    // As the XDG base directory specification has it: a path that is not absolute is none.
    let of_persons =
        variable("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute()).or_else(|| {
            variable("HOME").filter(|home| home.is_absolute()).map(|home| home.join(".config"))
        });
    let own = of_persons.map(|folder| folder.join(OF_THE_PERSON));
    for path in own.into_iter().chain([PathBuf::from(OF_THE_MACHINE)]) {
        sources.push(Source { path, is_named: false, is_by_flag: false });
    }
    sources
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_file_that_has_a_key_decides_it() {
        let folder = tempfile::tempdir().unwrap();
        let source = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            Source { path, is_named: false, is_by_flag: false }
        };
        let missing = folder.path().join("none.toml");
        let sources = [
            source("a.toml", "server = \"a:1\"\n"),
            Source { path: missing, is_named: false, is_by_flag: false },
            source("b.toml", "# of the machine\n\ntimeout = \"9s\"\nserver = \"b:1\"\n"),
        ];
        let layers = Layers::read(&sources, &known::all());
        assert!(layers.faults.is_empty(), "{:?}", layers.faults);
        assert_eq!(layers.files.len(), 2);
        assert_eq!(layers.get("server").unwrap().values, ["a:1"]);
        let timeout = layers.get("timeout").unwrap();
        assert_eq!((timeout.values[0].as_str(), timeout.place.line), ("9s", 3));
        assert!(layers.get("listen").is_none());
    }

    #[test]
    fn the_files_are_the_named_one_the_person_s_and_the_machine_s() {
        let paths = |named, variables: &[(&str, &str)]| -> Vec<String> {
            let variable = |name: &str| {
                let found = variables.iter().find(|one| one.0 == name);
                found.map(|one| PathBuf::from(one.1))
            };
            let sources = sources(named, variable);
            sources.iter().map(|source| source.path.display().to_string()).collect()
        };
        let named = Path::new("mine.toml");
        assert_eq!(
            paths(Some((named, true)), &[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]),
            ["mine.toml", "/x/saldo/config.toml", OF_THE_MACHINE]
        );
        for relative in ["", "x"] {
            assert_eq!(
                paths(None, &[("XDG_CONFIG_HOME", relative), ("HOME", "/h")]),
                ["/h/.config/saldo/config.toml", OF_THE_MACHINE]
            );
        }
        assert_eq!(paths(None, &[]), [OF_THE_MACHINE]);
    }
}
