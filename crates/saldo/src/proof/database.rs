//! `saldo verify postgres://…`: proves what a database holds, from one snapshot, reading only.

use std::time::Instant;

use indicatif::ProgressBar;
use journal::Hash;
use postgres::{Address, Proof};
use serde::Serialize;

use super::{accounts_row, answer_of, copy_unfinished, events_row};
use crate::copy::carried;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::runtime;
use crate::serve::database;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    proven: bool,
    ledger: String,
    currency: String,
    first: u64,
    last: u64,
    batches: u64,
    accounts: u64,
    sum: String,
    world: String,
    refusals: u64,
    last_hash: String,
    content: String,
    seconds: f64,
}

/// Proves the database and tells what was proven.
pub fn run(
    address: &str,
    expected: Option<Hash>,
    output: Output,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let place = database::parse(address)?;
    let began = Instant::now();
    let proof = runtime::block_on(async {
        let proof = postgres::verify(&place, expected, |seq| bar.set_position(seq.get())).await;
        proof.map_err(|error| carried(&place, &error))
    })?;
    bar.finish_and_clear();
    if expected.is_some() && !proof.expected_found {
        let text = format!(
            "{place}: no batch of its history has the expected hash; the last one is {}",
            proof.chain
        );
        return Err(Failure::new(Exit::Broken, "seal_not_found", text)
            .hint("the history is not the one that the hash was taken from"));
    }
    if proof.is_copying {
        return Err(copy_unfinished(&place, proof.last));
    }
    let json = output::json_line(&document(&proof, began.elapsed().as_secs_f64()))?;
    output.print(&answer_of(&rows(&proof, &place), format!("{}\n", proof.chain), json))
}

fn rows(proof: &Proof, place: &Address) -> Vec<(&'static str, String)> {
    let (last, batches) = (proof.last, proof.batches_count);
    vec![
        ("database", place.to_string()),
        (
            "ledger",
            format!("{} {}", proof.genesis.ledger.to_hex(), proof.genesis.currency.as_str()),
        ),
        ("batches", format!("{batches}, one chain of hashes from the ledger's name to the head")),
        events_row(last),
        accounts_row(proof.accounts_count, proof.sum, proof.world),
        ("statements", "every line that the events give, and no other".to_owned()),
        ("refusals", format!("{} recorded", proof.refusals_count)),
        ("content", proof.content.to_string()),
        ("last hash", proof.chain.to_string()),
    ]
}

fn document(proof: &Proof, seconds: f64) -> Document {
    Document {
        schema: "saldo.verify-database/1",
        proven: true,
        ledger: proof.genesis.ledger.to_hex(),
        currency: proof.genesis.currency.as_str().to_owned(),
        first: proof.last.get().min(1),
        last: proof.last.get(),
        batches: proof.batches_count,
        accounts: proof.accounts_count,
        sum: proof.sum.to_string(),
        world: proof.world.to_string(),
        refusals: proof.refusals_count,
        last_hash: proof.chain.to_string(),
        content: proof.content.to_string(),
        seconds,
    }
}
