//! The figures without a screen: a row for each interval.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Pace;
use super::figures::{Interval, Moment};
use super::poll::{News, begin};
use super::watch::{Contact, Watch};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::moment;
use crate::output::{Answer, Output, Rows, json_line, note, tsv};
use crate::vitals::Quantile;
use crate::vitals::show::{self, Number};

/// What each value of a row is.
const COLUMNS: [&str; 13] = [
    "at",
    "events_per_second",
    "commit_p50_us",
    "commit_p99_us",
    "group_events",
    "staged_ahead",
    "index_lag",
    "accounts",
    "money_sum",
    "connections",
    "requests_per_second",
    "cpu_percent",
    "memory_bytes",
];

/// How many rows of a table stand below one header.
const ROWS_PER_HEADER: u32 = 20;

/// Writes a row for each interval until it has been so many, somebody ends it, or nobody reads.
/// Errors: the server does not answer at the first or at the last time.
pub fn run(http: &Http, pace: Pace, output: Output) -> Result<(), Failure> {
    let news = begin(http.clone(), pace.every, false)?;
    let mut watch = Watch::default();
    let (mut rows, mut intervals) = (0, 0);
    // The first page only begins the first interval.
    let mut is_first = true;
    while let Ok(News::Read(read)) = news.recv() {
        let at = read.as_ref().map_or(0.0, |reading| reading.wall);
        watch.take(read);
        if is_first && let Contact::Lost { why, .. } = &watch.contact {
            return Err(lost(http, why));
        }
        tell(http, &watch.contact);
        if let (Some(moment), Some(interval)) = (&watch.moment, &watch.interval) {
            let row = Row::of(at, moment, interval);
            if !output.print_page(&row.answer(rows)?, rows == 0)? {
                return Ok(());
            }
            rows += 1;
        }
        intervals += u32::from(!is_first);
        is_first = false;
        if pace.count.is_some_and(|count| intervals >= count) {
            break;
        }
    }
    match &watch.contact {
        Contact::Lost { why, .. } => Err(lost(http, why)),
        Contact::None | Contact::Live | Contact::Found { .. } => Ok(()),
    }
}

fn lost(http: &Http, why: &str) -> Failure {
    Failure::new(
        Exit::NothingDone,
        "unreachable",
        format!("no figures from {}: {why}", http.place()),
    )
    .retryable()
    .hint("start it with `saldo serve`, or name another with --http host:port")
}

/// Tells what becomes of the server, once each time.
fn tell(http: &Http, contact: &Contact) {
    match contact {
        Contact::Lost { times: 1, why } => {
            note(&format!("no figures from {}: {why}; asking again", http.place()));
        }
        Contact::Found { is_new: false, pages_left: super::watch::PAGES_TO_TELL } => {
            note(&format!("{} answers again", http.place()));
        }
        Contact::Found { is_new: true, pages_left: super::watch::PAGES_TO_TELL } => {
            note(&format!("{} was started again", http.place()));
        }
        Contact::None | Contact::Live | Contact::Found { .. } | Contact::Lost { .. } => {}
    }
}

/// The figures of an interval, for programs.
#[derive(Debug, Serialize)]
struct Row {
    schema: &'static str,
    /// Microseconds since the Unix epoch.
    at: u64,
    seq_durable: Option<Number>,
    events_per_second: Option<Number>,
    commits_per_second: Option<Number>,
    commit_p50_us: Option<Number>,
    commit_p99_us: Option<Number>,
    group_events: Option<Number>,
    staged_ahead: Option<Number>,
    index_lag: Option<Number>,
    accounts: Option<Number>,
    money_sum: Option<Number>,
    connections: Option<Number>,
    requests_per_second: Option<Number>,
    request_p99_us: Option<Number>,
    outcomes_per_second: BTreeMap<String, Number>,
    cpu_percent: Option<Number>,
    memory_bytes: Option<Number>,
}

impl Row {
    fn of(wall: f64, moment: &Moment, interval: &Interval) -> Self {
        let micros =
            |quantile: Option<Quantile>| quantile.map(|quantile| Number(quantile.value() * 1e6));
        let is_told = !moment.connections.is_empty();
        let connections = || Number(moment.connections.iter().map(|(_, count)| count).sum());
        Self {
            schema: "saldo.top/1",
            at: micros_of(wall),
            seq_durable: moment.seq_durable.map(Number),
            events_per_second: interval.events.map(Number),
            commits_per_second: interval.commits.map(Number),
            commit_p50_us: micros(interval.commit_p50),
            commit_p99_us: micros(interval.commit_p99),
            group_events: interval.group_events.map(Number),
            staged_ahead: moment.staged_ahead.map(Number),
            index_lag: moment.index_lag.map(Number),
            accounts: moment.accounts.map(Number),
            money_sum: moment.money_sum.map(Number),
            connections: is_told.then(connections),
            requests_per_second: interval.requests.map(Number),
            request_p99_us: micros(interval.request_p99),
            outcomes_per_second: interval
                .outcomes
                .iter()
                .map(|(outcome, rate)| (outcome.clone(), Number(*rate)))
                .collect(),
            cpu_percent: interval.processors.map(|processors| Number(processors * 100.0)),
            memory_bytes: moment.memory_bytes.map(Number),
        }
    }

    /// The row in each form; `before`: how many rows stand above it.
    fn answer(&self, before: u32) -> Result<Answer, Failure> {
        let exact = |value: Option<Number>| {
            value.map(|Number(value)| show::whole(value)).unwrap_or_default()
        };
        let fraction = |value: Option<Number>| {
            value.map(|Number(value)| format!("{value:.1}")).unwrap_or_default()
        };
        let mut answer =
            Answer { rows: Rows::of(&COLUMNS), json: json_line(self)?, ..Answer::default() };
        answer.rows.add([
            moment::exact(self.at),
            fraction(self.events_per_second),
            exact(self.commit_p50_us),
            exact(self.commit_p99_us),
            fraction(self.group_events),
            exact(self.staged_ahead),
            exact(self.index_lag),
            exact(self.accounts),
            exact(self.money_sum),
            exact(self.connections),
            fraction(self.requests_per_second),
            fraction(self.cpu_percent),
            exact(self.memory_bytes),
        ]);
        tsv::row(&mut answer.bare, [fraction(self.events_per_second)]);
        answer.table = self.table(before);
        Ok(answer)
    }

    /// The row for people, below a header now and then; columns keep their widths.
    fn table(&self, before: u32) -> String {
        let time = |micros: Option<Number>| micros.map(|Number(micros)| show::time(micros / 1e6));
        let told =
            |value: Option<Number>, shown: fn(f64) -> String| value.map(|Number(v)| shown(v));
        let cells = [
            ("events/s", told(self.events_per_second, show::rate)),
            ("p50", time(self.commit_p50_us)),
            ("p99", time(self.commit_p99_us)),
            ("group", told(self.group_events, show::rate)),
            ("staged", told(self.staged_ahead, show::count)),
            ("index", told(self.index_lag, show::count)),
            ("accounts", told(self.accounts, show::count)),
            ("money", told(self.money_sum, show::whole)),
            ("cpu %", told(self.cpu_percent, show::rate)),
        ];
        let mut lines = String::new();
        if before.is_multiple_of(ROWS_PER_HEADER) {
            cells.iter().for_each(|(name, _)| lines.push_str(&format!("{name:>9}")));
            lines.push('\n');
        }
        for (_, value) in &cells {
            lines.push_str(&format!("{:>9}", value.as_deref().unwrap_or("-")));
        }
        lines.push('\n');
        lines
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes the nearest whole number that there is"
)]
fn micros_of(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let moment = Moment {
            staged_ahead: Some(3.0),
            money_sum: Some(0.0),
            accounts: Some(12_500.0),
            connections: vec![("http".into(), 1.0), ("tcp".into(), 2.0)],
            ..Moment::default()
        };
        let interval = Interval {
            events: Some(1_234.56),
            commit_p99: Some(Quantile::About(0.001_25)),
            ..Interval::default()
        };
        Row::of(1_764_064_800.5, &moment, &interval)
    }

    #[test]
    fn a_row_has_its_columns_and_what_is_not_told_is_empty() {
        let answer = row().answer(1).unwrap();
        assert_eq!(
            answer.rows.tsv(),
            "2025-11-25T10:00:00.500000Z\t1234.6\t\t1250\t\t3\t\t12500\t0\t3\t\t\t\n"
        );
        assert_eq!(answer.bare, "1234.6\n");
        assert_eq!(
            answer.table,
            "     1235        -  1.25 ms        -        3        -   12.5 k        0        -\n"
        );
        let document: serde_json::Value = serde_json::from_str(&answer.json).unwrap();
        assert_eq!(document["schema"], "saldo.top/1");
        assert_eq!(document["at"], 1_764_064_800_500_000_u64);
        assert_eq!(document["index_lag"], serde_json::Value::Null);
    }

    #[test]
    fn a_table_has_a_header_now_and_then() {
        let lines = |before| row().answer(before).unwrap().table.lines().count();
        assert_eq!((lines(0), lines(1), lines(19), lines(20)), (2, 1, 1, 2));
    }
}
