//! Proves a backup: each file by its hash, then all of it as the bank that it holds.

use std::sync::Arc;

use journal::disk::{Disk, RealDisk};
use journal::{Hash, Proof};
use ledger::Seq;

use super::archive::{Archive, Unusable, read_manifest};
use super::manifest::{MANIFEST, Manifest};
use super::refused::{by_proof, unusable};
use crate::exit_code::Exit;
use crate::failure::Failure;

/// How often it is read again when a run of `saldo backup` replaced the manifest meanwhile.
const TRIES_MAX: u32 = 5;

/// Whether the folder is a backup, whole or not.
pub fn is_backup(disk: &RealDisk) -> bool {
    disk.open_read(MANIFEST).is_ok()
}

/// Refuses a folder that is none.
pub fn must_be_backup(disk: &RealDisk) -> Result<(), Failure> {
    if is_backup(disk) { Ok(()) } else { Err(unusable(disk.folder(), Unusable::Absent)) }
}

/// Proves the backup in a folder, and looks for a seal with the hash `expected` on the way. `shown` is
/// told the seq reached, now and then.
pub fn prove(
    disk: &RealDisk,
    expected: Option<Hash>,
    shown: &dyn Fn(Seq),
) -> Result<(Archive<RealDisk>, Proof), Failure> {
    let mut tries = 1;
    loop {
        let before = manifest(disk);
        match once(disk, expected, shown) {
            Err(_) if tries < TRIES_MAX && manifest(disk) != before => tries += 1,
            ended => return ended,
        }
    }
}

/// What is listed at this moment. What keeps it from being read is told by who reads it next.
fn manifest(disk: &RealDisk) -> Option<Manifest> {
    read_manifest(disk).ok().flatten()
}

fn once(
    disk: &RealDisk,
    expected: Option<Hash>,
    shown: &dyn Fn(Seq),
) -> Result<(Archive<RealDisk>, Proof), Failure> {
    let folder = disk.folder();
    let archive =
        Archive::open(Arc::new(disk.clone()), &|_| {}).map_err(|error| unusable(folder, error))?;
    let proof =
        journal::verify(&archive, expected, shown).map_err(|error| by_proof(folder, &error))?;
    let listed = &archive.manifest;
    let ledger = proof.genesis.as_ref().map(|genesis| genesis.ledger.to_hex());
    let agrees = ledger.as_ref() == Some(&listed.ledger)
        && proof.last.get() == listed.last
        && proof.seal.to_string() == listed.seal;
    if agrees {
        return Ok((archive, proof));
    }
    let text = format!("{}: {MANIFEST} lists another bank than its files hold", folder.display());
    Err(Failure::new(Exit::Broken, "backup_damaged", text)
        .hint("use another copy of the backup; make the next one in a new folder"))
}
