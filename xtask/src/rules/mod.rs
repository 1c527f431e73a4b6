//! The repository's own rules: a table of checks, each a pure function over the repository, each in a
//! module of its own with samples that it must refuse.

mod banned;
mod decisions;
mod edges;
mod fences;
mod inherits;
mod leftovers;
mod length;
mod manifest;
mod readmes;
mod seams;
mod vendored;
mod words;

use anyhow::Result;

use crate::cargo;
use crate::repository::Repository;
use crate::tally::Tally;

/// What a rule says about the files: one line per fault, with the path first.
type Faults = Vec<String>;

/// A rule's name and its check.
type Rule = (&'static str, fn(&Repository) -> Faults);

const RULES: &[Rule] = &[
    ("crates depend only along the table of rooms", edges::check),
    ("a room names only the libraries inside its fence", fences::check),
    ("nothing is built from a banned package", banned::check),
    ("every crate inherits the workspace's package fields and lints", inherits::check),
    ("only listed traits cross crates", seams::check),
    ("no file is longer than 600 lines", length::check),
    ("no leftovers", leftovers::check),
    ("no machine's paths, and the project speaks of itself alone", words::check),
    ("decision records are numbered without gaps", decisions::check),
    ("both READMEs are one document", readmes::check),
    ("files of others are what their table says", vendored::check),
];

/// `cargo xtask rules`. `Ok(false)` when a rule found a fault.
pub fn run() -> Result<bool> {
    let tally = check_all(&Repository::read(&cargo::root()?)?);
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(tally.failed == 0)
}

/// Checks every rule and prints what it found; a rule counts as one test.
pub fn check_all(repository: &Repository) -> Tally {
    let mut tally = Tally::default();
    for (name, check) in RULES {
        let faults = check(repository);
        if faults.is_empty() {
            println!("   ok      {name}");
            tally.passed += 1;
        } else {
            println!("   FAILED  {name}");
            for fault in &faults {
                println!("           {fault}");
            }
            tally.failed += 1;
        }
    }
    tally
}
