//! What pages of metrics say: of a moment from one page, of an interval from two. Pure arithmetic.
//!
//! **Invariant:** what the server does not tell is absent, never zero.

use std::collections::BTreeMap;

use crate::vitals::{COMMITS, Histogram, Page, Quantile, REQUESTS};

/// A page, and when it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What was read.
    pub page: Page,
    /// By a clock that only goes forward, in seconds.
    pub at: f64,
    /// By this machine's clock, in seconds since the Unix epoch.
    pub wall: f64,
}

/// What a page says of its moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// Which program, and what keeps its bank.
    pub version: Option<String>,
    pub engine: Option<String>,
    /// The last event that is durable, and how many are staged behind it.
    pub seq_durable: Option<f64>,
    pub staged_ahead: Option<f64>,
    /// Events that wait for the history index.
    pub index_lag: Option<f64>,
    pub accounts: Option<f64>,
    /// Zero, or money was made or lost.
    pub money_sum: Option<f64>,
    /// Open connections by the door they came to.
    pub connections: Vec<(String, f64)>,
    pub segments: Option<f64>,
    pub memory_bytes: Option<f64>,
    pub disk_free_bytes: Option<f64>,
    pub uptime_seconds: Option<f64>,
    /// The seq of the last checkpoint, and how long ago it was made.
    pub checkpoint: Option<(f64, f64)>,
    /// Whether the database of the bank answers, where one keeps it.
    pub is_reached: Option<bool>,
}

/// What two pages say of the time between them; rates are per second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    pub events: Option<f64>,
    pub commits: Option<f64>,
    /// In seconds.
    pub commit_p50: Option<Quantile>,
    pub commit_p99: Option<Quantile>,
    /// Mean number of events that were committed at once.
    pub group_events: Option<f64>,
    pub requests: Option<f64>,
    /// In seconds.
    pub request_p99: Option<Quantile>,
    /// Requests by what came of them.
    pub outcomes: Vec<(String, f64)>,
    /// Of one processor: 1.5 is one and a half of them.
    pub processors: Option<f64>,
}

/// What the page says of its moment.
pub fn moment(reading: &Reading) -> Moment {
    let Reading { page, wall, .. } = reading;
    let one = |name| page.least(name);
    let ago = |then: f64| (wall - then).max(0.0);
    let label = |name| page.label("saldo_build_info", name).map(str::to_owned);
    let checkpoint =
        one("saldo_snapshot_seq").zip(one("saldo_snapshot_timestamp_seconds").map(ago));
    let connections = page.by("saldo_connections", "transport");
    let staged = one("saldo_journal_seq_staged").zip(one("saldo_journal_seq_durable"));
    Moment {
        version: label("version"),
        engine: label("engine"),
        seq_durable: one("saldo_journal_seq_durable"),
        staged_ahead: staged.map(|(staged, durable)| (staged - durable).max(0.0)),
        index_lag: one("saldo_index_lag_events"),
        accounts: one("saldo_accounts"),
        money_sum: one("saldo_money_sum"),
        connections: connections
            .into_iter()
            .map(|(door, count)| (door.to_owned(), count))
            .collect(),
        segments: one("saldo_journal_segments"),
        memory_bytes: one("process_resident_memory_bytes"),
        disk_free_bytes: one("saldo_disk_free_bytes"),
        uptime_seconds: one("process_start_time_seconds").map(ago),
        checkpoint,
        is_reached: one("saldo_postgres_reached").map(|reached| reached != 0.0),
    }
}

/// Whether the two pages come from different processes: counters that began anew have no difference.
pub fn is_another_process(earlier: &Reading, later: &Reading) -> bool {
    let value = |reading: &Reading, name| reading.page.least(name);
    let differs = |name| {
        let pair = value(earlier, name).zip(value(later, name));
        pair.is_some_and(|(one, other): (f64, f64)| one.total_cmp(&other).is_ne())
    };
    let fell = |name| {
        let pair = value(earlier, name).zip(value(later, name));
        pair.is_some_and(|(one, other)| other < one)
    };
    differs("process_start_time_seconds")
        || fell("process_cpu_seconds_total")
        || fell("saldo_journal_seq_durable")
}

/// What lies between two pages; `None` when nothing can be said of it.
pub fn interval(earlier: &Reading, later: &Reading) -> Option<Interval> {
    let seconds = later.at - earlier.at;
    if seconds <= 0.0 || is_another_process(earlier, later) {
        return None;
    }
    let rate = |name| {
        let grown = later.page.sum(name)? - earlier.page.sum(name)?;
        Some(grown.max(0.0) / seconds)
    };
    let between = |name| {
        let (before, after) =
            (Histogram::of(&earlier.page, name)?, Histogram::of(&later.page, name)?);
        after.since(&before)
    };
    let (commits, requests) = (between(COMMITS), between(REQUESTS));
    let quantile = |histogram: &Option<Histogram>, share| histogram.as_ref()?.quantile(share);
    let count = |histogram: &Option<Histogram>| histogram.as_ref().map(|all| all.count() / seconds);
    Some(Interval {
        events: rate("saldo_journal_seq_durable"),
        commits: count(&commits),
        commit_p50: quantile(&commits, 0.5),
        commit_p99: quantile(&commits, 0.99),
        group_events: between("saldo_journal_group_events").and_then(|groups| groups.mean()),
        requests: rate("saldo_requests_total").or_else(|| count(&requests)),
        request_p99: quantile(&requests, 0.99),
        outcomes: outcomes(&earlier.page, &later.page, seconds),
        processors: rate("process_cpu_seconds_total"),
    })
}

/// Rates of what was asked, by what came of it, the most frequent first; what did not happen is left out.
fn outcomes(earlier: &Page, later: &Page, seconds: f64) -> Vec<(String, f64)> {
    let name = ("saldo_requests_total", "outcome");
    let before: BTreeMap<&str, f64> = earlier.by(name.0, name.1);
    let mut rates: Vec<(String, f64)> = later
        .by(name.0, name.1)
        .into_iter()
        .map(|(outcome, count)| {
            let grown = count - before.get(outcome).copied().unwrap_or(0.0);
            (outcome.to_owned(), grown / seconds)
        })
        .filter(|(_, rate)| *rate > 0.0)
        .collect();
    rates.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at: f64, text: &str) -> Reading {
        let page = Page::parse(&format!("{text}# EOF\n")).unwrap();
        Reading { page, at, wall: 1_000_000.0 + at }
    }

    #[test]
    fn rates_are_differences_by_the_time_between_the_pages() {
        let page = |seq: u32, ok: u32, no: u32, cpu: f64| {
            format!(
                "process_start_time_seconds 5\nsaldo_journal_seq_durable {seq}\n\
                 saldo_requests_total{{transport=\"tcp\",outcome=\"ok\"}} {ok}\n\
                 saldo_requests_total{{transport=\"tcp\",outcome=\"no\"}} {no}\n\
                 saldo_requests_total{{transport=\"http\",outcome=\"idle\"}} 7\n\
                 process_cpu_seconds_total {cpu}\n"
            )
        };
        let earlier = reading(10.0, &page(1_000, 90, 5, 1.5));
        let later = reading(12.0, &page(1_500, 100, 45, 4.5));
        let interval = interval(&earlier, &later).unwrap();
        assert_eq!(interval.events, Some(250.0));
        assert_eq!(interval.requests, Some(25.0));
        let outcomes = [("no".to_owned(), 20.0), ("ok".to_owned(), 5.0)];
        assert_eq!(interval.outcomes, outcomes);
        assert_eq!(interval.processors, Some(1.5));
        assert_eq!(interval.commits, None, "what is not told is absent");
    }

    #[test]
    fn commits_of_the_interval_alone_have_quantiles_and_a_group_size() {
        let page = |fast: u32, all: u32, groups: u32, events: u32| {
            format!(
                "{COMMITS}_bucket{{le=\"0.001\"}} {fast}\n{COMMITS}_bucket{{le=\"0.1\"}} {all}\n\
                 {COMMITS}_bucket{{le=\"+Inf\"}} {all}\n{COMMITS}_sum 1\n\
                 saldo_journal_group_events_bucket{{le=\"+Inf\"}} {groups}\n\
                 saldo_journal_group_events_sum {events}\n"
            )
        };
        // A thousand fast ones before; the four of the interval were slow.
        let earlier = reading(0.0, &page(1_000, 1_000, 1_000, 1_000));
        let later = reading(2.0, &page(1_000, 1_004, 1_004, 1_100));
        let interval = interval(&earlier, &later).unwrap();
        assert_eq!(interval.commits, Some(2.0));
        assert!(interval.commit_p50.unwrap().value() > 0.05);
        assert_eq!(interval.group_events, Some(25.0));
    }

    #[test]
    fn a_server_that_was_started_again_has_no_interval() {
        let of = |start: u32, seq: u32| {
            format!("process_start_time_seconds {start}\nsaldo_journal_seq_durable {seq}\n")
        };
        let earlier = reading(0.0, &of(5, 10));
        assert_eq!(interval(&earlier, &reading(1.0, &of(6, 20))), None);
        assert_eq!(interval(&earlier, &reading(1.0, &of(5, 9))), None);
        assert_eq!(interval(&earlier, &reading(0.0, &of(5, 20))), None, "no time has passed");
        assert!(interval(&earlier, &reading(1.0, &of(5, 10))).is_some());
    }

    #[test]
    fn a_moment_has_distances_and_ages() {
        let text = "saldo_journal_seq_staged 12\nsaldo_journal_seq_durable 10\n\
            saldo_snapshot_seq 8\nsaldo_snapshot_timestamp_seconds 999990\n\
            process_start_time_seconds 999400\nsaldo_build_info{version=\"1\",engine=\"folder\"} 1\n\
            saldo_connections{transport=\"tcp\"} 3\n";
        let moment = moment(&reading(0.0, text));
        assert_eq!(moment.staged_ahead, Some(2.0));
        assert_eq!(moment.checkpoint, Some((8.0, 10.0)));
        assert_eq!(moment.uptime_seconds, Some(600.0));
        assert_eq!(moment.engine.as_deref(), Some("folder"));
        assert_eq!(moment.connections, [("tcp".to_owned(), 3.0)]);
        assert_eq!((moment.money_sum, moment.is_reached), (None, None));
    }
}
