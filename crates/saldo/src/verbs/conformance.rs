//! `saldo conformance ADDRESS`: what a database keeps of what a bank promises, promise by promise.

use std::time::Instant;

use postgres::Address;
use serde::Serialize;

use crate::bulk::Progress;
use crate::conformance::{Found, Trial, names, run_case};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{self, Answer, OutputArgs, Rows};
use crate::progress::ProgressArgs;
use crate::serve::database;

/// The flags of `conformance`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo conformance postgres://owner@db1,db2/postgres\n  saldo conformance postgres://me@127.0.0.1/bank --unreplicated --only tx"
)]
pub struct Args {
    /// Where the database is. The role must be allowed to make databases: each promise is tried in
    /// one of its own, saldo_conformance_…, which is dropped afterwards
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// Try it although it does not replicate synchronously, or replicates by itself
    #[arg(long, env = "SALDO_UNREPLICATED")]
    unreplicated: bool,
    /// Only promises whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Try this one in the database of this name, in this process.
    #[arg(long, hide = true, requires = "database")]
    case: Option<String>,
    #[arg(long, hide = true, requires = "case")]
    database: Option<String>,
    #[command(flatten)]
    progress: ProgressArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What was found, for programs.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    database: String,
    replicated: bool,
    holds: usize,
    broken: usize,
    not_tried: usize,
    promises: Vec<PromiseDocument>,
    seconds: f64,
}

#[derive(Serialize)]
struct PromiseDocument {
    promise: &'static str,
    found: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Tries them, and tells what holds. Ends with 6 when anything does not.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let place = database::parse(&args.address)?;
    if let (Some(case), Some(name)) = (&args.case, &args.database) {
        return run_case(&place.with_database(name), case, args.unreplicated);
    }
    let is_quiet = output.is_json() || output == output::Output::Bare;
    let is_hidden = args.progress.resolve()?.is_hidden(is_quiet);
    let is_wanted = |name: &str| args.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let wanted_count = names().filter(|name| is_wanted(name)).count();
    if wanted_count == 0 {
        let only = args.only.unwrap_or_default();
        return Err(Failure::usage(format!("--only {only:?}: no promise has that in its name")));
    }
    let (address, is_unreplicated) = (args.address.as_str(), args.unreplicated);
    let trial = Trial { address, place: place.clone(), is_unreplicated };
    let began = Instant::now();
    trial.prepare()?;
    let total = u64::try_from(wanted_count).unwrap_or(u64::MAX);
    let mut progress = Progress::new("conformance", "promises", total, is_hidden);
    let (mut found, mut done) = (Vec::new(), 0);
    for name in names() {
        if !is_wanted(name) {
            found.push((name, None));
            continue;
        }
        found.push((name, Some(trial.run(name)?)));
        done += 1;
        progress.show(done);
    }
    progress.finish(done);
    let document = document(&place, !args.unreplicated, &found, began.elapsed().as_secs_f64());
    output.print(&answer(&document)?)?;
    if document.broken == 0 {
        return Ok(());
    }
    let text = format!("{place}: {} of {done} promises do not hold", document.broken);
    Err(Failure::new(Exit::Broken, "promises_broken", text)
        .hint("do not run a bank on this database"))
}

fn document(
    place: &Address,
    replicated: bool,
    found: &[(&'static str, Option<Found>)],
    seconds: f64,
) -> Document {
    let promises: Vec<PromiseDocument> = found
        .iter()
        .map(|(promise, found)| {
            let (found, reason) = match found {
                None => ("not tried", None),
                Some(Found::Holds) => ("holds", None),
                Some(Found::Broken(reason)) => ("broken", Some(reason.clone())),
            };
            PromiseDocument { promise, found, reason }
        })
        .collect();
    let count = |what: &str| promises.iter().filter(|promise| promise.found == what).count();
    Document {
        schema: "saldo.conformance/1",
        database: place.to_string(),
        replicated,
        holds: count("holds"),
        broken: count("broken"),
        not_tried: count("not tried"),
        promises,
        seconds,
    }
}

fn answer(document: &Document) -> Result<Answer, Failure> {
    let mut rows = Rows::of(&["promise", "found", "reason"]);
    let (mut table, mut bare) = (String::new(), String::new());
    for PromiseDocument { promise, found, reason } in &document.promises {
        let reason = reason.as_deref().unwrap_or_default();
        rows.add([*promise, *found, reason]);
        let told = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        table.push_str(&format!("{found:<9}  {promise}{told}\n"));
        if *found == "broken" {
            bare.push_str(&format!("{promise}\n"));
        }
    }
    let Document { holds, broken, not_tried, .. } = document;
    table.push_str(&format!("\n{holds} hold, {broken} broken, {not_tried} not tried\n"));
    Ok(Answer { table, rows, bare, json: output::json_line(document)? })
}
