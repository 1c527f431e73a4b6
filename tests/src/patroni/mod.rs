//! The bank over three PostgreSQL under Patroni: what it does while the database fails over. Two
//! servers, clients of both, and a history of everything that was said, which must fit the bank
//! afterwards. `SALDO_FAILOVERS` says how often each fault strikes; without it the first one does,
//! once. `SALDO_FAULT` chooses those whose name has this in it.
//!
//! **Invariant:** time is measured and told, never asserted; what waits, waits for a condition.

mod check;
mod client;
mod cluster;
mod faults;
mod node;
mod proxy;
mod record;
mod round;
mod status;

use std::env;
use std::path::Path;
use std::time::Duration;

use cluster::Cluster;
use faults::{FAULTS, Fault};
use round::{Found, round};

use crate::golden::play_the_transcript;
use crate::harness::{Random, Serve};
use crate::quick_start::check_readme_at;

#[test]
fn no_fault_of_a_cluster_loses_doubles_or_reorders_what_was_acknowledged() {
    let times = env::var("SALDO_FAILOVERS").ok().map(|times| times.parse().unwrap());
    let wanted = env::var("SALDO_FAULT").unwrap_or_default();
    let faults: Vec<&Fault> = FAULTS.iter().filter(|fault| fault.name.contains(&wanted)).collect();
    let faults = if times.is_none() { &faults[..1] } else { &faults };
    let mut random = Random::from_clock();
    let cluster = Cluster::start();
    for fault in faults {
        let found: Vec<Found> = (1..=times.unwrap_or(1))
            .map(|time: u64| {
                let found = round(&cluster, fault, random.split());
                println!(
                    "{} {time}: {:.1} s without writes, {} writes answered, {:?}",
                    fault.name,
                    found.silence.as_secs_f64(),
                    found.answered_count,
                    found.without_outcome
                );
                found
            })
            .collect();
        tell(fault, &found);
    }
}

/// One line over all rounds of a fault.
fn tell(fault: &Fault, found: &[Found]) {
    let mut silences: Vec<Duration> = found.iter().map(|found| found.silence).collect();
    silences.sort();
    let answered: usize = found.iter().map(|found| found.answered_count).sum();
    let without: u64 = found.iter().flat_map(|found| found.without_outcome.values()).sum();
    println!(
        "| {} | {} | {answered} | {without} | {:.1} s | {:.1} s |",
        fault.name,
        silences.len(),
        silences[silences.len() / 2].as_secs_f64(),
        silences[silences.len() - 1].as_secs_f64(),
    );
}

#[test]
fn the_quick_start_and_the_transcript_of_the_original_work_over_a_cluster_from_two_servers_at_once()
{
    let cluster = Cluster::start();
    for name in ["README.md", "README.pt-BR.md"] {
        let bank = cluster.bank();
        let servers = [0, 1].map(|_| Serve::at(Path::new(&bank)).start());
        check_readme_at(name, &servers);
        for server in servers {
            server.shut_down().with_code(0);
        }
    }
    let bank = cluster.bank();
    play_the_transcript(Serve::at(Path::new(&bank)).start());
}
