//! `saldo doctor`: looks at what a bank stands on, before there is trouble.

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::backup::now_us;
use crate::doctor::{Examination, Finding, State, examine};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{self, Answer, OutputArgs, Rows};
use crate::serve::database::is_meant_by;

/// The flags of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  saldo doctor\n  saldo doctor --data /var/lib/saldo --json")]
pub struct Args {
    /// The data folder, there or not
    #[arg(long, value_name = "FOLDER", env = "SALDO_DATA", default_value = "./saldo-data")]
    data: PathBuf,
    /// Where clients are to connect
    #[arg(long, value_name = "HOST:PORT", env = "SALDO_LISTEN", default_value = "127.0.0.1:5000")]
    listen: String,
    /// Where browsers are to connect
    #[arg(long, value_name = "HOST:PORT", env = "SALDO_HTTP", default_value = "127.0.0.1:5080")]
    http: String,
    /// A configuration file that is to be read
    #[arg(long, value_name = "FILE", env = "SALDO_CONFIG")]
    config: Option<PathBuf>,
    /// The certificate that is to be shown
    #[arg(long, value_name = "FILE", env = "SALDO_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", env = "SALDO_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// The token that clients on this machine use
    #[arg(long, value_name = "FILE", env = "SALDO_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What was found, for programs.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    data: String,
    ok: usize,
    warn: usize,
    fail: usize,
    findings: &'a [Finding],
    seconds: f64,
}

/// Looks, and tells. Ends with 1 when anything fails.
pub fn run(args: &Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    if args.data.to_str().is_some_and(is_meant_by) {
        let text = "doctor looks at a folder; a database is looked at by saldo conformance and saldo verify";
        return Err(Failure::usage(text).hint("saldo conformance postgres://…"));
    }
    let began = Instant::now();
    let files = [
        ("configuration", &args.config, false),
        ("certificate", &args.tls_cert, false),
        ("key", &args.tls_key, true),
        ("token", &args.token_file, true),
    ];
    let findings = examine(&Examination {
        data: &args.data,
        addresses: [("clients", &args.listen), ("http", &args.http)],
        files: files
            .into_iter()
            .filter_map(|(item, path, secret)| Some((item, path.clone()?, secret)))
            .collect(),
        now_us: now_us(),
    });
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let document = Document {
        schema: "saldo.doctor/1",
        data: args.data.display().to_string(),
        ok: count(State::Ok),
        warn: count(State::Warn),
        fail: count(State::Fail),
        findings: &findings,
        seconds: began.elapsed().as_secs_f64(),
    };
    output.print(&answer(&document)?)?;
    match document.fail {
        0 => Ok(()),
        count => {
            let text = format!("{count} of {} items failed", findings.len());
            Err(Failure::new(Exit::No, "doctor_failed", text))
        }
    }
}

fn answer(document: &Document<'_>) -> Result<Answer, Failure> {
    let mut rows = Rows::of(&["state", "item", "found", "advice"]);
    let (mut table, mut bare) = (String::new(), String::new());
    for Finding { state, item, found, advice } in document.findings {
        let mark = state.mark();
        table.push_str(&format!("{mark:<6}  {item:<13}  {found}\n"));
        if let Some(advice) = advice {
            table.push_str(&format!("{:<6}  {:<13}  → {advice}\n", "", ""));
        }
        if *state == State::Fail {
            bare.push_str(&format!("{item}\n"));
        }
        let word = mark.trim_matches(['[', ']']);
        rows.add([word, item, found.as_str(), advice.as_deref().unwrap_or_default()]);
    }
    let Document { ok, warn, fail, .. } = document;
    table.push_str(&format!("\n{ok} ok, {warn} warnings, {fail} failed\n"));
    Ok(Answer { table, rows, bare, json: output::json_line(document)? })
}
