//! What monitors read: the page of metrics, and the dashboard and the alerts that stand on it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::database::Database;
use crate::harness::{Folder, Serve, Server, repository, until};

/// The samples of a server's page of metrics, by name with labels.
fn samples(server: &Server) -> BTreeMap<String, f64> {
    let address = format!("http://{}/metrics", server.http.unwrap());
    let mut curl = Command::new("curl");
    let asked = curl.args(["--silent", "--fail", "--max-time", "30", &address]).output().unwrap();
    assert!(asked.status.success(), "{asked:?}");
    let text = String::from_utf8(asked.stdout).unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
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
    let server = Server::start(&folder);
    let mut wire = server.connect();
    wire.ask(r#"{"cmd":"deposit","user":"alice","amount":7}"#);
    server.shut_down().with_code(0);
    // The checkpoint of a stop is its process's last act: this one makes another while it runs.
    let server = Serve::on(&folder).flag("--checkpoint-bytes", 1).start();
    let mut wire = server.connect();
    until("a checkpoint", || {
        wire.ask(r#"{"cmd":"deposit","user":"alice","amount":7}"#);
        samples(&server).contains_key("saldo_snapshot_seq").then_some(())
    });
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
