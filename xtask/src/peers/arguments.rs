//! What `cargo xtask peers` was asked to do.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::banks::{BANKS, Bank};
use super::workload::ACCOUNTS_MAX;

/// The arguments, with their defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// How often every bank runs every row.
    pub rounds: u32,
    /// How long a row is measured.
    pub measured: Duration,
    /// Accounts of each bank.
    pub accounts: u32,
    /// TigerBeetle's binary.
    pub tigerbeetle: Option<PathBuf>,
    /// Which banks run, in the order of the table.
    pub banks: Vec<Bank>,
}

impl Arguments {
    /// Reads the words behind `peers`.
    pub fn parse(words: &[&str]) -> Result<Self> {
        let mut arguments = Self {
            rounds: 3,
            measured: Duration::from_secs(5),
            accounts: 10_000,
            tigerbeetle: None,
            banks: BANKS.to_vec(),
        };
        let mut words = words.iter();
        while let Some(flag) = words.next() {
            let mut value = || words.next().with_context(|| format!("{flag} wants a value"));
            match *flag {
                "--rounds" => arguments.rounds = number(flag, value()?, 99)?,
                "--secs" => {
                    arguments.measured = Duration::from_secs(number(flag, value()?, 600)?.into());
                }
                "--accounts" => {
                    arguments.accounts = number(flag, value()?, ACCOUNTS_MAX)?;
                    ensure!(arguments.accounts >= 3, "--accounts must be at least 3");
                }
                "--tigerbeetle" => arguments.tigerbeetle = Some(PathBuf::from(value()?)),
                "--only" => arguments.banks = banks(value()?)?,
                _ => bail!("unknown argument {flag}"),
            }
        }
        Ok(arguments)
    }

    /// Whether every bank runs; only then is the table kept.
    pub fn is_whole(&self) -> bool {
        self.banks == BANKS
    }
}

/// A number from 1 to `most`.
fn number(flag: &str, value: &str, most: u32) -> Result<u32> {
    let number = value.parse().ok().filter(|number| (1..=most).contains(number));
    number.with_context(|| format!("{flag} must be a number from 1 to {most}"))
}

/// The banks named, in the order of the table.
fn banks(names: &str) -> Result<Vec<Bank>> {
    let names: Vec<&str> = names.split(',').collect();
    for name in &names {
        ensure!(
            BANKS.iter().any(|bank| bank.word() == *name),
            "--only knows {}, not {name}",
            BANKS.map(Bank::word).join(", ")
        );
    }
    Ok(BANKS.into_iter().filter(|bank| names.contains(&bank.word())).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Arguments;
    use crate::peers::banks::{BANKS, Bank};

    #[test]
    fn without_arguments_every_bank_runs_three_rounds_of_five_seconds() {
        let arguments = Arguments::parse(&[]).unwrap();
        assert!(arguments.is_whole());
        assert_eq!((arguments.rounds, arguments.measured), (3, Duration::from_secs(5)));
        assert_eq!((arguments.accounts, arguments.banks.as_slice()), (10_000, &BANKS[..]));
    }

    #[test]
    fn banks_are_chosen_by_name_and_run_in_the_order_of_the_table() {
        let arguments = Arguments::parse(&["--only", "redis,saldo", "--secs", "1"]).unwrap();
        assert_eq!(arguments.banks, [Bank::Saldo, Bank::Redis]);
        assert!(!arguments.is_whole());
        assert_eq!(arguments.measured, Duration::from_secs(1));
    }

    #[test]
    fn what_is_no_argument_is_refused_with_its_name() {
        for (words, said) in [
            (&["--only", "oracle"][..], "oracle"),
            (&["--secs"], "wants a value"),
            (&["--secs", "0"], "1 to 600"),
            (&["--rounds", "many"], "1 to 99"),
            (&["--accounts", "2"], "at least 3"),
            (&["--fast"], "--fast"),
        ] {
            let error = Arguments::parse(words).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
