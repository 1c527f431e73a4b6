//! The verbs that read a bank without a server: `verify` proves a data folder or a database, `inspect`
//! describes a folder. Neither writes a byte into it, and both work beside a running server.

mod database;
pub mod inspect;
pub mod verify;

use std::fmt::Display;
use std::io::Read as _;
use std::path::Path;

use engine::chain;
use journal::disk::RealDisk;
use journal::{Damage, OpenError};
use ledger::Seq;

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Answer, Rows};
use crate::shell;

/// How often a folder that a server is writing to is read again when files changed under the
/// reading: a rotation or a checkpoint fell in between.
const LIVE_TRIES: u32 = 5;

/// Opens a folder for reading alone.
pub fn open(folder: &Path) -> Result<RealDisk, Failure> {
    RealDisk::open(folder).map_err(|error| {
        let text = format!("{}: {error}", folder.display());
        Failure::new(Exit::Usage, "data_folder", text)
            .hint("give the folder that saldo serve --data names")
    })
}

/// There is nothing to prove or to describe: a wrong path, or a disk that is not mounted.
pub fn no_ledger(folder: &Path) -> Failure {
    Failure::new(Exit::Usage, "no_ledger", format!("{} holds no journal", folder.display()))
        .hint("give the folder that saldo serve --data names")
}

/// What is there holds, and is the beginning of a bank alone.
fn copy_unfinished(place: &impl Display, last: Seq) -> Failure {
    let text = format!("{place}: sound up to seq {last}, but a copy into it was not finished");
    Failure::new(Exit::Broken, "copy_unfinished", text)
        .hint("run the same saldo copy again; it goes on where it stopped")
}

/// Whether a server has the folder open now.
fn is_live(disk: &RealDisk) -> Result<bool, Failure> {
    disk.lock_is_held().map_err(|error| {
        Failure::new(Exit::Usage, "data_folder", format!("{}: {error}", disk.folder().display()))
    })
}

/// Reads the folder; once more when a running server changed it in between. Says as well whether a
/// server has it open.
pub fn read<T>(
    disk: &RealDisk,
    mut reading: impl FnMut() -> Result<T, OpenError>,
) -> Result<(T, bool), Failure> {
    let mut tries = 1;
    loop {
        let live = is_live(disk)?;
        match reading() {
            Ok(value) => return Ok((value, live)),
            Err(OpenError::Corrupt(_) | OpenError::Disk { .. }) if live && tries < LIVE_TRIES => {
                tries += 1;
            }
            Err(error) => return Err(refused(disk.folder(), &error)),
        }
    }
}

/// What keeps a folder from being proven.
fn refused(folder: &Path, error: &OpenError) -> Failure {
    let text = format!("{}: {}", folder.display(), chain(error));
    let line = if let OpenError::Corrupt(damage) = error { line_at(folder, damage) } else { None };
    let text = match line {
        Some(line) => format!("{text} (line {line})"),
        None => text,
    };
    let quoted = shell::quoted(&folder.display().to_string());
    match error {
        OpenError::Corrupt(Damage { file, .. }) => Failure::new(Exit::Broken, "corrupt", text).hint(format!(
            "change nothing in {quoted} and keep a copy of it; then put the whole folder back from a backup: {} alone, beside a newer snapshot, would be refused",
            shell::quoted(file),
        )),
        OpenError::NewerFormat { .. } => Failure::new(Exit::Usage, "newer_format", text)
            .hint("use the newer saldo that wrote it"),
        OpenError::Original { .. } => Failure::new(Exit::Usage, "original_folder", text).hint(format!(
            "take the balances over into a running bank with saldo init {}",
            shell::quoted(&folder.join("state.json").display().to_string()),
        )),
        OpenError::Locked | OpenError::DiskFull { .. } | OpenError::Disk { .. } => {
            Failure::new(Exit::Usage, "data_folder", text)
        }
    }
}

/// The number of the line in which a damaged byte stands.
fn line_at(folder: &Path, damage: &Damage) -> Option<u64> {
    let mut before = std::fs::File::open(folder.join(&damage.file)).ok()?.take(damage.offset);
    let mut bytes = vec![0; 64 << 10];
    let mut newlines = 0_u64;
    loop {
        let count = before.read(&mut bytes).ok()?;
        let read = bytes.get(..count)?;
        if read.is_empty() {
            return Some(newlines + 1);
        }
        newlines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}

/// What was proven of all events.
fn events_row(last: Seq) -> (&'static str, String) {
    let text = match last.get() {
        0 => "none".to_owned(),
        _ => format!("seq 1 to {last} without a gap, each tx_id once, each by the rules"),
    };
    ("events", text)
}

/// What was proven of all accounts.
fn accounts_row(count: u64, sum: impl Display, world: impl Display) -> (&'static str, String) {
    let text = format!("{count} hold {sum}, @world {world}: the sum was 0 after every event");
    ("accounts", text)
}

/// Rows of a name and a text, as an answer.
pub fn answer_of(rows: &[(&str, String)], bare: String, json: String) -> Answer {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let table = rows.iter().map(|(name, text)| format!("{name:<width$}  {text}\n")).collect();
    let mut values = Rows::of(&["what", "finding"]);
    for (name, text) in rows {
        values.add([*name, text.as_str()]);
    }
    Answer { table, rows: values, bare, json }
}
