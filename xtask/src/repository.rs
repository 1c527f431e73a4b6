//! The repository as the rules see it: every text file that git tracks or would track, and the
//! packages that it is built from, in memory. Not here: any rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use toml::Table;

use crate::cargo::cargo;

/// Paths from the root, with `/`, and the text of each file. What is no UTF-8 is left out.
pub struct Repository {
    files: BTreeMap<String, String>,
    packages: BTreeSet<String>,
}

/// A member of the workspace.
pub struct Member<'a> {
    /// Path of its `Cargo.toml`.
    pub manifest_path: &'a str,
    /// The package's name.
    pub name: String,
    /// Its `Cargo.toml`.
    pub manifest: Table,
}

impl Repository {
    /// Reads what git tracks, and what it would track once added.
    pub fn read(root: &Path) -> Result<Self> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("git ls-files")?;
        ensure!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
        let mut files = BTreeMap::new();
        for path in String::from_utf8(output.stdout)?.split_terminator('\0') {
            let absolute = root.join(path);
            if !absolute.is_file() {
                continue; // deleted and not yet committed
            }
            let bytes = std::fs::read(&absolute).with_context(|| path.to_owned())?;
            if let Ok(text) = String::from_utf8(bytes) {
                files.insert(path.to_owned(), text);
            }
        }
        Ok(Self { files, packages: packages(root)? })
    }

    /// Names of the packages that are compiled on this kind of machine, at any depth, tests
    /// included. `Cargo.lock` names more: what a feature that nobody asks for would bring.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(String::as_str)
    }

    /// Every file, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The Rust sources.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// The text of one file; a rule that needs it finds a missing file a fault.
    pub fn text(&self, path: &str) -> Result<&str, String> {
        self.files.get(path).map(String::as_str).ok_or_else(|| format!("{path} is missing"))
    }

    /// The members of the workspace, by path.
    pub fn members(&self) -> Result<Vec<Member<'_>>, String> {
        let mut members = Vec::new();
        for (path, text) in self.files() {
            if !path.ends_with("/Cargo.toml") {
                continue;
            }
            let manifest = parse(path, text)?;
            let name = manifest
                .get("package")
                .and_then(|package| package.get("name"))
                .and_then(|name| name.as_str())
                .ok_or_else(|| format!("{path} names no package"))?
                .to_owned();
            members.push(Member { manifest_path: path, name, manifest });
        }
        Ok(members)
    }

    /// A repository made of samples, for the tests of the rules.
    #[cfg(test)]
    pub fn of(samples: &[(&str, &str)]) -> Self {
        let own = |&(path, text): &(&str, &str)| (path.to_owned(), text.to_owned());
        Self { files: samples.iter().map(own).collect(), packages: BTreeSet::new() }
    }

    /// The same, built from these packages.
    #[cfg(test)]
    pub fn built_from(packages: &[&str]) -> Self {
        let packages = packages.iter().map(|&name| name.to_owned()).collect();
        Self { files: BTreeMap::new(), packages }
    }
}

fn packages(root: &Path) -> Result<BTreeSet<String>> {
    let output = cargo(root)
        .args(["tree", "--locked", "--workspace", "--edges", "all", "--prefix", "none"])
        .args(["--format", "{p}"])
        .output()
        .context("cargo tree")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

fn parse(path: &str, text: &str) -> Result<Table, String> {
    text.parse::<Table>().map_err(|error| format!("{path}: {error}"))
}
