//! Puts a backup back: proven first, built aside, proven again, and only then given its name.
//!
//! `note` is what the restored folder says of it, `build` writes the files.
//!
//! **Invariant:** the folder that is asked for is there whole, or not at all.

mod build;
mod note;

use std::ops::ControlFlow;
use std::path::Path;

use journal::disk::{Disk as _, RealDisk};
use journal::{Cut, Proof, Survey};
use ledger::Seq;

pub use self::build::{build, check};
pub use self::note::read as read_note;
use crate::backup::{Archive, by_disk, by_proof, must_be_backup, prove};
use crate::exit_code::Exit;
use crate::failure::Failure;

/// Up to where a backup is put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// All of it.
    End,
    /// This event.
    Seq(u64),
    /// The last event that is not later than this, in microseconds since the Unix epoch.
    Time(u64),
}

/// A proven backup and where it is cut.
pub struct Plan {
    /// The backup.
    pub archive: Archive<RealDisk>,
    /// What was proven of it.
    pub proof: Proof,
    /// The last event that is put back.
    pub last: Seq,
    /// What of each file.
    pub cut: Cut,
    /// Keeps runs of `saldo backup` out; nothing where the backup lies read-only.
    _lock: Option<std::fs::File>,
}

/// Proves a backup and finds where to cut it. Errors: it is damaged, or does not reach so far.
pub fn plan(backup: &Path, until: Until, shown: &dyn Fn(Seq)) -> Result<Plan, Failure> {
    let disk = crate::proof::open(backup)?;
    // Before the lock, which makes a file.
    must_be_backup(&disk)?;
    let lock = match disk.lock() {
        Ok(lock) => Some(lock),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            return Err(by_disk(backup, "locking", &error));
        }
        Err(_) => None,
    };
    let (archive, proof) = prove(&disk, None, shown)?;
    let last = find(backup, &archive, &proof.survey, until)?;
    let cut =
        journal::cut(&archive, &proof.survey, last).map_err(|error| by_proof(backup, &error))?;
    Ok(Plan { archive, proof, last, cut, _lock: lock })
}

/// The last event that is wanted.
fn find(
    backup: &Path,
    archive: &Archive<RealDisk>,
    survey: &Survey,
    until: Until,
) -> Result<Seq, Failure> {
    let end = survey.last();
    let beyond = |asked: String| {
        let text = format!("{} reaches up to seq {end}, not to {asked}", backup.display());
        Failure::new(Exit::No, "not_in_backup", text)
            .hint("restore it without --to-seq and --to-time")
    };
    match until {
        Until::End => Ok(end),
        Until::Seq(seq) if seq <= end.get() => Ok(Seq::new(seq)),
        Until::Seq(seq) => Err(beyond(format!("seq {seq}"))),
        Until::Time(time_us) => {
            // What happened between the last event and the backup is nothing, so up to then it is known.
            if time_us > archive.manifest.at {
                return Err(beyond(crate::moment::exact(time_us)));
            }
            let mut last = Seq::ZERO;
            let read = journal::events(archive, survey, |event| {
                if event.at_us > time_us {
                    return ControlFlow::Break(());
                }
                last = event.seq;
                ControlFlow::Continue(())
            });
            read.map_err(|error| by_proof(backup, &error))?;
            Ok(last)
        }
    }
}
