//! The report as one page that needs nothing else: no script, no font, no picture from elsewhere.
//! Light or dark as the reader's system is.
//! Not here: how a plot is drawn (`plot`).

mod plot;

use super::baseline::Baseline;
use super::figures::Figures;
use super::report::{Report, millis};
use plot::{Bars, Colour, Lines, Series};

/// How the page looks.
const STYLE: &str = include_str!("style.css");

/// Stretches are joined until there are at most so many points in a line.
const POINTS_MAX: usize = 600;

/// The page of a report, beside an earlier one if there is one.
pub fn page(report: &Report, baseline: Option<&Baseline>) -> String {
    let mut body = String::new();
    add(&mut body, &format!("<h1>saldo bench: {}</h1>", escape(report.workload)));
    add(&mut body, &format!("<p>{}</p>", escape(&report.load())));
    add(&mut body, &format!("<p class=\"headline\">{}</p>", escape(&report.rates())));
    if let Some(baseline) = baseline {
        let other = baseline.differences(report);
        if !other.is_empty() {
            let text = format!("The baseline was measured with {other}.");
            add(&mut body, &format!("<p class=\"note\">{}</p>", escape(&text)));
        }
    }
    add(&mut body, "<h2>Throughput over time</h2>");
    body.push_str(&over_time(report));
    add(&mut body, "<h2>Latency</h2>");
    body.push_str(&latencies(report, baseline));
    add(&mut body, "<h2>Comparison</h2>");
    body.push_str(&comparison(report, baseline));
    body.push_str(&table(report, baseline));
    let facts = report.answer().map(|answer| answer.table).unwrap_or_default();
    add(&mut body, &format!("<h2>All figures</h2>\n<pre>{}</pre>", escape(&facts)));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>saldo bench: {}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(report.workload)
    )
}

/// Answered requests in a second, run by run.
fn over_time(report: &Report) -> String {
    let series = report.runs.iter().zip(1..).map(|(run, number)| Series {
        name: format!("run {number}"),
        colour: Colour::Run(number - 1),
        points: per_second(run),
    });
    let lines = Lines {
        title: "answered requests per second over time, one line per run",
        across: "seconds",
        up: "requests/s",
        series: series.collect(),
    };
    lines.draw()
}

/// Seconds and requests per second. The last stretch is left out when another is left: it is
/// shorter than the others.
fn per_second(run: &Figures) -> Vec<(f64, f64)> {
    let answered = &run.over_time.answered;
    let whole = answered.get(..answered.len().saturating_sub(1)).filter(|whole| !whole.is_empty());
    let answered = whole.unwrap_or(answered);
    let joined = answered.len().div_ceil(POINTS_MAX).max(1);
    let seconds = number(run.over_time.interval_ms) / 1_000.0;
    let points = answered.chunks(joined).enumerate().map(|(place, stretch)| {
        let (begin, width) = (number((place * joined) as u64), number(stretch.len() as u64));
        let count = number(stretch.iter().sum::<u64>());
        ((begin + width / 2.0) * seconds, count / (width * seconds))
    });
    points.collect()
}

/// The percentiles of every run and of the baseline, in milliseconds on a scale of powers of ten.
fn latencies(report: &Report, baseline: Option<&Baseline>) -> String {
    let mut series: Vec<Series> = Vec::new();
    if let Some(baseline) = baseline {
        let named = baseline.latency_us.named();
        let points = (0..).map(f64::from).zip(named);
        let points = points.filter_map(|(place, (_, us))| Some((place, number(us?) / 1_000.0)));
        let name = "baseline".to_owned();
        series.push(Series { name, colour: Colour::Earlier, points: points.collect() });
    }
    for (run, count) in report.runs.iter().zip(1..) {
        let points = (0..).map(f64::from).zip(run.latency_us.named());
        let points = points.map(|(place, (_, us))| (place, number(us) / 1_000.0));
        let (name, colour) = (format!("run {count}"), Colour::Run(count - 1));
        series.push(Series { name, colour, points: points.collect() });
    }
    let names = report.latency_us.named().map(|(name, _)| name);
    plot::percentiles("latency of requests in milliseconds", &names, &series)
}

/// The rate of every run and of the baseline.
fn comparison(report: &Report, baseline: Option<&Baseline>) -> String {
    let mut bars: Vec<(String, Colour, f64)> = Vec::new();
    if let Some(baseline) = baseline {
        let rate = number(baseline.operations_per_second());
        bars.push(("baseline".to_owned(), Colour::Earlier, rate));
    }
    for (run, count) in report.runs.iter().zip(1..) {
        let rate = number(run.operations_per_second);
        bars.push((format!("run {count}"), Colour::Run(count - 1), rate));
    }
    Bars { title: "operations per second", bars }.draw()
}

/// The same in numbers.
fn table(report: &Report, baseline: Option<&Baseline>) -> String {
    let mut rows = String::new();
    let head: String =
        report.latency_us.named().iter().map(|(name, _)| format!("<th>{name} ms</th>")).collect();
    add(&mut rows, &format!("<tr><th></th><th>operations/s</th>{head}</tr>"));
    let mut row = |name: &str, rate: u64, latencies: [Option<u64>; 6]| {
        let cells: String = latencies
            .iter()
            .map(|us| format!("<td>{}</td>", us.map(millis).unwrap_or_default()))
            .collect();
        add(&mut rows, &format!("<tr><th>{name}</th><td>{rate}</td>{cells}</tr>"));
    };
    if let Some(baseline) = baseline {
        let latencies = baseline.latency_us.named().map(|(_, us)| us);
        row("baseline", baseline.operations_per_second(), latencies);
    }
    for (run, number) in report.runs.iter().zip(1..) {
        let latencies = run.latency_us.named().map(|(_, us)| Some(us));
        row(&format!("run {number}"), run.operations_per_second, latencies);
    }
    if report.runs.len() > 1 {
        let latencies = report.latency_us.named().map(|(_, us)| Some(us));
        row("median", report.operations_per_second, latencies);
    }
    format!("<table>\n{rows}</table>\n")
}

fn add(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[expect(clippy::cast_precision_loss, reason = "a plot is not exact to sixteen digits")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Load;
    use crate::bench::report::tests::report;
    use crate::bench::workload::Workload;

    fn baseline() -> Baseline {
        let text = r#"{"schema":"saldo.bench/1","conns":64,"depth":1,"accounts":100,
            "transfers_per_second":320,"latency_us":{"p50":1000,"p99":5000,"p99_9":6000,"max":70000}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn of(load: &Load, baseline: Option<&Baseline>) -> String {
        page(&report(load, &[(1_000, 0, 2_000), (500, 0, 1_000)]), baseline)
    }

    #[test]
    fn the_page_has_a_plot_of_each_kind_and_loads_nothing() {
        let page = of(&Load::of(Workload::Transfer, 100), None);
        assert_eq!(page.matches("<svg").count(), 3, "over time, latency, comparison");
        assert_eq!(page.matches("</svg>").count(), 3);
        assert_eq!(page.matches("<polyline").count(), 4, "two runs in two plots");
        assert!(page.contains("prefers-color-scheme: dark"));
        for from_elsewhere in ["http:", "https:", "<script", "<link", "src=", "url(", "@import"] {
            assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
        }
        assert!(page.contains("<tr><th>median</th><td>300</td>"), "{page}");
    }

    #[test]
    fn a_baseline_stands_beside_the_runs_with_what_was_other() {
        let load = Load { conns: 64, ..Load::of(Workload::Transfer, 100) };
        let earlier = baseline();
        assert_eq!(earlier.differences(&report(&load, &[(1, 0, 1)])), "");
        let page = of(&load, Some(&earlier));
        assert_eq!(page.matches("<polyline").count(), 5);
        assert!(page.contains("<tr><th>baseline</th><td>320</td><td>1.000</td><td></td>"));
        assert!(!page.contains("The baseline was measured with"));
        for colour in ["s0", "s1", "s5", "f0", "f1", "f5"] {
            let count = page.matches(&format!("class=\"{colour}\"")).count();
            let (lines, bars) = (colour.starts_with('s'), colour.ends_with('5'));
            let needed = match (lines, bars) {
                (true, false) => 2,
                (true, true) => 1,
                // Beside each line, and a bar.
                (false, false) => 3,
                (false, true) => 2,
            };
            assert_eq!(count, needed, "one series has one colour in all plots: {colour}");
        }
        let other = Load { rate: Some(9), ..Load::of(Workload::Mixed, 100) };
        let page = of(&other, Some(&earlier));
        assert!(
            page.contains("measured with workload transfer, 64 connections, no rate."),
            "{page}"
        );
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        assert_eq!(escape("<a b=\"c\">&"), "&lt;a b=&quot;c&quot;&gt;&amp;");
    }

    #[test]
    fn a_long_run_is_drawn_with_few_points_that_keep_their_sum() {
        let mut run = report(&Load::of(Workload::Transfer, 2), &[(1, 0, 1)]).runs.remove(0);
        run.over_time.answered = vec![10; 3_001];
        let points = per_second(&run);
        assert_eq!(points.len(), 600);
        assert!(points.iter().all(|(_, rate)| (rate - 100.0).abs() < 1e-6));
    }
}
