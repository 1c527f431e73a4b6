//! A folder that takes a bank over.

use std::error::Error as _;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::embedded::{self, Embedded, Options};
use journal::disk::{Disk, RealDisk};
use journal::{
    Content, Genesis, JournalError, OpenError, OpenOptions, Opened, Placed, Staged, Survey,
};
use ledger::{Seq, Transaction};

use super::mark;
use super::target::Proven;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::serve::opening;

/// A folder that is about to hold a history, or the beginning of it.
pub struct Folder {
    folder: PathBuf,
    disk: Arc<RealDisk>,
    genesis: Genesis,
    survey: Survey,
    state: State,
    is_marked: bool,
}

enum State {
    /// Nothing was written. The lock is held.
    Found(<RealDisk as Disk>::File),
    Writing(Box<Opened<RealDisk>>),
    Closed,
}

impl Folder {
    /// Makes the folder where it is missing, and locks it. Errors: it is in use, holds something else,
    /// or another ledger.
    pub fn open(folder: &Path, expected: &Genesis) -> Result<Self, Failure> {
        opening::must_be_ours_or_empty(folder)?;
        let (disk, _) = RealDisk::open_or_create(folder)
            .map_err(|error| opening::not_usable(folder, &error))?;
        let refused = |error| refused(folder, &error);
        let lock = journal::lock_folder(&disk).map_err(refused)?;
        let survey = journal::survey(&disk).map_err(refused)?;
        match &survey.genesis {
            None => journal::must_be_new(&disk, &lock).map_err(refused)?,
            Some(found) if found != expected => {
                let found = format!("{} {}", found.ledger.to_hex(), found.currency.as_str());
                let text = format!("{} holds the ledger {found}", folder.display());
                return Err(Failure::new(Exit::No, "another_ledger", text)
                    .hint("copy into an empty target"));
            }
            Some(_) => {}
        }
        let is_marked = mark::is_marked(folder).map_err(|error| failed(folder, &error))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            disk: Arc::new(disk),
            genesis: expected.clone(),
            survey,
            state: State::Found(lock),
            is_marked,
        })
    }

    /// The last event that the folder holds.
    pub fn last(&self) -> Seq {
        self.survey.last()
    }

    /// What it says so far.
    pub fn content(&self) -> Result<Content, Failure> {
        content(&self.disk, &self.survey).map_err(|error| refused(&self.folder, &error))
    }

    /// Writes events behind the last one, durably, in groups.
    pub fn write(&mut self, events: &[Transaction<'static>]) -> Result<(), Failure> {
        self.begin()?;
        let State::Writing(opened) = &mut self.state else { return Err(closed(&self.folder)) };
        for Transaction { seq, tx_id, by, event, at_us } in events {
            let unnamed = Staged::unindexed(*at_us, tx_id.as_str(), event);
            let staged = Staged { by: by.as_ref(), ..unnamed };
            let placed = opened.writer.staging().stage(staged, || ([0_u32; 0], 0));
            if placed != Ok(Placed { seq: *seq, at_us: *at_us }) {
                let text = format!("{}: seq {seq} has no place there", self.folder.display());
                return Err(Failure::new(Exit::Broken, "internal", text));
            }
        }
        loop {
            match opened.writer.commit() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) => return Err(stopped(&self.folder, &error)),
            }
        }
    }

    /// Marks the folder and opens its journal for writing, once.
    fn begin(&mut self) -> Result<(), Failure> {
        let lock = match std::mem::replace(&mut self.state, State::Closed) {
            State::Found(lock) => lock,
            other @ (State::Writing(_) | State::Closed) => {
                self.state = other;
                return Ok(());
            }
        };
        mark::set(&self.folder).map_err(|error| failed(&self.folder, &error))?;
        self.is_marked = true;
        let options = OpenOptions::new(self.genesis.clone());
        let opened = journal::open(Arc::clone(&self.disk), lock, &options, &|_| {}, |_| Ok(()))
            .map_err(|error| refused(&self.folder, &error))?;
        self.state = State::Writing(Box::new(opened));
        Ok(())
    }

    /// Makes it a folder as a server leaves it, proves it, compares it with the source, and takes the
    /// mark away.
    pub fn finish(mut self, source: &Content) -> Result<Proven, Failure> {
        if self.survey.genesis.is_none() || self.is_marked {
            self.begin()?;
        }
        let refused = |error| refused(&self.folder, &error);
        if let State::Writing(opened) = std::mem::replace(&mut self.state, State::Closed) {
            let Opened { mut writer, lock, .. } = *opened;
            writer.staging().stop();
            writer.close().map_err(|error| stopped(&self.folder, &error))?;
            // A server takes the lock by itself. The mark keeps others out meanwhile.
            drop((writer, lock));
            self.settle()?;
        }
        let survey = journal::survey(&*self.disk).map_err(refused)?;
        let found = content(&self.disk, &survey).map_err(refused)?;
        let proof = journal::verify(&*self.disk, None, |_| {}).map_err(refused)?;
        let proven = Proven {
            last: proof.last,
            accounts_count: proof.accounts_count,
            sum: proof.sum,
            world: proof.world,
            refusals_count: proof.refusals_count,
            content: found.hash(),
        };
        proven.must_be(source, &self.folder.display())?;
        if self.is_marked {
            mark::clear(&self.folder).map_err(|error| failed(&self.folder, &error))?;
        }
        Ok(proven)
    }

    /// Starts the engine and stops it in order, which leaves snapshot and index.
    fn settle(&self) -> Result<(), Failure> {
        let options = Options::new(self.genesis.clone());
        let index = RealDisk::open_or_create(&self.folder.join(opening::INDEX));
        let (index, _) = index.map_err(|error| failed(&self.folder, &error))?;
        let parts = embedded::open(Arc::clone(&self.disk), Arc::new(index), &options)
            .map_err(|error| refused(&self.folder, &error))?;
        let engine =
            Embedded::start(Arc::clone(&self.disk), parts, &options, Box::new(|_error| {}));
        match engine.close() {
            Ok(_) => Ok(()),
            Err(error) => Err(stopped(&self.folder, &error)),
        }
    }
}

fn content(disk: &RealDisk, survey: &Survey) -> Result<Content, OpenError> {
    let mut content = Content::default();
    journal::events(disk, survey, |event| {
        content.take(event);
        ControlFlow::Continue(())
    })?;
    Ok(content)
}

/// What keeps a folder from being copied from or to.
pub fn refused(folder: &Path, error: &OpenError) -> Failure {
    let text = match error.source() {
        Some(source) => format!("{}: {error}: {source}", folder.display()),
        None => format!("{}: {error}", folder.display()),
    };
    match error {
        OpenError::Locked => Failure::new(Exit::Locked, "folder_locked", text)
            .hint("stop that server first: saldo shutdown"),
        OpenError::Corrupt(_) => Failure::new(Exit::Broken, "corrupt", text).hint(
            "change nothing; look with saldo verify, then put the whole folder back from a backup",
        ),
        OpenError::NewerFormat { .. } => Failure::new(Exit::NewerFormat, "newer_format", text)
            .hint("use the newer saldo that wrote it"),
        OpenError::Original { .. } => Failure::new(Exit::NewerFormat, "original_folder", text)
            .hint("take its balances over into a running bank with saldo init"),
        OpenError::DiskFull { .. } => Failure::new(Exit::DiskFull, "disk_full", text)
            .hint("make space, then run the same copy again; it goes on where it stopped"),
        OpenError::Disk { .. } => Failure::new(Exit::Usage, "data_folder", text)
            .hint("the folder and its files must belong to the user that copies"),
    }
}

fn failed(folder: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::WriteFailed, "disk_failed", format!("{}: {error}", folder.display()))
        .hint("look at the disk, then run the same copy again; it goes on where it stopped")
}

fn stopped(folder: &Path, error: &JournalError) -> Failure {
    let text = match error.source() {
        Some(source) => format!("{}: {error}: {source}", folder.display()),
        None => format!("{}: {error}", folder.display()),
    };
    let (exit, code) = match error {
        JournalError::DiskFull { .. } => (Exit::DiskFull, "disk_full"),
        JournalError::Failed { .. } | JournalError::Stopped => (Exit::WriteFailed, "disk_failed"),
    };
    Failure::new(exit, code, text)
        .hint("look at the disk, then run the same copy again; it goes on where it stopped")
}

fn closed(folder: &Path) -> Failure {
    Failure::new(Exit::Broken, "internal", format!("{} was closed", folder.display()))
}
