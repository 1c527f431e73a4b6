//! Writes the folder that a plan describes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use journal::disk::{Disk, RealDisk, read_full_at, write_all_at};
use journal::{ACTIVE, Hash, Header, Proof, SNAPSHOT, closed_segment};
use ledger::Seq;

use super::Plan;
use super::note::{NOTE, Note};
use crate::backup::{by_disk, by_proof};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::moment;

/// Bytes that are copied at once.
const COPY_BYTES: usize = 1 << 20;

/// Refuses a folder in which there is anything: what is in it is somebody's.
fn must_be_free(folder: &Path) -> Result<(), Failure> {
    let found = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(by_disk(folder, "opening", &error)),
    };
    if !found {
        return Ok(());
    }
    let text = format!("{} is not empty", folder.display());
    Err(Failure::new(Exit::Usage, "folder_not_empty", text)
        .hint("restore into a folder that is missing or empty, then point the server at it"))
}

/// Where the folder is built: beside it, on the same filesystem.
fn aside_of(folder: &Path) -> Result<PathBuf, Failure> {
    let Some(name) = folder.file_name() else {
        return Err(Failure::usage(format!("{} is no name for a new folder", folder.display())));
    };
    let mut aside = std::ffi::OsString::from(".");
    aside.push(name);
    aside.push(".restoring");
    Ok(folder.with_file_name(aside))
}

/// A folder that can be restored into. Errors: it holds something.
pub fn check(folder: &Path) -> Result<PathBuf, Failure> {
    must_be_free(folder)?;
    aside_of(folder)
}

/// Builds what the plan describes as `folder`. `at_us`: the time, in microseconds since the Unix epoch.
pub fn build(plan: &Plan, folder: &Path, at_us: u64) -> Result<Proof, Failure> {
    let aside = check(folder)?;
    let failed = |what: &str, error: io::Error| by_disk(&aside, what, &error);
    let (disk, _) = RealDisk::open_or_create(&aside).map_err(|error| failed("making", error))?;
    let lock = disk.lock().map_err(|error| failed("locking", error))?;
    // What an interrupted restore left. It was ours alone, and never had its name.
    for name in disk.list().map_err(|error| failed("listing", error))? {
        if name != journal::LOCK {
            disk.unlink(&name).map_err(|error| failed("removing", error))?;
        }
    }
    write(plan, &disk).map_err(|error| failed("writing", error))?;
    write_note(plan, &disk, at_us).map_err(|error| failed("writing", error))?;
    disk.sync_dir().map_err(|error| failed("syncing", error))?;
    let proof = journal::verify(&disk, None, |_| {}).map_err(|error| by_proof(&aside, &error))?;
    if proof.last != plan.last || proof.seal != plan.cut.seal && plan.last != Seq::ZERO {
        let text = format!("{} does not hold what was written", aside.display());
        return Err(Failure::new(Exit::Broken, "restore_failed", text)
            .hint("look at the disk, then run it again"));
    }
    must_be_free(folder)?;
    // Takes the place of an empty folder as well.
    fs::rename(&aside, folder).map_err(|error| by_disk(folder, "naming the folder", &error))?;
    let (parent, _) = RealDisk::open_or_create(folder)
        .map_err(|error| by_disk(folder, "syncing the folder around it", &error))?;
    drop((parent, lock));
    Ok(proof)
}

fn write(plan: &Plan, disk: &RealDisk) -> io::Result<()> {
    let segments = &plan.proof.survey.segments;
    for segment in segments.iter().take(plan.cut.whole) {
        copy(plan, disk, (&segment.name, &segment.name), segment.proven_end, b"")?;
    }
    if let (Some(begun), Some(segment)) = (&plan.cut.begun, segments.get(plan.cut.whole)) {
        let name = closed_segment(segment.header.first, plan.last);
        copy(plan, disk, (&segment.name, &name), begun.bytes, &begun.resealed)?;
    }
    if plan.cut.whole < segments.len() {
        begin_file(plan, disk)?;
    }
    let snapshot = plan.proof.survey.snapshots.first().map(|(_, snapshot)| snapshot);
    match snapshot.filter(|snapshot| snapshot.seq_max <= plan.last) {
        Some(snapshot) => copy(plan, disk, (SNAPSHOT, SNAPSHOT), snapshot.bytes, b""),
        None => Ok(()),
    }
}

/// Copies the first `bytes` of a file, and writes `more` behind them.
fn copy(
    plan: &Plan,
    disk: &RealDisk,
    (from, to): (&str, &str),
    bytes: u64,
    more: &[u8],
) -> io::Result<()> {
    let (source, target) = (plan.archive.open_read(from)?, disk.create(to)?);
    let mut buffer = vec![0; COPY_BYTES];
    let mut offset = 0_u64;
    while offset < bytes {
        let left = usize::try_from(bytes - offset).unwrap_or(COPY_BYTES);
        let Some(space) = buffer.get_mut(..left.min(COPY_BYTES)) else { break };
        if read_full_at(&plan.archive, &source, space, offset)? < space.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all_at(disk, &target, space, offset)?;
        offset = offset.strict_add(space.len() as u64);
    }
    write_all_at(disk, &target, more, offset)?;
    disk.sync_all(&target)
}

/// Begins the active file behind a cut; its header names the last seal that stays.
fn begin_file(plan: &Plan, disk: &RealDisk) -> io::Result<()> {
    let genesis = plan.proof.genesis.clone().ok_or(io::ErrorKind::InvalidData)?;
    let prev = if plan.last == Seq::ZERO { Hash::ZERO } else { plan.cut.seal };
    let mut line = Vec::new();
    Header::new(genesis, plan.last.next(), plan.cut.world, prev).encode(&mut line);
    let file = disk.create(ACTIVE)?;
    write_all_at(disk, &file, &line, 0)?;
    disk.sync_all(&file)
}

fn write_note(plan: &Plan, disk: &RealDisk, at_us: u64) -> io::Result<()> {
    let listed = &plan.archive.manifest;
    let note = Note {
        schema: "saldo.restored/1".to_owned(),
        at: moment::exact(at_us),
        backup_at: moment::exact(listed.at),
        backup_last: listed.last,
        backup_seal: listed.seal.clone(),
        last: plan.last.get(),
        seal: plan.cut.seal.to_string(),
    };
    let mut line = serde_json::to_vec(&note)?;
    line.push(b'\n');
    let file = disk.create(NOTE)?;
    write_all_at(disk, &file, &line, 0)?;
    disk.sync_all(&file)
}
