//! Makes a backup, or brings one up to date.

use std::io;
use std::path::Path;
use std::sync::Arc;

use journal::disk::{Disk, write_all_at};
use journal::{Genesis, Hash, Proof, SNAPSHOT, Survey, parse_closed_segment};

use super::archive::{Archive, read_manifest};
use super::frames::{Unpacked, pack};
use super::frozen::Frozen;
use super::manifest::{Entry, MANIFEST, MANIFEST_NEW, Manifest, SCHEMA};
use super::refused::{by_disk, by_proof, unusable};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::proof;

/// From where to where.
pub struct Job<'j, S: Disk, T: Disk> {
    /// The bank.
    pub source: Arc<S>,
    /// Its name for people.
    pub from: &'j Path,
    /// The backup, locked by the caller.
    pub target: Arc<T>,
    /// Its name for people.
    pub to: &'j Path,
    /// Whether a server has the bank open.
    pub is_live: bool,
    /// The time, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// Hears of bytes that were copied.
    pub told: &'j dyn Fn(u64),
}

/// What was done.
#[derive(Debug)]
pub struct Backed {
    /// What the backup holds.
    pub manifest: Manifest,
    /// What was proven of it.
    pub proof: Proof,
    /// How many of its files were there already.
    pub files_kept: usize,
    /// Bytes that were written for the others.
    pub bytes_written: u64,
}

/// Copies what is new, proves the whole, and only then makes it the backup. Errors: the bank is
/// damaged or another one than before, a disk failed; then the folder holds what it held.
pub fn run<S: Disk, T: Disk>(job: &Job<'_, S, T>) -> Result<Backed, Failure> {
    must_be_ours(&*job.target, job.to)?;
    let previous = read_manifest(&*job.target).map_err(|error| unusable(job.to, error))?;
    // What an earlier run left and no manifest lists.
    job.sweep(previous.as_ref())?;
    let bank = Frozen::take(Arc::clone(&job.source), job.is_live).map_err(|error| {
        let text = format!("{}: {error}", job.from.display());
        Failure::new(Exit::Usage, "data_folder", text)
    })?;
    let (survey, genesis) = job.survey(&bank, previous.as_ref())?;
    let mut made = Made {
        job,
        bank: &bank,
        previous: previous.as_ref(),
        files: Vec::new(),
        kept: 0,
        written: 0,
    };
    made.add_all(&survey)?;
    let Made { files, kept: files_kept, written: bytes_written, .. } = made;
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        writer: concat!("saldo ", env!("CARGO_PKG_VERSION")).to_owned(),
        ledger: genesis.ledger.to_hex(),
        currency: genesis.currency.as_str().to_owned(),
        first: survey.last().get().min(1),
        last: survey.last().get(),
        seal: survey.seal().to_string(),
        at: job.at_us,
        files,
    };
    let proof = job.prove(&manifest, &survey)?;
    job.publish(&manifest)?;
    job.sweep(Some(&manifest))?;
    Ok(Backed { manifest, proof, files_kept, bytes_written })
}

/// A backup wants a folder of its own: refuses one that holds anything else.
pub fn must_be_ours<T: Disk>(target: &T, folder: &Path) -> Result<(), Failure> {
    let names = target.list().map_err(|error| by_disk(folder, "listing", &error))?;
    match names.iter().find(|name| !is_ours(name)) {
        None => Ok(()),
        Some(name) => {
            let text = format!("{} holds other files ({name:?})", folder.display());
            Err(Failure::new(Exit::Usage, "backup_folder", text)
                .hint("give a folder that is missing, empty, or an earlier backup"))
        }
    }
}

impl<S: Disk, T: Disk> Job<'_, S, T> {
    /// Removes what the manifest does not list.
    fn sweep(&self, manifest: Option<&Manifest>) -> Result<(), Failure> {
        let failed = |error| by_disk(self.to, "removing what was left over", &error);
        for name in self.target.list().map_err(failed)? {
            let is_listed = manifest.is_some_and(|listing| listing.entry(&name).is_some());
            if is_stored(&name) && !is_listed || name == MANIFEST_NEW {
                self.target.unlink(&name).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Judges the bank, and that it is the one of the previous backup, gone on.
    fn survey(
        &self,
        bank: &Frozen<S>,
        previous: Option<&Manifest>,
    ) -> Result<(Survey, Genesis), Failure> {
        let expected = previous.and_then(|manifest| Hash::from_hex(manifest.seal.as_bytes()));
        let survey = journal::survey_expecting(bank, expected)
            .map_err(|error| proof::refused(self.from, &error))?;
        let Some(genesis) = survey.genesis.clone() else {
            return Err(proof::no_ledger(self.from));
        };
        let Some(previous) = previous else { return Ok((survey, genesis)) };
        let (from, to) = (self.from.display(), self.to.display());
        if previous.ledger != genesis.ledger.to_hex() {
            let text = format!(
                "{to} is a backup of the ledger {}, {from} holds {}",
                previous.ledger,
                genesis.ledger.to_hex()
            );
            return Err(Failure::new(Exit::No, "another_ledger", text)
                .hint("each ledger wants a backup folder of its own"));
        }
        // A backup without an event may end with the first header, which is no seal.
        if previous.last > 0 && !survey.expected_seal_found {
            let text =
                format!("{to} ends with seq {} under a seal that is not in {from}", previous.last);
            return Err(Failure::new(Exit::No, "another_history", text).hint(
                "the bank was taken back to an earlier point since; back it up into a new folder",
            ));
        }
        Ok((survey, genesis))
    }

    /// Reads back what was written, and proves it as `saldo verify` does.
    fn prove(&self, manifest: &Manifest, survey: &Survey) -> Result<Proof, Failure> {
        let archive = Archive::of(Arc::clone(&self.target), manifest.clone(), &|_| {});
        let archive = archive.map_err(|error| unusable(self.to, error))?;
        let proof =
            journal::verify(&archive, None, |_| {}).map_err(|error| by_proof(self.to, &error))?;
        if proof.last != survey.last() || proof.seal != survey.seal() {
            let text = format!("{}: it does not hold what was copied", self.to.display());
            return Err(Failure::new(Exit::Broken, "backup_damaged", text));
        }
        Ok(proof)
    }

    /// Makes the manifest durable, and with it the backup.
    fn publish(&self, manifest: &Manifest) -> Result<(), Failure> {
        let failed = |error: io::Error| by_disk(self.to, "writing the manifest", &error);
        let bytes = manifest.encode().map_err(|error| failed(error.into()))?;
        let target = &*self.target;
        let file = target.create(MANIFEST_NEW).map_err(failed)?;
        write_all_at(target, &file, &bytes, 0).map_err(failed)?;
        target.sync_all(&file).map_err(failed)?;
        // The names of the files that it lists, before its own.
        target.sync_dir().map_err(failed)?;
        target.rename(MANIFEST_NEW, MANIFEST).map_err(failed)?;
        target.sync_dir().map_err(failed)
    }
}

/// The files of a backup that is being made.
struct Made<'m, 'j, S: Disk, T: Disk> {
    job: &'m Job<'j, S, T>,
    bank: &'m Frozen<S>,
    previous: Option<&'m Manifest>,
    files: Vec<Entry>,
    kept: usize,
    written: u64,
}

impl<S: Disk, T: Disk> Made<'_, '_, S, T> {
    /// Adds the closed files, the active one up to its last seal, and the newest snapshot.
    fn add_all(&mut self, survey: &Survey) -> Result<(), Failure> {
        for segment in &survey.segments {
            let of = &*segment.name;
            let name = match parse_closed_segment(of) {
                Some(_) => format!("{of}.zst"),
                None => format!("tail.{}.log.zst", short(survey.seal())),
            };
            self.add((of, of), name, segment.proven_end)?;
        }
        match survey.snapshots.first() {
            Some((read_as, snapshot)) => {
                let name = format!("state.{}.json.zst", short(snapshot.hash));
                self.add((read_as, SNAPSHOT), name, snapshot.bytes)
            }
            None => Ok(()),
        }
    }

    /// Adds the first `bytes` of a file of the bank, unless the previous backup has them under the
    /// same name. `read_as`: its name in the bank, `of`: the one that a restored bank gives it.
    fn add(
        &mut self,
        (read_as, of): (&str, &str),
        name: String,
        bytes: u64,
    ) -> Result<(), Failure> {
        if let Some(entry) = self.previous.and_then(|manifest| manifest.entry(&name)) {
            // Its seqs, its seal or its hash are in its name: it cannot hold anything else.
            self.files.push(entry.clone());
            self.kept += 1;
            return Ok(());
        }
        let Job { from, target, to, told, .. } = self.job;
        let unread = |error: &io::Error| {
            let text = format!("{}: reading {read_as}: {error}", from.display());
            Failure::new(Exit::Usage, "data_folder", text)
        };
        let file = self.bank.open_read(read_as).map_err(|error| unread(&error))?;
        // A group of the active file may have been written and not be durable yet.
        self.bank.sync_data(&file).map_err(|error| unread(&error))?;
        let packed = pack((self.bank, &file, bytes), (&**target, &name), *told);
        let packed = packed.map_err(|error| match error {
            Unpacked::Source(error) => unread(&error),
            Unpacked::Target(error) => by_disk(to, &format!("writing {name}"), &error),
        })?;
        self.written = self.written.saturating_add(packed.bytes);
        self.files.push(Entry {
            name,
            bytes: packed.bytes,
            hash: packed.hash.to_string(),
            of: of.to_owned(),
            of_bytes: bytes,
        });
        Ok(())
    }
}

/// What tells one version of a file from another, in its name.
fn short(hash: Hash) -> String {
    hash.to_string().chars().take(32).collect()
}

/// Whether a backup may hold a file of this name.
fn is_ours(name: &str) -> bool {
    is_stored(name) || [MANIFEST, MANIFEST_NEW, journal::LOCK].contains(&name)
}

/// Whether it is one of the compressed files.
fn is_stored(name: &str) -> bool {
    let Some(of) = name.strip_suffix(".zst") else { return false };
    let is_between = |start: &str, end: &str| {
        let middle = of.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        middle.is_some_and(|hash| hash.len() == 32)
    };
    parse_closed_segment(of).is_some()
        || is_between("tail.", ".log")
        || is_between("state.", ".json")
}
