//! The figures of a run, in every format.

use std::time::Duration;

use serde::Serialize;

use super::Load;
use super::progress::per_second;
use super::tally::Tally;
use crate::failure::Failure;
use crate::output::{self, Answer, tsv};

/// The figures.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: &'static str,
    server: String,
    conns: u32,
    depth: u32,
    accounts: u32,
    hot_percent: u32,
    seed: u64,
    /// Whole milliseconds from the first request to the last reply.
    elapsed_ms: u64,
    transfers: u64,
    refused: u64,
    transfers_per_second: u64,
    latency_us: Latency,
    money: Money,
}

/// Latencies in whole microseconds.
#[derive(Debug, Serialize)]
struct Latency {
    p50: u64,
    p99: u64,
    p99_9: u64,
    max: u64,
}

/// The sums over all accounts of the run, in cents.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Money {
    /// What was set before.
    pub set: i128,
    /// What was found after.
    pub found: i128,
}

impl Report {
    /// The figures of a run against the server called `server`.
    pub fn new(
        server: String,
        load: &Load,
        tally: &Tally,
        elapsed: Duration,
        money: Money,
    ) -> Self {
        Self {
            schema: "saldo.bench/1",
            server,
            conns: load.conns,
            depth: load.depth,
            accounts: load.accounts,
            hot_percent: load.hot_percent,
            seed: load.seed,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            transfers: tally.done,
            refused: tally.refused,
            transfers_per_second: per_second(tally.done, elapsed),
            latency_us: Latency {
                p50: tally.latency_us_at(0.5),
                p99: tally.latency_us_at(0.99),
                p99_9: tally.latency_us_at(0.999),
                max: tally.latency_us_max(),
            },
            money,
        }
    }

    /// The figures in each format.
    pub fn answer(&self) -> Result<Answer, Failure> {
        let mut tsv = String::new();
        let latency = &self.latency_us;
        tsv::row(
            &mut tsv,
            [
                self.transfers.to_string(),
                self.seconds(),
                self.transfers_per_second.to_string(),
                self.refused.to_string(),
                latency.p50.to_string(),
                latency.p99.to_string(),
                latency.p99_9.to_string(),
                latency.max.to_string(),
                self.money.set.to_string(),
                self.money.found.to_string(),
            ],
        );
        Ok(Answer {
            table: self.table(),
            tsv,
            bare: format!("{}\n", self.transfers_per_second),
            json: output::json_line(self)?,
        })
    }

    fn table(&self) -> String {
        let Self { server, conns, depth, accounts, hot_percent, seed, .. } = self;
        let Latency { p50, p99, p99_9, max } = self.latency_us;
        let (p50, p99, p99_9, max) = (millis(p50), millis(p99), millis(p99_9), millis(max));
        let hot = match hot_percent {
            0 => String::new(),
            _ => format!(", {hot_percent} % into one account"),
        };
        let times = if *conns == 1 { "connection" } else { "connections" };
        format!(
            "load       {conns} {times} with {depth} in flight each, {accounts} accounts{hot}\n\
             server     {server}\n\
             seed       {seed}\n\
             transfers  {} in {} s\n\
             rate       {} transfers/s\n\
             latency    p50 {p50} ms   p99 {p99} ms   p99.9 {p99_9} ms   max {max} ms\n\
             refused    {}\n\
             money      {} set, {} found: none made, none lost\n",
            self.transfers,
            self.seconds(),
            self.transfers_per_second,
            self.refused,
            self.money.set,
            self.money.found,
        )
    }

    fn seconds(&self) -> String {
        format!("{}.{:03}", self.elapsed_ms / 1_000, self.elapsed_ms % 1_000)
    }
}

/// Microseconds as milliseconds.
fn millis(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::replies::Counted;

    fn report() -> Report {
        let load =
            Load { conns: 16, depth: 64, accounts: 10_000, secs: 10, hot_percent: 5, seed: 42 };
        let mut tally = Tally::new().unwrap();
        tally.count(Counted { yes: 999_000, no: 1_000, first_no: None });
        tally.time(Duration::from_micros(2_000), 990_000);
        tally.time(Duration::from_micros(9_000), 10_000);
        let money = Money { set: 7, found: 7 };
        Report::new("127.0.0.1:5000".into(), &load, &tally, Duration::from_millis(2_500), money)
    }

    #[test]
    fn the_figures_stand_in_a_table() {
        assert_eq!(
            report().answer().unwrap().table,
            "load       16 connections with 64 in flight each, 10000 accounts, 5 % into one account\n\
             server     127.0.0.1:5000\n\
             seed       42\n\
             transfers  999000 in 2.500 s\n\
             rate       399600 transfers/s\n\
             latency    p50 2.000 ms   p99 2.000 ms   p99.9 9.007 ms   max 9.007 ms\n\
             refused    1000\n\
             money      7 set, 7 found: none made, none lost\n"
        );
    }

    #[test]
    fn the_figures_stand_in_one_row_and_in_one_document() {
        let answer = report().answer().unwrap();
        assert_eq!(answer.tsv, "999000\t2.500\t399600\t1000\t2000\t2000\t9007\t9007\t7\t7\n");
        assert_eq!(answer.bare, "399600\n");
        let document: serde_json::Value = serde_json::from_str(&answer.json).unwrap();
        assert!(answer.json.starts_with("{\"schema\":\"saldo.bench/1\","));
        assert_eq!(document["latency_us"]["p99_9"], 9007);
        assert_eq!(document["money"]["found"], 7);
    }
}
