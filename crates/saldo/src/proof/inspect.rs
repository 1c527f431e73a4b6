//! `saldo inspect`: what a data folder holds, file by file, damaged or not.

use std::path::PathBuf;

use clap::Args;
use journal::OpenError;
use serde::Serialize;

use super::{answer_of, no_ledger, open, read, refused};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::OutputArgs;

/// Describes a data folder, reading only.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  saldo inspect\n  saldo inspect /backup/saldo-data --json")]
pub struct Inspect {
    /// The data folder
    #[arg(value_name = "FOLDER", env = "SALDO_DATA", default_value = "./saldo-data")]
    folder: PathBuf,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    ledger: Option<String>,
    currency: Option<String>,
    first: u64,
    last: u64,
    groups: u64,
    accounts: Option<u64>,
    world: String,
    bytes: u64,
    live: bool,
    torn_tail_bytes: u64,
    last_seal: String,
    files: Vec<FileDocument>,
    snapshots: Vec<SnapshotDocument>,
    snapshots_damaged: Vec<&'static str>,
}

#[derive(Serialize)]
struct FileDocument {
    name: String,
    first: u64,
    last: u64,
    groups: u64,
    sealed_bytes: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct SnapshotDocument {
    name: &'static str,
    seq: u64,
    accounts: u64,
    bytes: u64,
}

/// Describes the folder. Damage is told after what could be read, and is exit code 6.
pub fn run(inspect: &Inspect) -> Result<(), Failure> {
    let output = inspect.output.resolve()?;
    let disk = open(&inspect.folder)?;
    let ((survey, accounts, damage), live) = read(&disk, || {
        let (survey, mut damage) = journal::survey_as_far_as_possible(&disk)?;
        if let (Some(damage), true) = (&damage, disk.lock_is_held().unwrap_or(false)) {
            // Beside a running server this may be a file that was renamed meanwhile: once more.
            return Err(OpenError::Corrupt(damage.clone()));
        }
        let accounts = match journal::count_accounts(&disk, &survey) {
            Ok(accounts) => Some(accounts),
            Err(OpenError::Corrupt(found)) => {
                damage.get_or_insert(found);
                None
            }
            Err(error) => return Err(error),
        };
        Ok((survey, accounts, damage))
    })?;
    if survey.genesis.is_none() && damage.is_none() {
        return Err(no_ledger(&inspect.folder));
    }
    let document = Document {
        schema: "saldo.inspect/1",
        ledger: survey.genesis.as_ref().map(|genesis| genesis.ledger.to_hex()),
        currency: survey.genesis.as_ref().map(|genesis| genesis.currency.as_str().to_owned()),
        first: survey.last().get().min(1),
        last: survey.last().get(),
        groups: survey.segments.iter().map(|file| file.groups_count).sum(),
        accounts,
        world: survey.world().to_string(),
        bytes: survey.segments.iter().map(|file| file.bytes).sum(),
        live,
        torn_tail_bytes: survey.torn_tail().map_or(0, |(start, end)| end.saturating_sub(start)),
        last_seal: survey.seal().to_string(),
        files: survey
            .segments
            .iter()
            .map(|file| FileDocument {
                name: file.name.clone(),
                first: file.header.first.get(),
                last: file.last.get(),
                groups: file.groups_count,
                sealed_bytes: file.proven_end,
                bytes: file.bytes,
            })
            .collect(),
        snapshots: survey
            .snapshots
            .iter()
            .map(|(name, snapshot)| SnapshotDocument {
                name,
                seq: snapshot.head.seq.get(),
                accounts: snapshot.accounts_count,
                bytes: snapshot.bytes,
            })
            .collect(),
        snapshots_damaged: survey.snapshots_damaged.clone(),
    };
    let json = serde_json::to_string(&document)
        .map_err(|error| Failure::new(Exit::Usage, "internal", error.to_string()))?;
    let rows = rows(&document);
    let answer = answer_of(&rows, format!("{}\n", document.last_seal), json + "\n");
    match damage {
        None => output.print(&answer),
        // Data goes to stdout only with exit code 0; what was still readable is told as a note.
        Some(damage) => {
            output.note(&format!("as far as it can be read:\n{}", answer.table.trim_end()));
            Err(refused(&inspect.folder, &OpenError::Corrupt(damage)))
        }
    }
}

fn rows(document: &Document) -> Vec<(&'static str, String)> {
    let (Some(ledger), Some(currency)) = (&document.ledger, &document.currency) else {
        return Vec::new();
    };
    let mut rows = vec![
        ("ledger", format!("{ledger} {currency}")),
        (
            "events",
            match document.last {
                0 => "none".to_owned(),
                last => format!("seq 1 to {last}"),
            },
        ),
        ("groups", document.groups.to_string()),
        (
            "accounts",
            document.accounts.map_or("not countable".to_owned(), |count| count.to_string()),
        ),
        ("@world", document.world.clone()),
        ("bytes", document.bytes.to_string()),
    ];
    for file in &document.files {
        let held = match file.last.checked_sub(file.first) {
            Some(more) => format!("seq {} to {} ({} events)", file.first, file.last, more + 1),
            None => "no event yet".to_owned(),
        };
        rows.push((
            "file",
            format!(
                "{}: {held}, {} groups, {} bytes sealed of {}",
                file.name, file.groups, file.sealed_bytes, file.bytes
            ),
        ));
    }
    for snapshot in &document.snapshots {
        rows.push((
            "snapshot",
            format!(
                "{}: replay from seq {}, {} accounts, {} bytes",
                snapshot.name, snapshot.seq, snapshot.accounts, snapshot.bytes
            ),
        ));
    }
    for name in &document.snapshots_damaged {
        rows.push(("snapshot", format!("{name}: damaged")));
    }
    if document.torn_tail_bytes > 0 {
        rows.push(("tail", format!("{} bytes behind the last seal", document.torn_tail_bytes)));
    }
    if document.live {
        rows.push(("server", "running".to_owned()));
    }
    rows.push(("last seal", document.last_seal.clone()));
    rows
}
