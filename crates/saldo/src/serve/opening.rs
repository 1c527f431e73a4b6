//! Opens the data folder for `serve`, and says what is wrong with one that cannot be.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::chain;
use engine::embedded::{self, Options, Parts};
use journal::disk::{FilesystemKind, RealDisk};
use journal::{Currency, Damage, Fault, Genesis, LedgerId, OpenError};

use super::recovering::Recovering;
use super::{Serve, probe};
use crate::copy::{MARK, must_be_finished};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::shell;

/// A recovered folder.
pub struct Opened {
    pub disk: Arc<RealDisk>,
    pub parts: Parts<RealDisk>,
    pub options: Options,
    pub found: Found,
}

/// What there is to tell about the folder besides the ledger in it.
pub struct Found {
    pub created: bool,
    pub closed_to_others: bool,
    pub filesystem: FilesystemKind,
    pub free_bytes: u64,
    pub sync_time: Duration,
    pub recovery_time: Duration,
}

/// Locks and recovers the folder that `serve` names.
pub fn open(serve: &Serve) -> Result<Opened, Failure> {
    let folder = &*serve.data;
    let currency = Currency::new(&serve.currency).ok_or_else(|| {
        Failure::usage(format!(
            "--currency {:?}: a currency is three capital letters",
            serve.currency
        ))
        .hint("such as BRL, EUR or USD")
    })?;
    if serve.data.to_string_lossy().contains("://") {
        return Err(Failure::usage("a bank is kept in a folder, or in a database at postgres://…")
            .hint("saldo serve --data ./saldo-data"));
    }
    let at_folder = |error: io::Error| not_usable(folder, &error);
    must_be_ours_or_empty(folder)?;
    must_be_finished(folder)?;
    let (disk, created) = RealDisk::open_or_create(folder).map_err(at_folder)?;
    let mut options = Options::new(Genesis { ledger: LedgerId(rand::random()), currency });
    options.checkpoint_bytes = serve.checkpoint_bytes;
    options.sizes.segment_bytes_max = serve.segment_bytes;
    options.index.run_events = serve.index_run_events as usize;
    options.index.chunk_events = options.index.chunk_events.min(options.index.run_events);
    options.on_background = || {
        // Whoever waits for an answer comes first. Refused, the work is done all the same.
        rustix::process::nice(BACKGROUND_NICE).ok();
    };
    let began = Instant::now();
    let disk = Arc::new(disk);
    let journal_bytes = journal_bytes(folder).map_err(at_folder)?;
    let recovering = Recovering::begin(journal_bytes);
    let (index_disk, _) = RealDisk::open_or_create(&folder.join(INDEX)).map_err(at_folder)?;
    let tell = |progress| recovering.tell(progress);
    let opened = embedded::open_telling(disk.clone(), Arc::new(index_disk), &options, &tell);
    recovering.end();
    let parts = opened.map_err(|error| refused(folder, &error))?;
    // A copy may have begun, and ended in the middle, before this process had the lock.
    must_be_finished(folder)?;
    let recovery_time = began.elapsed();
    // Only once the folder is known to be ours, and nobody else's.
    let closed_to_others = probe::close_to_others(folder).map_err(at_folder)?;
    let found = Found {
        created,
        closed_to_others,
        filesystem: disk.filesystem_kind().map_err(at_folder)?,
        free_bytes: disk.free_bytes().map_err(at_folder)?,
        sync_time: probe::time_of_one_sync(folder).map_err(at_folder)?,
        recovery_time,
    };
    Ok(Opened { disk, parts, options, found })
}

/// By how much threads in the background give way to the others (nice, 0 to 19).
const BACKGROUND_NICE: i32 = 19;

/// The folder of the index inside the data folder. It is derived: without it, the next start makes
/// it anew from the journal.
pub const INDEX: &str = "index";

/// The length of all journal files, padding included.
fn journal_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0_u64;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("transactions.") {
            bytes = bytes.saturating_add(entry.metadata()?.len());
        }
    }
    Ok(bytes)
}

/// Names that a folder of ours can begin with. `lost+found` is what a new filesystem holds.
const OUR_NAMES: [&str; 10] = [
    "transactions.",
    "state.",
    "LOCK",
    MARK,
    "quarantine",
    INDEX,
    "sync-probe.tmp",
    "lost+found",
    "access.json",
    "audit.log",
];

/// A new ledger is begun in an empty folder alone: `--data` may name any folder by mistake, and
/// what is in it is somebody's. A folder that holds a journal may hold other files as well.
pub fn must_be_ours_or_empty(folder: &Path) -> Result<(), Failure> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(not_usable(folder, &error)),
    };
    let mut foreign = None;
    for entry in entries {
        let name = entry.map_err(|error| not_usable(folder, &error))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("transactions.") {
            return Ok(());
        }
        if !OUR_NAMES.iter().any(|ours| name.starts_with(ours)) {
            foreign = Some(name);
        }
    }
    match foreign {
        None => Ok(()),
        Some(name) => Err(Failure::new(
            Exit::Usage,
            "data_folder",
            format!("{} holds other files ({name:?}) and no journal", folder.display()),
        )
        .hint("a new ledger wants a folder of its own: saldo serve --data ./saldo-data")),
    }
}

/// Whether the disk is well and the permission is not.
fn is_not_ours(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// What keeps a folder from being used.
pub fn not_usable(folder: &Path, error: &io::Error) -> Failure {
    let folder = folder.display();
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return Failure::new(Exit::DiskFull, "disk_full", format!("{folder}: {error}"))
            .hint("make space and start again");
    }
    Failure::new(Exit::Usage, "data_folder", format!("{folder} cannot be used: {error}"))
        .hint("give a folder of your own with --data; the folder around it must exist")
}

/// Why the bank does not start on this folder.
fn refused(folder: &Path, error: &OpenError) -> Failure {
    let shown = folder.display();
    let quoted = shell::quoted(&shown.to_string());
    let text = format!("{shown}: {}", chain(error));
    match error {
        OpenError::Locked => Failure::new(Exit::Locked, "folder_locked", text)
            .hint("stop that server, or give this one another folder: saldo serve --data FOLDER"),
        OpenError::NewerFormat { .. } => Failure::new(Exit::NewerFormat, "newer_format", text)
            .hint("start it with the newer saldo that wrote it"),
        OpenError::Original { .. } => Failure::new(Exit::NewerFormat, "original_folder", text)
            .hint(format!(
                "start an empty folder with saldo serve --data ./saldo-data, then take the balances over with saldo init {}",
                shell::quoted(&folder.join("state.json").display().to_string()),
            )),
        OpenError::Corrupt(Damage { fault: Fault::ShorterThanIndex { .. }, .. }) => {
            Failure::new(Exit::Corrupt, "corrupt", text).hint(format!(
                "acknowledged events are missing: restore the journal from a newer backup; if an older one was put there on purpose, delete the folder {}",
                shell::quoted(&folder.join(INDEX).display().to_string()),
            ))
        }
        OpenError::Corrupt(_) => Failure::new(Exit::Corrupt, "corrupt", text).hint(format!(
            "change nothing; look with saldo verify {quoted} and saldo inspect {quoted}, then put the whole folder back from a backup"
        )),
        OpenError::DiskFull { .. } => Failure::new(
            Exit::DiskFull,
            "disk_full",
            format!("{text}; nothing acknowledged is lost"),
        )
        .hint("make space and start again"),
        OpenError::Disk { source, .. } if is_not_ours(source) => {
            Failure::new(Exit::Usage, "data_folder", text)
                .hint("the folder and its files must belong to the user that serves")
        }
        OpenError::Disk { .. } => {
            Failure::new(Exit::WriteFailed, "disk_failed", text).hint("look at the disk, then start again")
        }
    }
}
