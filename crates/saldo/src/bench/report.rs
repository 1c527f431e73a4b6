//! The figures of all runs, in every format. The page with plots is made of the same (`html`).

use serde::Serialize;

use super::Load;
use super::baseline::{Comparison, per_mille};
use super::choice::Dist;
use super::disk::Disk;
use super::figures::{Figures, Latency};
use super::spread::Spread;
use super::workload::Workload;
use crate::failure::Failure;
use crate::output::{self, Answer};

/// What each value of a row is.
const COLUMNS: [&str; 20] = [
    "transfers",
    "seconds",
    "transfers_per_second",
    "refused",
    "p50_us",
    "p99_us",
    "p99_9_us",
    "max_us",
    "sum_set",
    "sum_found",
    "workload",
    "operations_per_second",
    "operations_per_second_min",
    "operations_per_second_max",
    "requests_per_second",
    "p90_us",
    "p99_99_us",
    "generator_cpu_ns_per_request",
    "sum_in",
    "sum_out",
];

/// What the document says it is.
pub const SCHEMA: &str = "saldo.bench/1";

/// The figures. Those that are not per run are sums where they count and medians where they measure.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: &'static str,
    /// Of this program.
    pub version: &'static str,
    /// Where it was measured.
    pub server: String,
    /// What was asked.
    pub workload: &'static str,
    #[serde(skip)]
    noun: &'static str,
    /// In what manner accounts were chosen.
    pub dist: &'static str,
    /// How skewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew: Option<f64>,
    /// With so many connections.
    pub conns: u32,
    /// So many requests in flight on each.
    pub depth: u32,
    /// Requests due in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Between so many accounts.
    pub accounts: u32,
    /// How many of 100 choices fell on one of them.
    pub hot_percent: u32,
    threads: u32,
    /// What the choices followed from.
    pub seed: u64,
    warmup_secs: u32,
    secs: u32,
    interrupted: bool,
    elapsed_ms: u64,
    operations: u64,
    requests: u64,
    transfers: u64,
    refused: u64,
    /// The medians of the runs.
    pub operations_per_second: u64,
    requests_per_second: u64,
    transfers_per_second: u64,
    /// The medians of the runs, percentile by percentile.
    pub latency_us: Latency,
    generator_cpu_ns_per_request: u64,
    /// What lies between the runs.
    pub spread: Spreads,
    /// The disk on its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<BesideDisk>,
    /// An earlier time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Comparison>,
    /// The proof.
    pub money: Money,
    /// Run by run.
    pub runs: Vec<Figures>,
}

/// Median, lowest and highest of the runs.
#[derive(Debug, Serialize)]
pub struct Spreads {
    /// Operations in a second.
    pub operations_per_second: Spread,
    /// Requests in a second.
    pub requests_per_second: Spread,
    /// Latencies.
    pub latency_us: Latency<Spread>,
}

/// The disk, and how many thousandths of its p99 the p99 of the requests is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BesideDisk {
    /// One 4 KiB write and sync after the other.
    #[serde(flatten)]
    pub disk: Disk,
    /// The p99 of the requests in thousandths of that of the disk.
    pub requests_p99_per_mille: u64,
}

/// The sums over all accounts of the run, in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Money {
    /// What was set before.
    pub set: i128,
    /// What deposits brought.
    #[serde(rename = "in")]
    pub into: i128,
    /// What withdrawals took.
    pub out: i128,
    /// What was found after.
    pub found: i128,
    /// Of how many accounts each was compared with what its answered requests make; `None` where a
    /// request was refused: which accounts a refusal spared is not noted.
    pub accounts_compared: Option<u64>,
}

impl Money {
    /// What has to be found.
    pub fn needed(&self) -> i128 {
        self.set + self.into - self.out
    }
}

impl Report {
    /// The figures of these runs, at least one, against the server called `server`.
    pub fn new(server: String, load: &Load, runs: Vec<Figures>, money: Money) -> Self {
        let spread = |figure: fn(&Figures) -> u64| Spread::of(runs.iter().map(figure));
        let sum = |figure: fn(&Figures) -> u64| runs.iter().map(figure).sum();
        let spreads = Spreads {
            operations_per_second: spread(|run| run.operations_per_second),
            requests_per_second: spread(|run| run.requests_per_second),
            latency_us: Latency::of(&runs),
        };
        let (dist, skew) = match load.dist {
            Dist::Zipf { skew } => ("zipf", Some(skew)),
            Dist::Uniform if load.hot_percent > 0 => ("hot", None),
            Dist::Uniform => ("uniform", None),
        };
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            server,
            workload: load.workload.name(),
            noun: load.workload.operations(),
            dist,
            skew,
            conns: load.conns,
            depth: load.depth,
            rate: load.rate,
            accounts: load.accounts,
            hot_percent: load.hot_percent,
            threads: load.threads,
            seed: load.seed,
            warmup_secs: load.warmup_secs,
            secs: load.secs,
            interrupted: runs.iter().any(|run| run.interrupted),
            elapsed_ms: sum(|run| run.elapsed_ms),
            operations: sum(|run| run.operations),
            requests: sum(|run| run.requests),
            transfers: sum(|run| run.transfers),
            refused: sum(|run| run.refused),
            operations_per_second: spreads.operations_per_second.median,
            requests_per_second: spreads.requests_per_second.median,
            transfers_per_second: spread(|run| run.transfers_per_second).median,
            latency_us: spreads.latency_us.medians(),
            generator_cpu_ns_per_request: spread(|run| run.generator_cpu_ns_per_request).median,
            spread: spreads,
            disk: None,
            baseline: None,
            money,
            runs,
        }
    }

    /// With what the disk takes on its own.
    pub fn beside_disk(&mut self, disk: Disk) {
        let requests_p99_per_mille = per_mille(self.latency_us.p99, disk.p99_us);
        self.disk = Some(BesideDisk { disk, requests_p99_per_mille });
    }

    /// The figures in each format.
    pub fn answer(&self) -> Result<Answer, Failure> {
        Ok(Answer {
            table: self.table(),
            rows: self.row(),
            bare: format!("{}\n", self.operations_per_second),
            json: output::json_line(self)?,
        })
    }

    /// New columns are added at the end alone.
    fn row(&self) -> output::Rows {
        let mut row = output::Rows::of(&COLUMNS);
        let (latency, rates) = (&self.latency_us, &self.spread.operations_per_second);
        row.add([
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
            self.workload.to_owned(),
            self.operations_per_second.to_string(),
            rates.min.to_string(),
            rates.max.to_string(),
            self.requests_per_second.to_string(),
            latency.p90.to_string(),
            latency.p99_99.to_string(),
            self.generator_cpu_ns_per_request.to_string(),
            self.money.into.to_string(),
            self.money.out.to_string(),
        ]);
        row
    }

    fn table(&self) -> String {
        let mut rows = Rows::default();
        rows.add("load", &self.load());
        rows.add("server", &self.server);
        rows.add("seed", &self.seed.to_string());
        rows.add("answered", &self.answered());
        rows.add("rate", &self.rates());
        for latency in self.latencies() {
            rows.add("latency", &latency);
        }
        for line in self.open_loop() {
            rows.add("schedule", &line);
        }
        let threads = plural(u64::from(self.threads), "thread", "threads");
        let cost = micros(self.generator_cpu_ns_per_request);
        rows.add("generator", &format!("{cost} µs of processor per request, in {threads}"));
        if let Some(server) = self.runs.last().and_then(|run| run.server_process) {
            let (before, after) = (server.resident_bytes_before, server.resident_bytes_after);
            let text = format!(
                "{} µs of processor per request, {} MiB resident before and {} MiB after the last run",
                micros(server.cpu_ns_per_request),
                before >> 20,
                after >> 20
            );
            rows.add("process", &text);
        }
        if let Some(BesideDisk { disk, requests_p99_per_mille }) = self.disk {
            let text = format!(
                "p50 {} ms   p99 {} ms for 4 KiB written and synced; p99 of requests is {} times that",
                millis(disk.p50_us),
                millis(disk.p99_us),
                thousandths(requests_p99_per_mille)
            );
            rows.add("disk", &text);
        }
        if let Some(then) = self.baseline {
            let text = format!(
                "{} {}/s, now {} times that; p99 {} ms, now {} times that",
                then.operations_per_second,
                self.noun,
                thousandths(then.operations_per_mille),
                millis(then.latency_us.p99),
                thousandths(then.p99_per_mille)
            );
            rows.add("baseline", &text);
        }
        rows.add("refused", &self.refused.to_string());
        rows.add("money", &self.proof());
        rows.0
    }

    /// What was done to the server, in a line.
    pub fn load(&self) -> String {
        let conns = plural(u64::from(self.conns), "connection", "connections");
        let mut text = match self.rate {
            None => format!("{conns} with {} in flight each", self.depth),
            Some(rate) => {
                format!("{rate} requests/s over {conns} with at most {} in flight each", self.depth)
            }
        };
        text.push_str(&format!(", {} accounts", self.accounts));
        if let Some(skew) = self.skew {
            text.push_str(&format!(", zipf {skew}"));
        }
        if self.hot_percent > 0 {
            text.push_str(&format!(", {} % into one account", self.hot_percent));
        }
        if self.workload == Workload::Transfer.name() {
            text
        } else {
            format!("{}: {text}", self.workload)
        }
    }

    fn answered(&self) -> String {
        let seconds = self.seconds();
        if self.requests == self.transfers {
            return format!("{} transfers in {seconds} s", self.transfers);
        }
        let of = |figure: fn(&Figures) -> u64| self.runs.iter().map(figure).sum::<u64>();
        let mut text =
            format!("{} requests in {seconds} s: {} transfers", self.requests, self.transfers);
        for (count, noun) in [
            (of(|run| run.readings), "readings"),
            (of(|run| run.deposits), "deposits"),
            (of(|run| run.withdrawals), "withdrawals"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {noun}"));
            }
        }
        text
    }

    /// The rate, in a line.
    pub fn rates(&self) -> String {
        let mut text = format!("{} {}/s", self.operations_per_second, self.noun);
        if self.operations_per_second != self.requests_per_second {
            text.push_str(&format!(", {} requests/s", self.requests_per_second));
        }
        if self.runs.len() > 1 {
            let Spread { min, max, .. } = self.spread.operations_per_second;
            text.push_str(&format!("; median of {} runs, {min} to {max}", self.runs.len()));
        }
        text
    }

    /// The percentiles, and where there are several runs their bounds.
    fn latencies(&self) -> Vec<String> {
        let shown = |figure: fn(&Spread) -> u64| {
            let named = self.spread.latency_us.named();
            let texts =
                named.map(|(name, spread)| format!("{name} {} ms", millis(figure(&spread))));
            texts.join("   ")
        };
        let mut lines = vec![shown(|spread| spread.median)];
        if self.runs.len() > 1 {
            lines.push(format!("{}   lowest", shown(|spread| spread.min)));
            lines.push(format!("{}   highest", shown(|spread| spread.max)));
        }
        lines
    }

    fn open_loop(&self) -> Vec<String> {
        let numbered = self.runs.len() > 1;
        let lines = self.runs.iter().zip(1..).filter_map(|(run, number)| {
            let open = run.open_loop?;
            let mut text = if numbered { format!("run {number}: ") } else { String::new() };
            let answered = run.requests_per_second;
            if open.reached {
                text.push_str("kept");
                if open.withheld > 0 {
                    text.push_str(&format!(", {} never sent", open.withheld));
                }
            } else {
                let asked = open.rate;
                text.push_str(&format!("not reached: {answered} of {asked} requests/s"));
                if open.withheld > 0 {
                    text.push_str(&format!(", {} never sent", open.withheld));
                }
            }
            let (p99, max) = (millis(open.delay_p99_us), millis(open.delay_max_us));
            text.push_str(&format!("; sent late by p99 {p99} ms, max {max} ms"));
            Some(text)
        });
        lines.collect()
    }

    fn proof(&self) -> String {
        let Money { set, into, out, found, accounts_compared } = self.money;
        let moved =
            if into == 0 && out == 0 { String::new() } else { format!("{into} in, {out} out, ") };
        let each = accounts_compared
            .map(|count| format!("; each of {count} accounts holds what was answered"))
            .unwrap_or_default();
        format!("{set} set, {moved}{found} found: none made, none lost{each}")
    }

    fn seconds(&self) -> String {
        format!("{}.{:03}", self.elapsed_ms / 1_000, self.elapsed_ms % 1_000)
    }
}

/// Lines that begin with what they are about.
#[derive(Default)]
struct Rows(String);

impl Rows {
    fn add(&mut self, about: &str, text: &str) {
        self.0.push_str(&format!("{about:<11}{text}\n"));
    }
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Microseconds as milliseconds.
pub fn millis(micros: u64) -> String {
    thousandths(micros)
}

/// Nanoseconds as microseconds.
fn micros(nanos: u64) -> String {
    thousandths(nanos)
}

/// Thousandths as ones.
pub fn thousandths(count: u64) -> String {
    format!("{}.{:03}", count / 1_000, count % 1_000)
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::flight::Effect;
    use crate::bench::tally::Tally;
    use crate::bench::workload::{Kind, Step};

    /// Figures of a run with `transfers`, `deposits` of 10 cents and one no.
    fn run(transfers: u32, deposits: u32, p50_us: u64, rate: Option<u32>) -> Figures {
        let mut tally = Tally::new(1).unwrap();
        let effect =
            |kind| Effect::of(&Step { kind, first: 0, second: 1, amount: 10, is_last: true });
        for (kind, count) in [(Kind::Transfer, transfers), (Kind::Deposit, deposits)] {
            for _ in 0..count {
                tally.count(effect(kind), true);
            }
        }
        tally.count(effect(Kind::Transfer), false);
        tally.time(p50_us * 1_000, 990);
        tally.time(9_000_000, 11);
        tally.mark(50_000_000, 600);
        tally.mark(150_000_000, 401);
        tally.cpu_ns = 1_001 * 450;
        Figures::of(&tally, Duration::from_millis(2_500), rate)
    }

    /// Reports for the tests of everything that is made of them.
    pub fn report(load: &Load, runs: &[(u32, u32, u64)]) -> Report {
        let runs: Vec<Figures> =
            runs.iter().map(|run| self::run(run.0, run.1, run.2, load.rate)).collect();
        let into = runs.iter().map(|run| i128::from(run.deposits) * 10).sum();
        let money = Money { set: 7, into, out: 0, found: 7 + into, accounts_compared: Some(2) };
        Report::new("127.0.0.1:5000".into(), load, runs, money)
    }

    fn load(workload: Workload) -> Load {
        Load { conns: 16, depth: 64, hot_percent: 5, ..Load::of(workload, 10_000) }
    }

    #[test]
    fn the_figures_of_one_run_stand_in_a_table() {
        assert_eq!(
            report(&load(Workload::Transfer), &[(1_000, 0, 2_000)]).answer().unwrap().table,
            "load       16 connections with 64 in flight each, 10000 accounts, 5 % into one account\n\
             server     127.0.0.1:5000\n\
             seed       42\n\
             answered   1000 transfers in 2.500 s\n\
             rate       400 transfers/s\n\
             latency    p50 2.000 ms   p90 2.000 ms   p99 9.007 ms   p99.9 9.007 ms   \
             p99.99 9.007 ms   max 9.007 ms\n\
             generator  0.450 µs of processor per request, in 1 thread\n\
             refused    1\n\
             money      7 set, 7 found: none made, none lost; each of 2 accounts holds what was answered\n"
        );
    }

    #[test]
    fn several_runs_of_an_open_loop_are_told_by_their_middle_and_their_bounds() {
        let load = Load { rate: Some(400), hot_percent: 0, ..load(Workload::Mixed) };
        let mut report = report(&load, &[(900, 100, 2_000), (500, 100, 1_000), (600, 200, 1_500)]);
        let disk = Disk { syncs: 500, p50_us: 80, p99_us: 3_000, max_us: 9_000 };
        report.beside_disk(disk);
        assert_eq!(
            report.answer().unwrap().table,
            "load       mixed: 400 requests/s over 16 connections with at most 64 in flight each, \
             10000 accounts\n\
             server     127.0.0.1:5000\n\
             seed       42\n\
             answered   2400 requests in 7.500 s: 2000 transfers, 400 deposits\n\
             rate       320 requests/s; median of 3 runs, 240 to 400\n\
             latency    p50 1.500 ms   p90 1.500 ms   p99 9.007 ms   p99.9 9.007 ms   \
             p99.99 9.007 ms   max 9.007 ms\n\
             latency    p50 1.000 ms   p90 1.000 ms   p99 9.007 ms   p99.9 9.007 ms   \
             p99.99 9.007 ms   max 9.007 ms   lowest\n\
             latency    p50 2.000 ms   p90 2.000 ms   p99 9.007 ms   p99.9 9.007 ms   \
             p99.99 9.007 ms   max 9.007 ms   highest\n\
             schedule   run 1: kept; sent late by p99 0.000 ms, max 0.000 ms\n\
             schedule   run 2: not reached: 240 of 400 requests/s; sent late by p99 0.000 ms, max 0.000 ms\n\
             schedule   run 3: not reached: 320 of 400 requests/s; sent late by p99 0.000 ms, max 0.000 ms\n\
             generator  0.562 µs of processor per request, in 1 thread\n\
             disk       p50 0.080 ms   p99 3.000 ms for 4 KiB written and synced; p99 of requests is \
             3.002 times that\n\
             refused    3\n\
             money      7 set, 4000 in, 0 out, 4007 found: none made, none lost; each of 2 accounts \
             holds what was answered\n"
        );
    }

    #[test]
    fn the_figures_stand_in_one_row_and_in_one_document() {
        let answer = report(&load(Workload::Transfer), &[(1_000, 0, 2_000)]).answer().unwrap();
        assert_eq!(
            answer.rows.tsv(),
            "1000\t2.500\t400\t1\t2000\t9007\t9007\t9007\t7\t7\t\
             transfer\t400\t400\t400\t400\t2000\t9007\t450\t0\t0\n"
        );
        assert_eq!(answer.bare, "400\n");
        let document: serde_json::Value = serde_json::from_str(&answer.json).unwrap();
        assert!(answer.json.starts_with("{\"schema\":\"saldo.bench/1\","));
        assert_eq!(document["latency_us"]["p99_9"], 9007);
        assert_eq!(document["money"]["found"], 7);
        assert_eq!(document["runs"][0]["over_time"]["answered"], serde_json::json!([600, 401]));
        assert_eq!(document["spread"]["latency_us"]["p50"]["median"], 2000);
    }
}
