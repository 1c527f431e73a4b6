//! A stored procedure that does what a transfer is, driven by pgbench, and its books.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Run;
use crate::database::LocalDatabase;
use crate::needs;
use crate::peers::banks::postgres;
use crate::peers::workload::OPENING;

/// A transfer between two accounts of equal chance, under an id of its own.
const SCRIPT: &str = "\
\\set payer random(0, :accounts - 1)
\\set payee (:payer + random(1, :accounts - 1)) % :accounts
\\set amount random(1, 100)
SELECT * FROM transfer(gen_random_uuid()::text, 'a' || lpad(:payer::text, 7, '0'), \
'a' || lpad(:payee::text, 7, '0'), :amount);
";

/// Its tables stand in a schema of their own: the first one on the path would else be that of the
/// role's name, which Saldo's schema has.
const PATH: (&str, &str) = ("PGOPTIONS", "-c search_path=procedure");

/// The procedure in a database.
pub struct Procedure {
    address: String,
    script: PathBuf,
    accounts: u32,
}

impl Procedure {
    /// Makes its tables beside those of Saldo, and opens the accounts.
    pub fn make(database: &LocalDatabase, accounts: u32) -> Result<Self> {
        let script = database.folder().join("transfer.pgbench");
        fs::write(&script, SCRIPT)?;
        let procedure = Self { address: database.address().to_owned(), script, accounts };
        procedure.ask("CREATE SCHEMA procedure")?;
        procedure.ask(postgres::SCHEMA)?;
        procedure.ask(&postgres::openings(accounts))?;
        procedure.ask("VACUUM ANALYZE account")?;
        Ok(procedure)
    }

    /// Runs it, and compares the books with what was acknowledged.
    pub fn drive(&self, clients: u32, measured: Duration) -> Result<Run> {
        let recorded = "SELECT count(*) FROM transfer";
        let before: u64 = self.ask(recorded)?.parse().context("a count")?;
        let output = Command::new(needs::find("pgbench").context("pgbench is missing")?)
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
            .arg(format!("--client={clients}"))
            .arg(format!("--time={}", measured.as_secs()))
            .arg(format!("--define=accounts={}", self.accounts))
            .arg(format!("--file={}", self.script.display()))
            .arg(&self.address)
            .env(PATH.0, PATH.1)
            .stdin(Stdio::null())
            .output()
            .context("pgbench")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "pgbench: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let (run, transactions) = read(&said)?;
        let after: u64 = self.ask(recorded)?.parse().context("a count")?;
        ensure!(
            after - before == transactions,
            "{transactions} transfers were acknowledged, {} are recorded",
            after - before
        );
        let sum: u64 = self.ask("SELECT sum(balance) FROM account")?.parse().context("a sum")?;
        ensure!(sum == OPENING * u64::from(self.accounts), "the sum of the accounts has changed");
        Ok(run)
    }

    /// The database's version.
    pub fn version(&self) -> Result<String> {
        self.ask("SHOW server_version")
    }

    fn ask(&self, sql: &str) -> Result<String> {
        let output = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--command", sql])
            .arg(&self.address)
            .env(PATH.0, PATH.1)
            .stdin(Stdio::null())
            .output()
            .context("psql")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

/// The rate, the average latency and the number of transactions in what pgbench says.
fn read(said: &str) -> Result<(Run, u64)> {
    let value = |begin: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(begin));
        let word = line.and_then(|rest| rest.split_whitespace().next());
        word.with_context(|| format!("pgbench does not say {begin:?}: {said}"))
    };
    let failed = value("number of failed transactions:")?;
    ensure!(failed == "0", "{failed} transactions failed");
    // Whole numbers are all that a rate of thousands needs.
    let rate = value("tps =")?;
    let (whole, _) = rate.split_once('.').unwrap_or((rate, ""));
    let latency = value("latency average =")?;
    let (millis, micros) = latency.split_once('.').unwrap_or((latency, "0"));
    let micros = format!("{micros:0<3}");
    let micros: u64 = micros.get(..3).unwrap_or_default().parse().context("a latency")?;
    let millis: u64 = millis.parse().context("a latency")?;
    let run = Run {
        per_second: whole.parse().context("a rate")?,
        latency: Duration::from_micros(millis * 1_000 + micros),
    };
    Ok((run, value("number of transactions actually processed:")?.parse().context("a count")?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Run, read};

    const SAID: &str = "\
pgbench (15.18 (Debian 15.18-0+deb12u1))
transaction type: transfer.pgbench
number of clients: 64
duration: 2 s
number of transactions actually processed: 14011
number of failed transactions: 0 (0.000%)
latency average = 9.14 ms
initial connection time = 91.119 ms
tps = 6999.730551 (without initial connection time)
";

    #[test]
    fn rate_latency_and_count_are_read_from_what_pgbench_says() {
        let run = Run { per_second: 6_999, latency: Duration::from_micros(9_140) };
        assert_eq!(read(SAID).unwrap(), (run, 14_011));
    }

    #[test]
    fn a_run_with_failed_transactions_or_without_a_rate_is_none() {
        assert!(read(&SAID.replace("failed transactions: 0", "failed transactions: 3")).is_err());
        assert!(read(&SAID.replace("tps", "tp")).is_err());
    }
}
