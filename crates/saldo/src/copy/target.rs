//! A place that takes a bank over, whichever engine's it is.

use std::fmt::Display;

use journal::{Content, Genesis, Hash};
use ledger::{Seq, Transaction};
use postgres::{Address, CarryError, Intake, Mode};
use tokio::runtime::Runtime;

use super::database;
use super::folder::Folder;
use super::place::Place;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// The target of a copy.
pub enum Target {
    /// A data folder.
    Folder(Box<Folder>),
    /// A database.
    Database(Box<Database>),
}

/// A database that takes a bank over.
pub struct Database {
    address: Address,
    intake: Intake,
    /// The connection belongs to it.
    runtime: Runtime,
}

/// What a target was proven to hold.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The last event.
    pub last: Seq,
    /// Accounts.
    pub accounts_count: u64,
    /// Sum over all accounts without `@world`, in minor units.
    pub sum: i128,
    /// Balance of `@world`, in minor units.
    pub world: i128,
    /// Recorded refusals among the events.
    pub refusals_count: u64,
    /// The hash over all events.
    pub content: Hash,
}

impl Target {
    /// Opens it. Errors: it must not be written to, or holds something else.
    pub fn open(place: &Place, is_unreplicated: bool, genesis: &Genesis) -> Result<Self, Failure> {
        let address = match place {
            Place::Folder(folder) => {
                return Ok(Self::Folder(Box::new(Folder::open(folder, genesis)?)));
            }
            Place::Database(address) => (**address).clone(),
        };
        let mode = if is_unreplicated { Mode::Unchecked } else { Mode::Replicated };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            let text = format!("the system gives no event queue: {error}");
            Failure::new(Exit::NothingDone, "no_resources", text)
        })?;
        let intake = runtime.block_on(Intake::open(address.clone(), mode, genesis));
        let intake = intake.map_err(|error| database::refused(&address, &error))?;
        Ok(Self::Database(Box::new(Database { address, intake, runtime })))
    }

    /// The last event that it holds.
    pub fn last(&self) -> Seq {
        match self {
            Self::Folder(folder) => folder.last(),
            Self::Database(database) => database.intake.last(),
        }
    }

    /// What it says so far; every event of it is read.
    pub fn content(&self) -> Result<Content, Failure> {
        match self {
            Self::Folder(folder) => folder.content(),
            Self::Database(database) => database
                .runtime
                .block_on(database.intake.content(|_| {}))
                .map_err(|error| database::refused(&database.address, &error)),
        }
    }

    /// Writes the events behind the last one.
    pub fn write(&mut self, events: &[Transaction<'static>]) -> Result<(), Failure> {
        match self {
            Self::Folder(folder) => folder.write(events),
            Self::Database(database) => database.write(events),
        }
    }

    /// Proves it, compares it with what the source said, and opens it to servers.
    pub fn finish(self, source: &Content) -> Result<Proven, Failure> {
        match self {
            Self::Folder(folder) => folder.finish(source),
            Self::Database(database) => database.finish(source),
        }
    }
}

impl Database {
    fn write(&mut self, events: &[Transaction<'static>]) -> Result<(), Failure> {
        let Self { address, intake, runtime } = self;
        runtime.block_on(intake.write(events)).map_err(|error| unfinished(address, &error))
    }

    fn finish(self, source: &Content) -> Result<Proven, Failure> {
        let Self { address, mut intake, runtime } = self;
        let proof = runtime.block_on(async {
            if intake.last() == Seq::ZERO {
                // It may have another name yet.
                intake.begin().await?;
            }
            postgres::verify(&address, None, |_| {}).await
        });
        let proof = proof.map_err(|error| unfinished(&address, &error))?;
        let proven = Proven {
            last: proof.last,
            accounts_count: proof.accounts_count,
            sum: proof.sum,
            world: proof.world,
            refusals_count: proof.refusals_count,
            content: proof.content,
        };
        proven.must_be(source, &address)?;
        runtime.block_on(intake.finish()).map_err(|error| unfinished(&address, &error))?;
        Ok(proven)
    }
}

/// A failure of a database in which the copy goes on when it is run again.
fn unfinished(address: &Address, error: &CarryError) -> Failure {
    let failure = database::refused(address, error);
    match error {
        CarryError::Open(_) | CarryError::Database(_) => {
            failure.hint("run the same copy again; it goes on where it stopped")
        }
        CarryError::Flawed(_) | CarryError::OtherLedger { .. } | CarryError::Moved { .. } => {
            failure
        }
    }
}

impl Proven {
    /// Whether the target says what the source said, event by event.
    pub fn must_be(&self, source: &Content, place: &impl Display) -> Result<(), Failure> {
        if (self.last, self.content) == (source.last(), source.hash()) {
            return Ok(());
        }
        let text = format!(
            "{place} has seq {} and the content {}, the source seq {} and {}",
            self.last,
            self.content,
            source.last(),
            source.hash()
        );
        Err(Failure::new(Exit::Broken, "copy_differs", text)
            .hint("keep both as they are, and copy into another target"))
    }
}
