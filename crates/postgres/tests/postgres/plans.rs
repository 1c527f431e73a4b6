//! How the database runs the statements: by keys, on empty tables as on filled ones. A plan that was
//! made while a table was empty stays in a session for its whole life.

use std::fs;
use std::path::Path;

use postgres::{Mode, Options};
use tokio_postgres::Client;

use crate::bank::{Bank, deposit, must_be_done, open_with, transfer};
use crate::cluster::Cluster;

const SESSION: &str = include_str!("../../src/session.sql");
const ACCOUNTS: usize = 5_000;

/// All statements that an engine prepares, by name. Those in a folder of their own read or write whole
/// histories, for who moves or proves one.
fn statements() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/queries");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    found.sort();
    assert!(found.len() >= 20, "{}", found.len());
    found
}

/// Prepares all of them as an engine does.
async fn session(bank: &Bank) -> Client {
    let client = bank.superuser().await;
    client.batch_execute(SESSION).await.unwrap();
    for (name, text) in statements() {
        client.batch_execute(&format!("PREPARE {name} AS {text}")).await.unwrap();
    }
    client
}

/// Stops if a statement reads a table of the bank from end to end.
async fn none_reads_a_whole_table(client: &Client, when: &str) {
    for (name, _) in statements() {
        let of = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1";
        let count: i32 = client.query_one(of, &[&name]).await.unwrap().get(0);
        let values = vec!["NULL"; usize::try_from(count).unwrap()].join(", ");
        let values = if count == 0 { values } else { format!("({values})") };
        let explain = format!("EXPLAIN EXECUTE {name}{values}");
        let rows = client.simple_query(&explain).await.unwrap();
        let plan: Vec<String> = rows
            .iter()
            .filter_map(|message| {
                let tokio_postgres::SimpleQueryMessage::Row(row) = message else { return None };
                row.get(0).map(str::to_owned)
            })
            .collect();
        let plan = plan.join("\n");
        assert!(plan.contains("cost="), "{name}: no plan: {plan}");
        for bad in ["Seq Scan", "Hash Join", "Hash Cond"] {
            assert!(!plan.contains(bad), "{name}, {when}:\n{plan}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_goes_by_keys_on_empty_tables_and_on_filled_ones() {
    let cluster = Cluster::any();
    let bank = cluster.bank().await;
    let early = session(&bank).await;
    none_reads_a_whole_table(&early, "empty").await;
    let options = Options { mode: Mode::Unchecked, slots: 1, ..Options::default() };
    let engine = open_with(bank.address(), options).await;
    let opened = (0..ACCOUNTS).map(|n| deposit(&format!("a{n}"), 100, &format!("d{n}"))).collect();
    engine.run(opened).await.iter().for_each(|outcome| {
        must_be_done(outcome);
    });
    let moved = (1..ACCOUNTS)
        .map(|n| transfer(&format!("a{n}"), &format!("a{}", n - 1), 1, &format!("t{n}")))
        .collect();
    engine.run(moved).await.iter().for_each(|outcome| {
        must_be_done(outcome);
    });
    none_reads_a_whole_table(&early, "filled behind the plan").await;
    bank.run("ANALYZE").await;
    none_reads_a_whole_table(&early, "analysed behind the plan").await;
    none_reads_a_whole_table(&session(&bank).await, "filled").await;
}
