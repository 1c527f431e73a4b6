//! `saldo verify`: proves a data folder from its first seal to its last, a backup, or a database.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use journal::Proof;
use ledger::Seq;
use serde::Serialize;

use super::{
    accounts_row, answer_of, copy_unfinished, database, events_row, no_ledger, open, read,
};
use crate::backup::{is_backup, prove};
use crate::copy::is_marked;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::OutputArgs;
use crate::restore::read_note;
use crate::serve::database::is_meant_by;

/// Proves a data folder, a backup or a database, reading only.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  saldo verify /mnt/backup/bank --json\n  saldo verify postgres://saldo@db1,db2/bank"
)]
pub struct Verify {
    /// The data folder, a backup, or the address of a database
    #[arg(value_name = "FOLDER|ADDRESS", env = "SALDO_DATA", default_value = "./saldo-data")]
    folder: PathBuf,
    /// Fails unless this hash is that of a seal, or of a batch of a database, in the history; keep the
    /// last one elsewhere to notice a history that was written anew
    #[arg(long, value_name = "HASH")]
    expect_seal: Option<String>,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    proven: bool,
    ledger: Option<String>,
    currency: Option<String>,
    files: usize,
    bytes: u64,
    first: u64,
    last: u64,
    groups: u64,
    accounts: u64,
    sum: String,
    world: String,
    refusals: u64,
    snapshots: Vec<SnapshotDocument>,
    torn_tail_bytes: u64,
    live: bool,
    backup: bool,
    last_seal: String,
    seconds: f64,
}

#[derive(Serialize)]
struct SnapshotDocument {
    file: &'static str,
    seq: u64,
}

/// Proves the folder and tells what was proven.
pub fn run(verify: &Verify) -> Result<(), Failure> {
    let output = verify.output.resolve()?;
    let expected = verify.expected_seal()?;
    if let Some(address) = verify.folder.to_str().filter(|place| is_meant_by(place)) {
        return database::run(address, expected, output, &progress());
    }
    let disk = open(&verify.folder)?;
    // A copy may end, or begin, while the folder is read: the mark counts before and after.
    let was_marked = marked(&verify.folder)?;
    let began = Instant::now();
    let bar = progress();
    let is_backup = is_backup(&disk);
    let shown = |seq: Seq| bar.set_position(seq.get());
    let (proof, live) = if is_backup {
        (prove(&disk, expected, &shown)?.1, false)
    } else {
        read(&disk, || journal::verify(&disk, expected, shown))?
    };
    bar.finish_and_clear();
    if expected.is_some() && !proof.expected_seal_found {
        let text = format!(
            "{}: no seal of its history has the expected hash; the last one is {}",
            verify.folder.display(),
            proof.seal
        );
        return Err(Failure::new(Exit::Broken, "seal_not_found", text)
            .hint("the history is not the one that the hash was taken from"));
    }
    if proof.genesis.is_none() {
        return Err(no_ledger(&verify.folder));
    }
    if was_marked || marked(&verify.folder)? {
        return Err(copy_unfinished(&verify.folder.display(), proof.last));
    }
    let seconds = began.elapsed().as_secs_f64();
    let rows = rows(&proof, &verify.folder, live, is_backup);
    let json = serde_json::to_string(&document(&proof, live, is_backup, seconds))
        .map_err(|error| Failure::new(Exit::Usage, "internal", error.to_string()))?;
    output.print(&answer_of(&rows, format!("{}\n", proof.seal), json + "\n"))
}

impl Verify {
    fn expected_seal(&self) -> Result<Option<journal::Hash>, Failure> {
        let Some(text) = &self.expect_seal else { return Ok(None) };
        match journal::Hash::from_hex(text.as_bytes()) {
            Some(hash) => Ok(Some(hash)),
            None => Err(Failure::usage(format!(
                "--expect-seal {text:?}: a hash has 64 lower-case hexadecimal digits"
            ))),
        }
    }
}

fn marked(folder: &Path) -> Result<bool, Failure> {
    is_marked(folder).map_err(|error| {
        Failure::new(Exit::Usage, "data_folder", format!("{}: {error}", folder.display()))
    })
}

fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} events proven, {per_sec}") {
        bar.set_style(style);
    }
    bar
}

fn rows(proof: &Proof, folder: &Path, live: bool, is_backup: bool) -> Vec<(&'static str, String)> {
    let Some(genesis) = &proof.genesis else { return Vec::new() };
    let files = &proof.survey.segments;
    let bytes: u64 = files.iter().map(|file| file.proven_end).sum();
    let (last, groups) = (proof.last, proof.groups_count);
    let mut rows = vec![
        (if is_backup { "backup" } else { "folder" }, folder.display().to_string()),
        ("ledger", format!("{} {}", genesis.ledger.to_hex(), genesis.currency.as_str())),
        ("files", format!("{}, every one of {bytes} bytes under a seal", files.len())),
        ("seals", format!("{groups} groups, one chain from the first byte to the last seal")),
        events_row(last),
        accounts_row(proof.accounts_count, proof.sum, proof.world),
        ("refusals", format!("{} recorded", proof.refusals_count)),
    ];
    for (name, seq) in &proof.snapshots {
        rows.push(("snapshot", format!("{name} (replay from seq {seq}) agrees with the journal")));
    }
    if let Some((start, end)) = proof.survey.torn_tail() {
        let bytes = end.saturating_sub(start);
        rows.push(("tail", if live {
            format!("{bytes} bytes behind the last seal: a group that the server is writing")
        } else {
            format!("{bytes} bytes behind the last seal: what a crash leaves; no answer rests on them")
        }));
    }
    if live {
        rows.push(("server", "running; proven up to the last seal".to_owned()));
    }
    if let Some(note) = read_note(folder) {
        let text = format!("at {}, from a backup, up to seq {}", note.at, note.last);
        rows.push(("restored", text));
    }
    rows.push(("last seal", proof.seal.to_string()));
    rows
}

fn document(proof: &Proof, live: bool, backup: bool, seconds: f64) -> Document {
    let torn = proof.survey.torn_tail();
    Document {
        schema: "saldo.verify/1",
        proven: true,
        ledger: proof.genesis.as_ref().map(|genesis| genesis.ledger.to_hex()),
        currency: proof.genesis.as_ref().map(|genesis| genesis.currency.as_str().to_owned()),
        files: proof.survey.segments.len(),
        bytes: proof.survey.segments.iter().map(|file| file.proven_end).sum(),
        first: proof.last.get().min(1),
        last: proof.last.get(),
        groups: proof.groups_count,
        accounts: proof.accounts_count,
        sum: proof.sum.to_string(),
        world: proof.world.to_string(),
        refusals: proof.refusals_count,
        snapshots: proof
            .snapshots
            .iter()
            .map(|(file, seq)| SnapshotDocument { file, seq: seq.get() })
            .collect(),
        torn_tail_bytes: torn.map_or(0, |(start, end)| end.saturating_sub(start)),
        live,
        backup,
        last_seal: proof.seal.to_string(),
        seconds,
    }
}
