//! `cargo xtask replicated`: Saldo over a PostgreSQL with a synchronous standby, and a stored
//! procedure driven by pgbench on the same database, in turn, several rounds, in one run: every
//! commit on the standby before its answer, unique ids, the books compared at the end of each.

mod pgbench;
mod servers;
mod table;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::guard::{End, Guard};
use super::machine::Machine;
use super::{build_saldo, disk, document};
use crate::cargo;
use crate::database::{LocalDatabase, Machines};
use crate::needs::{self, Need};
use servers::Servers;

/// The document that keeps the last comparison.
const DOCUMENT: &str = "docs/operating-postgres.md";

const NEEDS: &[Need] = &[
    Need { program: "pg_ctl", package: "postgresql", purpose: "a primary and its standby" },
    Need { program: "pgbench", package: "postgresql", purpose: "the stored procedure" },
    Need { program: "psql", package: "postgresql-client", purpose: "its books" },
];

/// Accounts between which money moves.
const ACCOUNTS: u32 = 10_000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Pgbench { clients: u32 },
    Saldo { servers: usize, hot: bool },
}

/// In the order of the table.
const ROWS: [Row; 5] = [
    Row::Pgbench { clients: 16 },
    Row::Pgbench { clients: 64 },
    Row::Saldo { servers: 1, hot: false },
    Row::Saldo { servers: 2, hot: false },
    Row::Saldo { servers: 1, hot: true },
];

/// One run of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    per_second: u64,
    /// The median latency; the average where the load tells no more.
    latency: Duration,
}

impl Row {
    fn title(self) -> String {
        match self {
            Self::Pgbench { clients } => format!("a stored procedure, pgbench, {clients} clients"),
            Self::Saldo { servers: 1, hot: false } => "Saldo, 64 connections × 64".to_owned(),
            Self::Saldo { servers: 1, .. } => "Saldo, one hot account".to_owned(),
            Self::Saldo { servers, .. } => format!("Saldo, {servers} servers, 32 × 64 on each"),
        }
    }
}

/// Compares. `Ok(false)` when a program is missing.
pub fn run(words: &[&str]) -> Result<bool> {
    let (rounds, measured) = arguments(words)?;
    if !needs::provide(NEEDS)? {
        return Ok(false);
    }
    let root = cargo::root()?;
    build_saldo(&root)?;
    let saldo = cargo::target_folder(&root)?.join("release").join("saldo");
    let database = LocalDatabase::start(&root, Machines::Two)?;
    let mut guard = Guard::post(database.folder())?;
    for pid in database.pids()? {
        guard.watch(pid, End::Quit)?;
    }
    let machine = Machine::look(disk::look(database.folder())?)?;
    println!("machine: {}", machine.sentence());
    let procedure = pgbench::Procedure::make(&database, ACCOUNTS)?;
    let mut servers = Servers::start(&saldo, &database, &mut guard)?;
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); ROWS.len()];
    for round in 1..=rounds {
        for (row, runs) in ROWS.iter().zip(&mut runs) {
            let run = match *row {
                Row::Pgbench { clients } => procedure.drive(clients, measured),
                Row::Saldo { servers: count, hot } => servers.drive(count, hot, ACCOUNTS, measured),
            };
            let run = run.with_context(|| row.title())?;
            println!("round {round} of {rounds}, {}: {}/s", row.title(), run.per_second);
            runs.push(run);
        }
    }
    let version = procedure.version()?;
    servers.stop()?;
    drop(database);
    guard.dismiss()?;
    let table = table::markdown(rounds, measured, &version, &machine, &runs)?;
    println!("\n{table}\n");
    let path = root.join(DOCUMENT);
    let text = fs::read_to_string(&path).context(DOCUMENT)?;
    fs::write(&path, document::replace(&text, "replicated", &table).context(DOCUMENT)?)?;
    println!("kept in {DOCUMENT}");
    Ok(true)
}

fn arguments(words: &[&str]) -> Result<(u32, Duration)> {
    let (mut rounds, mut secs) = (3, 8);
    let mut words = words.iter();
    while let Some(flag) = words.next() {
        let value = words.next().with_context(|| format!("{flag} wants a value"))?;
        let number: u32 =
            value.parse().with_context(|| format!("{flag} must be a number, not {value}"))?;
        ensure!((1..=600).contains(&number), "{flag} must be a number from 1 to 600");
        match *flag {
            "--rounds" => rounds = number,
            "--secs" => secs = number,
            _ => bail!("unknown argument {flag}"),
        }
    }
    Ok((rounds, Duration::from_secs(secs.into())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::arguments;

    #[test]
    fn rounds_and_seconds_are_read_and_nonsense_is_refused() {
        assert_eq!(arguments(&[]).unwrap(), (3, Duration::from_secs(8)));
        let given = arguments(&["--secs", "2", "--rounds", "5"]).unwrap();
        assert_eq!(given, (5, Duration::from_secs(2)));
        for words in [&["--secs"][..], &["--secs", "0"], &["--secs", "x"], &["--other", "1"]] {
            assert!(arguments(words).is_err(), "{words:?}");
        }
    }
}
