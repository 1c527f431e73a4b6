//! `cargo xtask test`: runs the steps in order, stops at the first that fails, and ends with one
//! line that counts every test of every runner.
//!
//! **Invariant:** the last line never says `0 failed` when the command exits with a failure.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cargo;
use crate::counts;
use crate::database::{LocalDatabase, Machines};
use crate::needs;
use crate::repository::Repository;
use crate::rules;
use crate::runner::{self, Finished};
use crate::steps::{Action, SLOW_TIERS, STEPS, Step, Tier};
use crate::tally::Tally;

/// Longest time for one step, a cold build included.
const STEP_LIMIT: Duration = Duration::from_secs(45 * 60);
/// Longest time for one step with the slow tiers.
const STEP_LIMIT_ALL: Duration = Duration::from_secs(12 * 60 * 60);

/// What the steps share.
struct Run {
    root: PathBuf,
    /// The release binary; there once its step has run.
    binary: PathBuf,
    tier: Tier,
    has_nextest: bool,
}

/// Runs the steps. `Ok(false)` when one failed.
pub fn run(tier: Tier) -> Result<bool> {
    let started = Instant::now();
    let root = cargo::root()?;
    let binary = cargo::target_folder(&root)?.join("release/saldo");
    let has_nextest = has_nextest(&root);
    let run = Run { root, binary, tier, has_nextest };
    if !run.has_nextest {
        println!("cargo-nextest is not installed; cargo test runs the tests");
    }

    let mut total = Tally::default();
    let mut not_run = STEPS.iter();
    let mut success = true;
    for step in not_run.by_ref() {
        println!("\n== {}", step.title);
        let step_started = Instant::now();
        let finished = run.step(step).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            Finished { success: false, tally: Tally::default() }
        });
        total += finished.tally;
        let seconds = step_started.elapsed().as_secs_f64();
        if finished.success {
            println!("   ok, {seconds:.1} s");
        } else {
            println!("   FAILED: {}, {seconds:.1} s", step.title);
            // A step fails without a failed test when it could not build, timed out or is no test.
            total.failed += usize::from(finished.tally.failed == 0);
            success = false;
            break;
        }
    }
    println!();
    for step in not_run {
        println!("not run: {}", step.title);
    }
    if tier == Tier::Usual {
        for slow in SLOW_TIERS {
            println!("left out: {} ({}={})", slow.what, slow.variable, slow.value);
        }
        println!("`cargo xtask test --all` leaves nothing out");
    }
    println!("{:.0} s in all", started.elapsed().as_secs_f64());
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(success)
}

impl Run {
    fn step(&self, step: &Step) -> Result<Finished> {
        match step.action {
            Action::Needs => {
                Ok(Finished { success: needs::provide(needs::OF_TESTS)?, tally: Tally::default() })
            }
            Action::Counts => {
                Ok(Finished { success: counts::check_where_possible()?, tally: Tally::default() })
            }
            Action::Rules => {
                let tally = rules::check_all(&Repository::read(&self.root)?);
                Ok(Finished { success: tally.failed == 0, tally })
            }
            Action::Cargo(arguments) => self.cargo(arguments, None),
            Action::DocTests(arguments) => self.cargo(
                &[&["test", "--locked", "--no-fail-fast", "--doc"], arguments].concat(),
                None,
            ),
            Action::Tests(arguments) => self.tests(arguments, None),
            Action::DatabaseTests(arguments) => {
                let database = LocalDatabase::start(&self.root, Machines::One)?;
                self.tests(arguments, Some(&database))
            }
        }
    }

    fn tests(&self, arguments: &[&str], database: Option<&LocalDatabase>) -> Result<Finished> {
        let finished = self.cargo(&[self.test_runner(), arguments].concat(), database)?;
        let ran = finished.tally.passed + finished.tally.failed;
        if finished.success && ran == 0 {
            eprintln!("error: no test was run");
        }
        Ok(Finished { success: finished.success && ran > 0, ..finished })
    }

    /// The start of a test command. cargo-nextest, where it is installed, gives each test a process
    /// and a time limit of its own.
    fn test_runner(&self) -> &'static [&'static str] {
        match (self.has_nextest, self.tier) {
            (true, Tier::Usual) => &["nextest", "run", "--locked", "--no-fail-fast"],
            (true, Tier::All) => {
                &["nextest", "run", "--locked", "--no-fail-fast", "--profile", "all"]
            }
            (false, _) => &["test", "--locked", "--no-fail-fast"],
        }
    }

    fn cargo(&self, arguments: &[&str], database: Option<&LocalDatabase>) -> Result<Finished> {
        println!("   cargo {}", arguments.join(" "));
        let mut command = cargo::cargo(&self.root);
        command.args(arguments).env("SALDO_BIN", &self.binary);
        if let Some(database) = database {
            command.env("SALDO_TEST_POSTGRES", database.address());
        }
        let mut limit = STEP_LIMIT;
        if self.tier == Tier::All {
            limit = STEP_LIMIT_ALL;
            for slow in SLOW_TIERS {
                command.env(slow.variable, slow.value);
            }
        }
        runner::run(&mut command, limit)
    }
}

fn has_nextest(root: &Path) -> bool {
    let mut command: Command = cargo::cargo(root);
    command.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
