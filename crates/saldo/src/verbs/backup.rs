//! `saldo backup`: copies a bank so that it can be put back, and proves the copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use journal::disk::{Disk, RealDisk};
use serde::Serialize;

use crate::backup::{self, Backed, Job, by_disk};
use crate::bulk::Progress;
use crate::copy::must_be_finished;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{self, OutputArgs};
use crate::progress::ProgressArgs;
use crate::proof::{self, answer_of};
use crate::serve::database::is_meant_by;

/// By how much the backup gives way to the server beside it (nice, 0 to 19).
const NICE: i32 = 19;

/// The flags of `backup`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo backup /mnt/backup/bank --data ./saldo-data\n  saldo backup /mnt/backup/bank --data /var/lib/saldo --json"
)]
pub struct Args {
    /// Where the backup is to be: a new folder, or an earlier backup, to which what is new is added
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The bank: a data folder, which a server may have open
    #[arg(long, value_name = "FOLDER", env = "SALDO_DATA", default_value = "./saldo-data")]
    data: PathBuf,
    #[command(flatten)]
    progress: ProgressArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What was done, for programs.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    data: String,
    backup: String,
    ledger: &'a str,
    currency: &'a str,
    first: u64,
    last: u64,
    last_seal: &'a str,
    files: usize,
    files_kept: usize,
    bytes: u64,
    bytes_written: u64,
    accounts: u64,
    sum: String,
    world: String,
    seconds: f64,
}

/// Makes the backup, and tells what was proven of it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let is_quiet = output.is_json() || output == output::Output::Bare;
    let is_hidden = args.progress.resolve()?.is_hidden(is_quiet);
    must_be_a_folder(&args.data)?;
    must_be_a_folder(&args.folder)?;
    must_be_finished(&args.data)?;
    let source = proof::open(&args.data)?;
    must_be_apart(&args.data, &args.folder)?;
    // Refused, the work is done all the same.
    rustix::process::nice(NICE).ok();
    let opened = RealDisk::open_or_create(&args.folder);
    let (target, _) = opened.map_err(|error| by_disk(&args.folder, "opening", &error))?;
    // Before the lock, which makes a file.
    backup::must_be_ours(&target, &args.folder)?;
    let lock = target.lock().map_err(|error| by_disk(&args.folder, "locking", &error))?;
    let began = Instant::now();
    let progress = Mutex::new(Progress::new("backup", "bytes", 0, is_hidden));
    let copied = AtomicU64::new(0);
    let told = |bytes| {
        let copied = copied.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if let Ok(mut progress) = progress.lock() {
            progress.show(copied);
        }
    };
    let is_live = proof::is_live(&source)?;
    let backed = backup::run(&Job {
        source: Arc::new(source),
        from: &args.data,
        target: Arc::new(target),
        to: &args.folder,
        is_live,
        at_us: now_us(),
        told: &told,
    })?;
    drop(lock);
    if let Ok(progress) = progress.into_inner() {
        progress.finish(copied.into_inner());
    }
    let document = document(args, &backed, began.elapsed().as_secs_f64());
    let json = output::json_line(&document)?;
    let bare = format!("{}\n", backed.manifest.seal);
    output.print(&answer_of(&rows(args, &backed), bare, json))
}

/// A database has tools of its own for this, which know its log.
pub fn must_be_a_folder(place: &Path) -> Result<(), Failure> {
    if !place.to_str().is_some_and(is_meant_by) {
        return Ok(());
    }
    let text = "a database is backed up and restored by its own tools: pg_basebackup with an archive of its log, or pgBackRest, Barman, WAL-G";
    Err(Failure::new(Exit::Usage, "database_tools", text).hint(
        "prove what was restored with saldo verify postgres://…; saldo copy --from postgres://… --to FOLDER makes a folder of it, which saldo backup takes",
    ))
}

/// Neither folder may lie in the other: a backup in the bank's folder is lost with it.
fn must_be_apart(data: &Path, folder: &Path) -> Result<(), Failure> {
    let data = std::fs::canonicalize(data);
    let around = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let folder = std::fs::canonicalize(folder).or_else(|_| {
        Ok(std::fs::canonicalize(around)?.join(folder.file_name().unwrap_or_default()))
    });
    // What cannot be resolved cannot be opened either, which is told by whoever opens it.
    let (Ok(data), Ok::<_, std::io::Error>(folder)) = (data, folder) else { return Ok(()) };
    if folder.starts_with(&data) || data.starts_with(&folder) {
        let text = format!("{} and {} lie in one another", folder.display(), data.display());
        return Err(Failure::new(Exit::Usage, "backup_folder", text)
            .hint("back up to another folder, best on another disk"));
    }
    Ok(())
}

/// The time, in microseconds since the Unix epoch.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn rows(args: &Args, backed: &Backed) -> Vec<(&'static str, String)> {
    let Backed { manifest, proof, files_kept, bytes_written } = backed;
    let written = manifest.files.len().saturating_sub(*files_kept);
    let events = match manifest.last {
        0 => "none".to_owned(),
        last => format!("seq 1 to {last}"),
    };
    vec![
        ("data", args.data.display().to_string()),
        ("backup", args.folder.display().to_string()),
        ("ledger", format!("{} {}", manifest.ledger, manifest.currency)),
        ("events", events),
        ("files", format!("{written} written ({bytes_written} bytes), {files_kept} were there")),
        (
            "proven",
            format!("{} accounts hold {}, @world {}", proof.accounts_count, proof.sum, proof.world),
        ),
        ("last seal", manifest.seal.clone()),
    ]
}

fn document<'a>(args: &Args, backed: &'a Backed, seconds: f64) -> Document<'a> {
    let Backed { manifest, proof, files_kept, bytes_written } = backed;
    Document {
        schema: "saldo.backup-report/1",
        data: args.data.display().to_string(),
        backup: args.folder.display().to_string(),
        ledger: &manifest.ledger,
        currency: &manifest.currency,
        first: manifest.first,
        last: manifest.last,
        last_seal: &manifest.seal,
        files: manifest.files.len(),
        files_kept: *files_kept,
        bytes: manifest.bytes(),
        bytes_written: *bytes_written,
        accounts: proof.accounts_count,
        sum: proof.sum.to_string(),
        world: proof.world.to_string(),
        seconds,
    }
}
