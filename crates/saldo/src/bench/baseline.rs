//! Figures of an earlier time, to compare with: the document that `--json` gave then.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::report::{Report, SCHEMA};

/// An earlier document, as far as it is compared.
#[derive(Clone, Debug, Deserialize)]
pub struct Baseline {
    schema: String,
    /// What was asked; older documents know transfers alone.
    #[serde(default = "transfer")]
    pub workload: String,
    /// With so many connections,
    pub conns: u32,
    /// so many requests in flight on each,
    pub depth: u32,
    /// between so many accounts,
    pub accounts: u32,
    /// of which one was chosen so often,
    #[serde(default)]
    pub hot_percent: u32,
    /// and the others in this manner.
    pub skew: Option<f64>,
    /// Requests due in a second, of an open loop.
    pub rate: Option<u32>,
    transfers_per_second: u64,
    operations_per_second: Option<u64>,
    /// In whole microseconds.
    pub latency_us: EarlierLatency,
}

/// The latencies that every document of this schema has, in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct EarlierLatency {
    /// What half of the requests did not pass.
    pub p50: u64,
    /// What 90 % did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90: Option<u64>,
    /// What 99 % did not pass.
    pub p99: u64,
    /// What 99.9 % did not pass.
    pub p99_9: u64,
    /// What 99.99 % did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_99: Option<u64>,
    /// The longest.
    pub max: u64,
}

/// Now beside then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Operations in a second then.
    pub operations_per_second: u64,
    /// Those of now in thousandths of those.
    pub operations_per_mille: u64,
    /// Latencies then.
    pub latency_us: EarlierLatency,
    /// The p99 of now in thousandths of that.
    pub p99_per_mille: u64,
}

impl Baseline {
    /// Reads it. Errors: what to tell about the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| error.to_string())?;
        let read: Self = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        if read.schema != SCHEMA {
            return Err(format!("its schema is {:?}, and {SCHEMA:?} is needed", read.schema));
        }
        Ok(read)
    }

    /// Operations in a second, the median of its runs.
    pub fn operations_per_second(&self) -> u64 {
        self.operations_per_second.unwrap_or(self.transfers_per_second)
    }

    /// In what its load was another one; empty when it was not.
    pub fn differences(&self, report: &Report) -> String {
        let skew = self.skew.map_or("no skew".to_owned(), |skew| format!("skew {skew}"));
        let rate = self.rate.map_or("no rate".to_owned(), |rate| format!("rate {rate}"));
        let pairs = [
            (format!("workload {}", self.workload), self.workload == report.workload),
            (format!("{} connections", self.conns), self.conns == report.conns),
            (format!("{} in flight", self.depth), self.depth == report.depth),
            (format!("{} accounts", self.accounts), self.accounts == report.accounts),
            (format!("{} % hot", self.hot_percent), self.hot_percent == report.hot_percent),
            (skew, self.skew == report.skew),
            (rate, self.rate == report.rate),
        ];
        let other: Vec<String> =
            pairs.into_iter().filter(|(_, is_same)| !is_same).map(|(text, _)| text).collect();
        other.join(", ")
    }

    /// Beside the medians of now.
    pub fn compare(&self, operations_per_second: u64, p99_us: u64) -> Comparison {
        let then = self.operations_per_second();
        Comparison {
            operations_per_second: then,
            operations_per_mille: per_mille(operations_per_second, then),
            latency_us: self.latency_us,
            p99_per_mille: per_mille(p99_us, self.latency_us.p99),
        }
    }
}

impl EarlierLatency {
    /// Each that is known, in order; `None` where an older document has it not.
    pub fn named(&self) -> [(&'static str, Option<u64>); 6] {
        [
            ("p50", Some(self.p50)),
            ("p90", self.p90),
            ("p99", Some(self.p99)),
            ("p99.9", Some(self.p99_9)),
            ("p99.99", self.p99_99),
            ("max", Some(self.max)),
        ]
    }
}

/// So many thousandths of the other, rounded down; 0 of nothing.
pub fn per_mille(one: u64, other: u64) -> u64 {
    let thousandths = (u128::from(one) * 1_000).checked_div(u128::from(other)).unwrap_or_default();
    u64::try_from(thousandths).unwrap_or(u64::MAX)
}

fn transfer() -> String {
    "transfer".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Baseline, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("earlier.json");
        fs::write(&path, text).unwrap();
        Baseline::read(&path)
    }

    /// What the first version of the schema wrote.
    const FIRST: &str = r#"{"schema":"saldo.bench/1","server":"127.0.0.1:5000","conns":16,
        "depth":64,"accounts":10000,"hot_percent":0,"seed":1,"elapsed_ms":1000,"transfers":500,
        "refused":0,"transfers_per_second":500,
        "latency_us":{"p50":10,"p99":20,"p99_9":30,"max":40},"money":{"set":1,"found":1}}"#;

    #[test]
    fn a_document_of_the_first_version_is_compared_as_far_as_it_goes() {
        let baseline = read(FIRST).unwrap();
        assert_eq!((baseline.workload.as_str(), baseline.latency_us.p90), ("transfer", None));
        let comparison = baseline.compare(650, 15);
        assert_eq!((comparison.operations_per_mille, comparison.p99_per_mille), (1_300, 750));
    }

    #[test]
    fn what_is_no_such_document_is_refused_with_the_reason() {
        let other = FIRST.replace("saldo.bench/1", "saldo.verify/1");
        assert!(read(&other).unwrap_err().contains("\"saldo.verify/1\""));
        assert!(read("{}").unwrap_err().contains("missing field"));
        assert!(
            Baseline::read(Path::new("/nowhere/at.json")).unwrap_err().contains("No such file")
        );
    }
}
