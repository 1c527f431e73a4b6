//! The comparison as a table.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{ROWS, Row, Run};
use crate::peers::figures::{median, micros, rate, ratio};
use crate::peers::machine::Machine;

/// The table with what a reader must know of it.
pub fn markdown(
    rounds: u32,
    measured: Duration,
    version: &str,
    machine: &Machine,
    runs: &[Vec<Run>],
) -> Result<String> {
    let rows = rows(runs)?;
    Ok(format!(
        "`cargo xtask replicated --rounds {rounds} --secs {}`: PostgreSQL {version} with a synchronous standby, the \
         servers and the load on the same machine: {}. Medians; each row {rounds} times, in turn. Each commit is on the \
         standby before its answer, ids are unique, 10,000 accounts; after each run the books are compared with \
         what was acknowledged.\n\n{rows}",
        measured.as_secs(),
        machine.sentence(),
    ))
}

/// Each row with its median, its spread, and how many times the better pgbench it is.
fn rows(runs: &[Vec<Run>]) -> Result<String> {
    let median_of = |runs: &[Run]| median(runs.iter().map(|run| run.per_second).collect());
    let procedure = ROWS
        .iter()
        .zip(runs)
        .filter(|(row, _)| matches!(row, Row::Pgbench { .. }))
        .filter_map(|(_, runs)| median_of(runs))
        .max()
        .context("pgbench ran")?;
    let mut text = String::from(
        "| | transfers/s | from … to | latency | of the better pgbench |\n|---|---|---|---|---|\n",
    );
    for (row, runs) in ROWS.iter().zip(runs) {
        let rates = || runs.iter().map(|run| run.per_second);
        let middle = median_of(runs).context("every row ran")?;
        let latency = median(runs.iter().map(|run| run.latency).collect());
        let kind = if matches!(row, Row::Pgbench { .. }) { "average" } else { "p50" };
        writeln!(
            text,
            "| {} | {} | {} … {} | {kind} {} | {} |",
            row.title(),
            rate(middle),
            rate(rates().min().unwrap_or_default()),
            rate(rates().max().unwrap_or_default()),
            micros(latency.unwrap_or_default()),
            ratio(middle, procedure).unwrap_or_default(),
        )?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::rows;
    use crate::peers::replicated::{ROWS, Run};

    #[test]
    fn a_row_has_its_median_its_spread_and_its_ratio_to_the_better_pgbench() {
        let run = |per_second| Run { per_second, latency: Duration::from_millis(10) };
        let runs: Vec<Vec<Run>> = (0..ROWS.len() as u64)
            .map(|row| [2, 1, 3].map(|by| run((row + 1) * by * 1_000)).to_vec())
            .collect();
        let text = rows(&runs).unwrap();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines.len(), ROWS.len());
        assert!(lines[1].contains("| 4,000 | 2,000 … 6,000 | average 10.0 ms | 1.0 |"), "{text}");
        assert!(lines[2].contains("| 6,000 | 3,000 … 9,000 | p50 10.0 ms | 1.5 |"), "{text}");
    }
}
