//! What monitors read: the page of metrics, and the dashboard and the alerts that stand on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::database::Database;
use crate::harness::{Folder, Serve, Server, repository, until};

/// A server's page of metrics.
fn page(server: &Server) -> String {
    let address = format!("http://{}/metrics", server.http.unwrap());
    let mut curl = Command::new("curl");
    let asked = curl.args(["--silent", "--fail", "--max-time", "30", &address]).output().unwrap();
    assert!(asked.status.success(), "{asked:?}");
    let text = String::from_utf8(asked.stdout).unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

/// The samples of a page, by name with labels.
fn samples_of(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

/// The samples of a server's page.
fn samples(server: &Server) -> BTreeMap<String, f64> {
    samples_of(&page(server))
}

/// A server that has made a checkpoint, so that it tells all there is.
fn server_with_a_checkpoint(folder: &Folder) -> Server {
    let server = Server::start(folder);
    let mut wire = server.connect();
    wire.ask(r#"{"cmd":"deposit","user":"alice","amount":7}"#);
    server.shut_down().with_code(0);
    // The checkpoint of a stop is its process's last act: this one makes another while it runs.
    let server = Serve::on(folder).flag("--checkpoint-bytes", 1).start();
    let mut wire = server.connect();
    until("a checkpoint", || {
        wire.ask(r#"{"cmd":"deposit","user":"alice","amount":7}"#);
        samples(&server).contains_key("saldo_snapshot_seq").then_some(())
    });
    server
}

/// The metrics of a page, as the table of docs/metrics.md has them: name, type, labels, meaning.
fn described(page: &str) -> BTreeMap<String, [String; 3]> {
    let samples = samples_of(page);
    let lines = page.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let metrics = lines.map(|line| {
        let (family, meaning) = line.split_once(' ').unwrap();
        let typed = format!("# TYPE {family} ");
        let kind = page.lines().find_map(|line| line.strip_prefix(&typed)).unwrap();
        let name = match kind {
            "counter" => format!("{family}_total"),
            "info" => format!("{family}_info"),
            _ => family.to_owned(),
        };
        let first = samples.keys().find_map(|sample| sample.strip_prefix(&format!("{name}{{")));
        let labels =
            first.unwrap_or_default().split("\",").filter_map(|pair| pair.split_once("=\""));
        let labels: Vec<&str> = labels.map(|(label, _)| label).collect();
        let meaning = meaning.trim_end_matches('.').to_owned();
        (name, [kind.to_owned(), labels.join(", "), meaning])
    });
    metrics.collect()
}

/// The names of metrics in a file: words that begin as ours do.
fn names_in(file: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join(file)).unwrap();
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter: char| !is_part(letter));
    let ours = words.filter(|word| word.starts_with("saldo_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

#[test]
fn the_page_of_metrics_tells_what_was_done_and_that_money_sums_to_zero() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut wire = server.connect();
    for _ in 0..3 {
        wire.ask(r#"{"cmd":"deposit","user":"alice","amount":7}"#);
    }
    wire.ask(r#"{"cmd":"withdraw","user":"alice","amount":1}"#);
    let samples = samples(&server);
    let told = |name: &str| samples.get(name).copied();
    assert_eq!(told("saldo_journal_seq_durable"), Some(4.0), "{samples:?}");
    assert_eq!(told("saldo_journal_group_events_sum"), Some(4.0));
    assert_eq!(told(r#"saldo_journal_group_events_bucket{le="+Inf"}"#), Some(4.0));
    assert_eq!(told("saldo_accounts"), Some(1.0));
    assert_eq!(told("saldo_money_sum"), Some(0.0));
    assert!(!samples.keys().any(|name| name.contains("alice")), "{samples:?}");
}

#[test]
fn every_metric_that_the_dashboard_and_the_alerts_name_is_told_by_one_of_the_engines() {
    let folder = Folder::new();
    let server = server_with_a_checkpoint(&folder);
    let database = Database::start();
    let mut told = samples(&server);
    told.extend(samples(&database.serve()));
    let told: Vec<&str> = told.keys().map(|name| name.split('{').next().unwrap()).collect();
    for file in ["contrib/grafana/saldo.json", "contrib/grafana/alerts.yml"] {
        let names = names_in(file);
        assert!(names.len() >= 4, "{file}: {names:?}");
        for name in names {
            assert!(told.contains(&name.as_str()), "{file} names {name}, which nobody tells");
        }
    }
}

#[test]
fn the_table_of_metrics_is_what_the_servers_tell() {
    let folder = Folder::new();
    let server = server_with_a_checkpoint(&folder);
    let (ours, theirs) = (described(&page(&server)), described(&page(&Database::start().serve())));
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let rows = names.into_iter().map(|name| {
        let (told_by, metric) = match (ours.get(name), theirs.get(name)) {
            (Some(metric), None) => ("folder", metric),
            (None, metric) => ("database", metric.unwrap()),
            (Some(metric), Some(_)) => ("both", metric),
        };
        let [kind, labels, meaning] = metric;
        format!("| `{name}` | {kind} | {labels} | {told_by} | {meaning} |")
    });
    let told = rows.collect::<Vec<_>>().join("\n");
    let document = fs::read_to_string(repository().join("docs/metrics.md")).unwrap();
    let written: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(written.join("\n"), told, "the servers tell:\n{told}");
}

#[test]
fn the_page_tells_the_room_on_the_disk_and_the_files_of_the_journal() {
    let folder = Folder::new();
    let server = Serve::on(&folder).small().start();
    let told = samples(&server);
    let (free, size) = (told["saldo_disk_free_bytes"], told["saldo_disk_size_bytes"]);
    assert!(0.0 < free && free <= size, "{free} of {size}");
    assert_eq!(told["saldo_journal_segments"], 1.0);
    let mut wire = server.connect();
    let user = "u".repeat(60);
    until("another file of the journal", || {
        wire.ask(&format!(r#"{{"cmd":"deposit","user":"{user}","amount":7}}"#));
        (samples(&server)["saldo_journal_segments"] >= 2.0).then_some(())
    });
}
