//! Reads a bank that stands still, from its first event to its last.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::SyncSender;

use journal::disk::{Disk, RealDisk};
use postgres::{Address, History, Mode};

use super::folder::refused;
use super::mark::must_be_finished;
use super::place::Place;
use super::portion::{Gathering, Portion};
use super::{Route, database};
use crate::failure::Failure;
use crate::proof::no_ledger;
use crate::runtime;

/// Where the parts go.
pub type Sender = SyncSender<Result<Portion, Failure>>;

/// What keeps a folder's source as it is, as long as it lives.
pub type Held = Option<<RealDisk as Disk>::File>;

/// Reads all of it, and tells it to whoever receives. A receiver that went away ends it.
pub fn read(route: &Route, sender: &Sender) -> Held {
    let gathering = Gathering::new(route.events_max);
    let read = match &route.from {
        Place::Folder(folder) => read_folder(folder, gathering, sender).map(Some),
        Place::Database(address) => {
            let mode = if route.is_unreplicated { Mode::Unchecked } else { Mode::Replicated };
            runtime::block_on(read_database(address, mode, gathering, sender)).map(|()| None)
        }
    };
    match read {
        Ok(held) => held,
        Err(failure) => {
            // Nobody waits for it any more where the target has failed.
            drop(sender.send(Err(failure)));
            None
        }
    }
}

/// Tells a part; whether anybody listens.
fn told(sender: &Sender, portion: Portion) -> bool {
    sender.send(Ok(portion)).is_ok()
}

fn read_folder(
    folder: &Path,
    mut gathering: Gathering,
    sender: &Sender,
) -> Result<<RealDisk as Disk>::File, Failure> {
    must_be_finished(folder)?;
    let disk = crate::proof::open(folder)?;
    let refused = |error| refused(folder, &error);
    // Whoever serves it has the lock.
    let lock = journal::lock_folder(&disk).map_err(refused)?;
    let survey = journal::survey(&disk).map_err(refused)?;
    let Some(genesis) = survey.genesis.clone() else { return Err(no_ledger(folder)) };
    if !told(sender, Portion::Opened { genesis, last: survey.last() }) {
        return Ok(lock);
    }
    let all = journal::events(&disk, &survey, |event| {
        let full = gathering.add(event.clone().into_owned());
        if full.is_none_or(|portion| told(sender, portion)) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    if all.map_err(refused)? && gathering.take().is_none_or(|last| told(sender, last)) {
        told(sender, Portion::End);
    }
    Ok(lock)
}

async fn read_database(
    address: &Address,
    mode: Mode,
    mut gathering: Gathering,
    sender: &Sender,
) -> Result<(), Failure> {
    let refused = |error| database::refused(address, &error);
    let mut history = History::open(address.clone(), mode).await.map_err(refused)?;
    let (genesis, last) = (history.genesis().clone(), history.last());
    if !told(sender, Portion::Opened { genesis, last }) {
        return Ok(());
    }
    while let Some(events) = history.next().await.map_err(refused)? {
        for event in events {
            if gathering.add(event).is_some_and(|portion| !told(sender, portion)) {
                return Ok(());
            }
        }
    }
    if gathering.take().is_some_and(|portion| !told(sender, portion)) {
        return Ok(());
    }
    history.end().await.map_err(refused)?;
    told(sender, Portion::End);
    Ok(())
}
