//! What two pages of metrics say about each item.

use std::time::Duration;

use super::finding::{Finding, Status};
use super::item::{Item, Unit};
use super::limits::{Bound, Limits};
use crate::vitals::{COMMITS, Histogram, Page, Quantile, REQUESTS, show};

/// The last page, and one that was read before it.
#[derive(Debug)]
pub struct Pages {
    /// The one before.
    pub earlier: Page,
    /// The last one.
    pub later: Page,
    /// How long lay between them.
    pub between: Duration,
    /// When the last one was read, in seconds since the Unix epoch, by this machine's clock.
    pub now: f64,
}

/// Every item that stands in the pages.
pub fn judge(pages: &Pages, limits: &Limits) -> Vec<Finding> {
    vec![
        p99(pages, limits),
        sync(pages, limits),
        disk(pages, limits),
        snapshot(pages, limits),
        index(pages, limits),
        money(pages),
        certificate(pages, limits),
    ]
}

fn p99(pages: &Pages, limits: &Limits) -> Finding {
    let item = Item::P99;
    let (name, of) = match Histogram::of(&pages.later, REQUESTS) {
        Some(_) => (REQUESTS, "requests"),
        None => (COMMITS, "commits"),
    };
    let within = show::time(pages.between.as_secs_f64());
    match between(pages, name) {
        None => not_told(item, limits, "the server times neither requests nor commits"),
        Some(histogram) => match histogram.quantile(0.99) {
            None => Finding::said(item, Status::Ok, format!("no {of} in {within}")),
            Some(quantile) => slowest(quantile, of, &within, limits),
        },
    }
}

/// A p99, held against its limits; one above the last bound that is counted is beyond that bound.
fn slowest(quantile: Quantile, of: &str, within: &str, limits: &Limits) -> Finding {
    let (above, value) = match quantile {
        Quantile::About(value) => ("", value),
        Quantile::Above(bound) => ("over ", bound.next_up()),
    };
    let text = format!("{above}{}, of {of} in {within}", show::time(quantile.value()));
    held(Item::P99, value, None, limits, text).measured(quantile.value())
}

fn sync(pages: &Pages, limits: &Limits) -> Finding {
    let item = Item::Sync;
    let within = show::time(pages.between.as_secs_f64());
    match between(pages, COMMITS) {
        None => not_told(item, limits, "the server has no journal of its own"),
        Some(histogram) => match histogram.mean() {
            None => Finding::said(item, Status::Ok, format!("no commits in {within}")),
            Some(mean) => {
                let count = show::count(histogram.count());
                let text = format!("{}, mean of {count} in {within}", show::time(mean));
                held(item, mean, None, limits, text)
            }
        },
    }
}

/// What a histogram counted between the pages; all of it when the process is another one.
fn between(pages: &Pages, name: &str) -> Option<Histogram> {
    let later = Histogram::of(&pages.later, name)?;
    let earlier = Histogram::of(&pages.earlier, name);
    Some(earlier.and_then(|earlier| later.since(&earlier)).unwrap_or(later))
}

fn disk(pages: &Pages, limits: &Limits) -> Finding {
    let item = Item::Disk;
    let Some(free) = pages.later.least("saldo_disk_free_bytes") else {
        return not_told(item, limits, "the server keeps no folder");
    };
    let size = pages.later.least("saldo_disk_size_bytes").filter(|size| *size > 0.0);
    let text = match size {
        Some(size) => format!("{} free, {:.1} %", show::bytes(free), free / size * 100.0),
        None => format!("{} free", show::bytes(free)),
    };
    held(item, free, size, limits, text)
}

fn snapshot(pages: &Pages, limits: &Limits) -> Finding {
    let item = Item::Snapshot;
    let Some(made) = pages.later.least("saldo_snapshot_timestamp_seconds") else {
        return not_told(item, limits, "no checkpoint since the server was started");
    };
    let age = (pages.now - made).max(0.0);
    held(item, age, None, limits, format!("made {} ago", show::time(age)))
}

fn index(pages: &Pages, limits: &Limits) -> Finding {
    let item = Item::Index;
    match pages.later.least("saldo_index_lag_events") {
        None => not_told(item, limits, "the server has no index of its own"),
        Some(lag) => held(item, lag, None, limits, format!("{} events behind", show::whole(lag))),
    }
}

fn money(pages: &Pages) -> Finding {
    match pages.later.sum("saldo_money_sum") {
        None => Finding::said(Item::Money, Status::Unknown, "the totals cannot be read"),
        Some(0.0) => Finding::said(Item::Money, Status::Ok, "sums to 0").measured(0.0),
        Some(sum) => {
            let text =
                format!("sums to {}, not to 0: stop it and run saldo verify", show::whole(sum));
            Finding::said(Item::Money, Status::Critical, text).measured(sum)
        }
    }
}

fn certificate(pages: &Pages, limits: &Limits) -> Finding {
    let item = Item::Certificate;
    let Some(until) = pages.later.least("saldo_certificate_expiry_timestamp_seconds") else {
        return not_told(item, limits, "the server has no certificate");
    };
    let left = until - pages.now;
    let text = match left {
        ..0.0 => format!("expired {} ago", show::time(-left)),
        _ => format!("good for {}", show::time(left)),
    };
    held(item, left, None, limits, text)
}

/// What the server does not tell: no fault, unless somebody asked for it.
fn not_told(item: Item, limits: &Limits, why: &str) -> Finding {
    let status = if limits.is_wanted(item) { Status::Unknown } else { Status::Ok };
    Finding::said(item, status, why)
}

/// Holds a value against the limits of its item. `whole`: what a share is a part of.
fn held(item: Item, value: f64, whole: Option<f64>, limits: &Limits, text: String) -> Finding {
    let in_unit = |bound: Option<Bound>| match bound {
        None => Ok(None),
        Some(Bound::At(value)) => Ok(Some(value)),
        Some(Bound::Share(share)) => whole.map(|whole| Some(whole * share)).ok_or(()),
    };
    let (Ok(warn), Ok(crit)) = (in_unit(limits.warn(item)), in_unit(limits.crit(item))) else {
        let text = format!("{text}; the server does not tell of how much");
        return Finding::said(item, Status::Unknown, text).measured(value);
    };
    let finding = Finding::held(item, value, (warn, crit), text);
    let (bound, word) = match finding.status {
        Status::Critical => (crit, "critical"),
        Status::Warning => (warn, "a warning"),
        Status::Ok | Status::Unknown => (None, ""),
    };
    let finding = Finding { max: whole, ..finding };
    match bound {
        None => finding,
        Some(bound) => {
            let side = if value > bound { "above" } else { "below" };
            let shown = match item.unit() {
                Unit::Seconds => show::time(bound),
                Unit::Bytes => show::bytes(bound),
                Unit::Count => show::whole(bound),
            };
            Finding { text: format!("{}; {word} {side} {shown}", finding.text), ..finding }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_700_000_000.0;

    /// Commits up to 1 ms, up to 0.1 s, and slower ones.
    fn page(commits: [u32; 3], more: &str) -> Page {
        let [fast, slow, all] = commits;
        let text = format!(
            "{COMMITS}_bucket{{le=\"0.001\"}} {fast}\n{COMMITS}_bucket{{le=\"0.1\"}} {slow}\n\
             {COMMITS}_bucket{{le=\"+Inf\"}} {all}\n{COMMITS}_sum 0.5\n{more}# EOF\n"
        );
        Page::parse(&text).unwrap()
    }

    fn findings(pages: &Pages, warn: &[&str]) -> Vec<Finding> {
        let warn: Vec<String> = warn.iter().map(ToString::to_string).collect();
        judge(pages, &Limits::parse(&warn, &[]).unwrap())
    }

    fn found(findings: &[Finding], item: Item) -> (Status, &str) {
        let finding = findings.iter().find(|finding| finding.item == item).unwrap();
        (finding.status, &finding.text)
    }

    fn pages(earlier: Page, later: Page) -> Pages {
        Pages { earlier, later, between: Duration::from_secs(1), now: NOW }
    }

    #[test]
    fn slow_commits_count_when_they_are_of_now_and_not_of_long_ago() {
        let (slow, more) = (page([0, 100, 100], ""), page([1_000, 1_100, 1_100], ""));
        let old = findings(&pages(slow.clone(), more), &["p99=50ms"]);
        assert_eq!(found(&old, Item::P99), (Status::Ok, "990 µs, of commits in 1 s"));
        let new = findings(&pages(page([0, 0, 0], ""), slow), &["p99=50ms"]);
        let told = "99 ms, of commits in 1 s; a warning above 50 ms";
        assert_eq!(found(&new, Item::P99), (Status::Warning, told));
    }

    #[test]
    fn a_bank_in_which_nothing_happens_is_well() {
        let idle = page([5, 5, 5], "saldo_money_sum 0\n");
        let findings = findings(&pages(idle.clone(), idle), &["p99=1us", "sync=1us"]);
        assert_eq!(found(&findings, Item::P99), (Status::Ok, "no commits in 1 s"));
        assert_eq!(found(&findings, Item::Sync), (Status::Ok, "no commits in 1 s"));
        assert!(findings.iter().all(|finding| finding.status == Status::Ok), "{findings:?}");
    }

    #[test]
    fn requests_are_judged_where_they_are_timed() {
        let timed = format!(
            "{REQUESTS}_bucket{{le=\"1.0\"}} 0\n{REQUESTS}_bucket{{le=\"+Inf\"}} 9\n{REQUESTS}_sum 20\n"
        );
        let none = timed.replace(" 9\n", " 0\n");
        let pages = pages(page([0, 0, 0], &none), page([9, 9, 9], &timed));
        let findings = findings(&pages, &[]);
        let told = "over 1 s, of requests in 1 s; critical above 1 s";
        assert_eq!(found(&findings, Item::P99), (Status::Critical, told));
    }

    #[test]
    fn money_that_does_not_sum_to_zero_is_critical_and_money_that_is_not_told_is_unknown() {
        let told = |more: &str| {
            let page = page([0, 0, 0], more);
            let findings = findings(&pages(page.clone(), page), &[]);
            let (status, text) = found(&findings, Item::Money);
            (status, text.to_owned())
        };
        let off = told("saldo_money_sum -3\n");
        assert_eq!(off.0, Status::Critical);
        assert!(off.1.starts_with("sums to -3, not to 0"), "{}", off.1);
        assert_eq!(told("").0, Status::Unknown);
    }

    #[test]
    fn room_is_held_against_a_share_or_a_size() {
        let more = "saldo_disk_free_bytes 10000000000\nsaldo_disk_size_bytes 100000000000\n";
        let page = page([0, 0, 0], more);
        let pages = pages(page.clone(), page);
        let status = |warn: &str| found(&findings(&pages, &[warn]), Item::Disk).0;
        assert_eq!(status("disk=10%"), Status::Ok);
        assert_eq!(status("disk=10.1%"), Status::Warning);
        assert_eq!(status("disk=9GB"), Status::Ok);
        assert_eq!(status("disk=11GB"), Status::Warning);
        let all = findings(&pages, &["disk=11GB"]);
        let told = "10 GB free, 10.0 %; a warning below 11 GB";
        assert_eq!(found(&all, Item::Disk).1, told);
    }

    #[test]
    fn ages_and_days_are_counted_from_now() {
        let more = format!(
            "saldo_snapshot_timestamp_seconds {}\nsaldo_certificate_expiry_timestamp_seconds {}\n",
            NOW - 7_200.0,
            NOW + 5.0 * 86_400.0
        );
        let page = page([0, 0, 0], &more);
        let findings = findings(&pages(page.clone(), page), &["snapshot=1h"]);
        let told = "made 2 h ago; a warning above 60 m";
        assert_eq!(found(&findings, Item::Snapshot), (Status::Warning, told));
        let told = "good for 5 d; critical below 7 d";
        assert_eq!(found(&findings, Item::Certificate), (Status::Critical, told));
    }

    #[test]
    fn what_is_not_told_is_unknown_only_to_who_asked_for_it() {
        let page = page([0, 0, 0], "");
        let pages = pages(page.clone(), page);
        assert_eq!(found(&findings(&pages, &[]), Item::Snapshot).0, Status::Ok);
        let asked = findings(&pages, &["snapshot=1h"]);
        assert_eq!(found(&asked, Item::Snapshot).0, Status::Unknown);
    }
}
