//! `cargo xtask peers`: Saldo beside other ways to keep accounts, on this machine, in one run: the
//! same load, durable answers where the bank can give them, and the books compared afterwards.
//!
//! `banks` starts each bank; `workload`, `wire`, `lane` and `load` are the load; `room` and `guard`
//! see that nothing is left behind; `figures`, `table`, `plot` and `document` say what came out.

mod arguments;
mod banks;
mod disk;
mod document;
mod duplicate;
mod figures;
pub mod guard;
mod lane;
mod latency;
mod load;
mod machine;
mod plot;
pub mod replicated;
mod room;
mod table;
mod tigerbeetle;
mod wire;
mod workload;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cargo;
use crate::needs::{self, Need};
use arguments::Arguments;
use banks::{Bank, Books, Site};
use figures::{grouped, micros, rate};
use load::{Measured, Times};
use machine::Machine;
use workload::{OPENING, ROWS};

/// Not counted at the beginning of each row: connections warm up, and caches with them.
const WARM_UP: Duration = Duration::from_secs(1);

/// The document and the picture that keep the last comparison.
const DOCUMENT: &str = "docs/performance.md";
const PICTURE: &str = "docs/peers.svg";

/// What each bank needs.
fn need_of(bank: Bank) -> Option<Need> {
    let (program, package, purpose) = match bank {
        Bank::Saldo => return None,
        Bank::Redis => ("redis-server", "redis-server", "the comparison with Redis"),
        Bank::Postgres => ("initdb", "postgresql", "the comparison with PostgreSQL"),
        Bank::Original => ("python3", "python3", "the comparison with the original's design"),
    };
    Some(Need { program, package, purpose })
}

/// Compares. `Ok(false)` when a program is missing.
pub fn run(words: &[&str]) -> Result<bool> {
    let arguments = Arguments::parse(words)?;
    let needed: Vec<Need> = arguments.banks.iter().copied().filter_map(need_of).collect();
    if !needed.is_empty() && !needs::provide(&needed)? {
        return Ok(false);
    }
    let root = cargo::root()?;
    let target = cargo::target_folder(&root)?;
    build_saldo(&root)?;
    let site = Site {
        folder: target.join("peers"),
        saldo: target.join("release").join("saldo"),
        original: root.join("xtask/src/peers/original.py"),
        accounts: arguments.accounts,
    };
    fs::create_dir_all(&site.folder)?;
    let machine = Machine::look(disk::look(&site.folder)?)?;
    println!("folders: {}", site.folder.display());
    println!("machine: {}", machine.sentence());

    let mut results: Vec<figures::Series> = Vec::new();
    for round in 1..=arguments.rounds {
        for bank in &arguments.banks {
            println!("round {round} of {}, {}", arguments.rounds, bank.title());
            let (version, runs) = run_bank(*bank, &site, arguments.measured)
                .with_context(|| bank.title().to_owned())?;
            let known = results.iter().position(|result| result.bank == *bank);
            let index = known.unwrap_or_else(|| {
                results.push(figures::Series::new(*bank, version));
                results.len() - 1
            });
            let result = results.get_mut(index).context("a result for each bank")?;
            for (of_row, run) in result.runs.iter_mut().zip(runs) {
                of_row.push(run);
            }
        }
    }
    let tigerbeetle = match &arguments.tigerbeetle {
        Some(program) => {
            println!("TigerBeetle: {} benchmark", program.display());
            Some(tigerbeetle::run(program, &site.folder)?)
        }
        None => None,
    };
    let table = table::markdown(&arguments, &machine, &results, tigerbeetle.as_ref());
    println!("\n{table}\n");
    if arguments.is_whole() {
        keep(&root, &table, &plot::svg(&results))?;
    } else {
        println!("{DOCUMENT} stays as it is: it keeps comparisons of all banks");
    }
    Ok(true)
}

/// Builds what is measured, as a user would.
fn build_saldo(root: &Path) -> Result<()> {
    println!("building saldo: cargo build --locked --release --package saldo");
    let status = cargo::cargo(root)
        .args(["build", "--locked", "--release", "--quiet", "--package", "saldo"])
        .status()
        .context("cargo build")?;
    ensure!(status.success(), "cargo build: {status}");
    Ok(())
}

/// Every row on one fresh bank, one after another, with the books compared after each.
fn run_bank(bank: Bank, site: &Site, measured: Duration) -> Result<(String, Vec<Measured>)> {
    let mut open = bank.open(site)?;
    let times = Times { warm_up: WARM_UP, measured };
    let mut runs = Vec::new();
    let mut acknowledged = 0;
    for row in ROWS {
        // What others left unwritten would be written in the middle of this measurement.
        rustix::fs::sync();
        let run = load::run(open.address, open.dialect, row, site.accounts, times);
        open.room.must_be_running()?;
        let run = run.with_context(|| row.title.to_owned())?;
        acknowledged += run.acknowledged;
        let books = bank.books(&open, site.accounts)?;
        let expected = Books { sum: OPENING * u64::from(site.accounts), transfers: acknowledged };
        ensure!(
            books == expected,
            "the books are wrong after {}: {books:?}, and should be {expected:?}",
            row.title
        );
        println!(
            "  {}: {}/s, p50 {}, p99 {}; {} acknowledged so far, {} recorded; the sum is unchanged",
            row.title,
            rate(run.per_second),
            micros(run.p50),
            micros(run.p99),
            grouped(acknowledged),
            grouped(books.transfers)
        );
        runs.push(run);
    }
    duplicate::must_be_recognised(&open, site.accounts)?;
    let books = bank.books(&open, site.accounts)?;
    ensure!(books.transfers == acknowledged, "a duplicate was recorded: {books:?}");
    println!("  a transfer sent again is recognised, and not recorded again");
    let version = open.version.clone();
    open.room.close()?;
    Ok((version, runs))
}

/// Writes the comparison where people look for it.
fn keep(root: &Path, table: &str, picture: &str) -> Result<()> {
    let path = root.join(DOCUMENT);
    let document = fs::read_to_string(&path).context(DOCUMENT)?;
    let name = PICTURE.trim_start_matches("docs/");
    let text = format!("![Transfers per second, by bank]({name})\n\n{table}");
    fs::write(&path, document::replace(&document, "peers", &text).context(DOCUMENT)?)?;
    fs::write(root.join(PICTURE), picture).context(PICTURE)?;
    println!("kept in {DOCUMENT} and {PICTURE}");
    Ok(())
}
