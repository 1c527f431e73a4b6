//! `cargo xtask counts`: how many instructions each of the hottest operations takes, beside what is
//! recorded. Time is noisy on a busy machine; instructions are not.
//!
//! An operation is run by an example of its crate so many times and then twice as many; the
//! difference, divided, is the count of one, without the start of the program and whatever it
//! prepares. `valgrind` counts.
//! Not here: what an operation does (`crates/*/examples/count_*.rs`).
//!
//! **Invariant:** only `--record` changes the record.

mod program;
mod record;

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::needs::{self, Need};
use program::Programs;
use record::Record;

/// What counts.
pub const VALGRIND: Need =
    Need { program: "valgrind", package: "valgrind", purpose: "counting instructions" };

/// An operation that is counted.
struct Operation {
    /// The crate whose example runs it.
    package: &'static str,
    /// Its name there.
    name: &'static str,
    /// How often it is run: often enough that what happens now and then, such as a table that
    /// grows, has its share.
    times: u64,
}

const OPERATIONS: &[Operation] = &[
    Operation { package: "protocol", name: "parse-transfer", times: 2_000 },
    Operation { package: "protocol", name: "parse-transfer-spaced", times: 2_000 },
    Operation { package: "protocol", name: "parse-transfer-escaped", times: 2_000 },
    Operation { package: "protocol", name: "parse-balance", times: 2_000 },
    Operation { package: "protocol", name: "find-64-lines", times: 200 },
    Operation { package: "protocol", name: "reply-transfer", times: 2_000 },
    Operation { package: "protocol", name: "reply-balance", times: 2_000 },
    Operation { package: "ledger", name: "decide-transfer", times: 2_000 },
    Operation { package: "journal", name: "stage-transfer", times: 4_096 },
    Operation { package: "journal", name: "seal-16-kib", times: 100 },
    Operation { package: "engine", name: "execute-transfer", times: 4_096 },
    Operation { package: "engine", name: "execute-balance", times: 4_096 },
];

/// How much a count may grow, in percent, before the check fails.
const GROWTH_PERCENT_MAX: u64 = 3;

/// What to do with the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Compare them with the record.
    Check,
    /// Make them the record.
    Record,
}

/// How an operation's count stands to the recorded one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    /// No more than it may be; the change in percent.
    Within(f64),
    /// Grown too much; the change in percent.
    Grown(f64),
    /// Nothing is recorded.
    Unrecorded,
}

/// Counts every operation. `Ok(false)` when one has grown too much, or is not recorded.
pub fn run(purpose: Purpose) -> Result<bool> {
    if !needs::provide(&[VALGRIND])? {
        return Ok(false);
    }
    count_all(purpose)
}

/// The check as a step of the tests: left out, in so many words, where nothing can count.
pub fn check_where_possible() -> Result<bool> {
    if needs::find(VALGRIND.program).is_none() && !needs::provide(&[VALGRIND])? {
        println!("left out: there is no valgrind on this machine, so nothing was counted");
        return Ok(true);
    }
    count_all(Purpose::Check)
}

fn count_all(purpose: Purpose) -> Result<bool> {
    let root = cargo::root()?;
    let path = root.join(record::PATH);
    let before = Record::read(&path)?;
    let machine = program::machine();
    let is_comparable = before.machine == machine;
    if purpose == Purpose::Check && !is_comparable {
        println!("left out: recorded on «{}», and this is «{machine}»", before.machine);
        return Ok(true);
    }
    let programs = Programs::build(&root, OPERATIONS.iter().map(|operation| operation.package))?;
    let mut now = Record::new(machine);
    let mut success = true;
    println!("{:<36} {:>10} {:>10} {:>8}", "instructions", "recorded", "now", "change");
    for Operation { package, name, times } in OPERATIONS {
        let key = format!("{package}/{name}");
        let count = programs.count(package, name, *times).with_context(|| key.clone())?;
        let recorded = before.counts.get(&key).copied().filter(|_| is_comparable);
        let shown = recorded.map_or_else(|| "–".to_owned(), |recorded| recorded.to_string());
        let standing = standing(recorded, count);
        success &= matches!(standing, Standing::Within(_));
        println!("{key:<36} {shown:>10} {count:>10} {:>8}", said(standing));
        now.counts.insert(key, count);
    }
    if purpose == Purpose::Record {
        now.write(&path)?;
        println!("recorded in {}", record::PATH);
        return Ok(true);
    }
    if let Some(key) = before.counts.keys().find(|key| !now.counts.contains_key(*key)) {
        bail!("{}: {key} is recorded, and no operation: record anew", record::PATH);
    }
    if !success {
        eprintln!("error: an operation takes over {GROWTH_PERCENT_MAX} % more than recorded");
        eprintln!("  hint: if it is worth it, `cargo xtask counts --record`, and say why");
    }
    Ok(success)
}

fn standing(recorded: Option<u64>, now: u64) -> Standing {
    let Some(recorded) = recorded else { return Standing::Unrecorded };
    // Only shown; the bound is held in whole numbers.
    let change_percent = (now as f64 / recorded.max(1) as f64 - 1.0) * 100.0;
    if now.saturating_mul(100) > recorded.saturating_mul(100 + GROWTH_PERCENT_MAX) {
        Standing::Grown(change_percent)
    } else {
        Standing::Within(change_percent)
    }
}

fn said(standing: Standing) -> String {
    match standing {
        Standing::Within(percent) => format!("{percent:+.1} %"),
        Standing::Grown(percent) => format!("{percent:+.1} % GROWN"),
        Standing::Unrecorded => "unrecorded".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{OPERATIONS, Standing, standing};

    #[test]
    fn a_count_may_grow_by_three_percent_and_shrink_by_anything() {
        assert!(matches!(standing(Some(1_000), 1_030), Standing::Within(_)));
        assert!(matches!(standing(Some(1_000), 1_031), Standing::Grown(_)));
        assert!(matches!(standing(Some(1_000), 10), Standing::Within(_)));
        assert_eq!(standing(None, 10), Standing::Unrecorded);
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let mut names: Vec<_> = OPERATIONS.iter().map(|one| (one.package, one.name)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPERATIONS.len());
    }
}
