//! Findings as people and monitors read them.

use clap::ValueEnum;
use serde::Serialize;

use super::finding::{Finding, Status};
use super::item::{Bad, Unit};
use crate::failure::Failure;
use crate::output::{json_line, table};
use crate::vitals::show::Number;

/// How findings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each item.
    Text,
    /// What plug-ins of Nagios say: a summary with performance data, then a line for each item.
    Nagios,
    /// One document.
    Json,
    /// Metrics, as a collector of text files takes them.
    Prometheus,
}

/// How the whole is: as its worst item.
pub fn worst(findings: &[Finding]) -> Status {
    findings.iter().map(|finding| finding.status).max().unwrap_or(Status::Unknown)
}

impl Format {
    /// The findings about the server at `place`, with the last newline.
    pub fn tell(self, findings: &[Finding], place: &str) -> Result<String, Failure> {
        match self {
            Self::Text => Ok(lines(findings)),
            Self::Nagios => Ok(nagios(findings, place)),
            Self::Json => json_line(&Document::of(findings, place)),
            Self::Prometheus => Ok(prometheus(findings)),
        }
    }
}

fn lines(findings: &[Finding]) -> String {
    let rows = findings.iter().map(|finding| {
        [finding.status.word(), finding.item.name(), &finding.text].map(str::to_owned).to_vec()
    });
    table::columns(rows, &[table::Align::Left; 3])
}

fn nagios(findings: &[Finding], place: &str) -> String {
    let status = worst(findings);
    let said: Vec<String> = findings
        .iter()
        .filter(|finding| finding.status == status && status != Status::Ok)
        .map(|finding| format!("{}: {}", finding.item.name(), finding.text))
        .collect();
    let summary = match said.as_slice() {
        [] => format!("{} items at {place}", findings.len()),
        _ => said.join("; "),
    };
    let numbers: Vec<String> = findings.iter().filter_map(performance).collect();
    // A bar begins the numbers.
    let (summary, lines) = (summary.replace('|', "/"), lines(findings).replace('|', "/"));
    format!("SALDO {} - {summary} | {}\n{lines}", status.word().to_uppercase(), numbers.join(" "))
}

/// `label=value[unit];warn;crit;min;max`; a bound below which it is bad ends with a colon.
fn performance(finding: &Finding) -> Option<String> {
    let value = finding.value?;
    let unit = match finding.item.unit() {
        Unit::Seconds => "s",
        Unit::Bytes => "B",
        Unit::Count => "",
    };
    let side = if finding.item.bad() == Bad::Low { ":" } else { "" };
    let bound =
        |bound: Option<f64>| bound.map(|bound| format!("{bound}{side}")).unwrap_or_default();
    let min = if value < 0.0 { "" } else { "0" };
    let max = finding.max.map(|max| max.to_string()).unwrap_or_default();
    let (warn, crit) = (bound(finding.warn), bound(finding.crit));
    Some(format!("{}={value}{unit};{warn};{crit};{min};{max}", finding.item.name()))
}

fn prometheus(findings: &[Finding]) -> String {
    let mut text = String::from(
        "# HELP saldo_check_status how the item is: 0 ok, 1 warning, 2 critical, 3 unknown\n\
         # TYPE saldo_check_status gauge\n",
    );
    for finding in findings {
        let (item, code) = (finding.item.name(), finding.status.code());
        text.push_str(&format!("saldo_check_status{{item=\"{item}\"}} {code}\n"));
    }
    text.push_str(
        "# HELP saldo_check_value what was measured, in the unit of the label\n\
         # TYPE saldo_check_value gauge\n",
    );
    for finding in findings {
        let (item, unit) = (finding.item.name(), unit(finding));
        if let Some(value) = finding.value {
            let labels = format!("item=\"{item}\",unit=\"{unit}\"");
            text.push_str(&format!("saldo_check_value{{{labels}}} {value}\n"));
        }
    }
    text
}

fn unit(finding: &Finding) -> &'static str {
    match finding.item.unit() {
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::Count => "count",
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    status: &'static str,
    exit_code: u8,
    server: &'a str,
    items: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    item: &'static str,
    status: &'static str,
    value: Option<Number>,
    unit: &'static str,
    warn: Option<Number>,
    crit: Option<Number>,
    text: &'a str,
}

impl<'a> Document<'a> {
    fn of(findings: &'a [Finding], server: &'a str) -> Self {
        let status = worst(findings);
        let rows = findings.iter().map(|finding| Row {
            item: finding.item.name(),
            status: finding.status.word(),
            value: finding.value.map(Number),
            unit: unit(finding),
            warn: finding.warn.map(Number),
            crit: finding.crit.map(Number),
            text: &finding.text,
        });
        Self {
            schema: "saldo.check/1",
            status: status.word(),
            exit_code: status.code(),
            server,
            items: rows.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::Item;
    use super::*;

    fn findings() -> Vec<Finding> {
        let bounds = |warn, crit| (Some(warn), Some(crit));
        vec![
            Finding::said(Item::Reachable, Status::Ok, "answered in 1 ms").measured(0.001),
            Finding::said(Item::Ready, Status::Ok, "it serves"),
            Finding::held(Item::P99, 0.06, bounds(0.05, 1.0), "60 ms | of commits".into()),
            Finding {
                max: Some(100.0),
                ..Finding::held(Item::Disk, 20.0, bounds(15.0, 5.0), "20 B".into())
            },
            Finding::said(Item::Money, Status::Unknown, "the totals cannot be read"),
        ]
    }

    #[test]
    fn the_whole_is_as_its_worst_item_and_not_to_know_is_less_than_a_warning() {
        let mut findings = findings();
        assert_eq!(worst(&findings), Status::Warning);
        findings.retain(|finding| finding.item != Item::P99);
        assert_eq!(worst(&findings), Status::Unknown);
        findings.push(Finding::said(Item::Index, Status::Critical, ""));
        assert_eq!(worst(&findings), Status::Critical);
        assert_eq!(worst(&[]), Status::Unknown);
    }

    #[test]
    fn text_has_a_line_for_each_item() {
        assert_eq!(
            Format::Text.tell(&findings(), "here:1").unwrap(),
            "ok       reachable  answered in 1 ms\n\
             ok       ready      it serves\n\
             warning  p99        60 ms | of commits\n\
             ok       disk       20 B\n\
             unknown  money      the totals cannot be read\n"
        );
    }

    #[test]
    fn nagios_gets_the_worst_first_and_numbers_behind_one_bar() {
        let told = Format::Nagios.tell(&findings(), "here:1").unwrap();
        let (first, rest) = told.split_once('\n').unwrap();
        assert_eq!(
            first,
            "SALDO WARNING - p99: 60 ms / of commits | reachable=0.001s;;;0; p99=0.06s;0.05;1;0; \
             disk=20B;15:;5:;0;100"
        );
        assert!(!rest.contains('|'), "{rest}");
        assert_eq!(rest.lines().count(), 5);
    }

    #[test]
    fn programs_get_a_document_and_collectors_get_metrics() {
        let told = Format::Json.tell(&findings(), "here:1").unwrap();
        let document: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(document["schema"], "saldo.check/1");
        assert_eq!(document["exit_code"], 1);
        assert_eq!(document["items"][2]["warn"], 0.05);
        assert_eq!(document["items"][4]["value"], serde_json::Value::Null);
        let told = Format::Prometheus.tell(&findings(), "here:1").unwrap();
        assert!(told.contains("saldo_check_status{item=\"money\"} 3\n"), "{told}");
        assert!(told.contains("saldo_check_value{item=\"disk\",unit=\"bytes\"} 20\n"), "{told}");
    }
}
