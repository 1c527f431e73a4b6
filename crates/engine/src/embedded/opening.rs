//! Opens the folder of a bank and that of its index: the state before anything runs.
//!
//! **Invariant:** the index is derived, so what is wrong with it is taken away and made anew; that it
//! holds more than the journal is wrong with the journal.

use std::io;
use std::sync::Arc;

use history::{History, HistoryError};
use journal::disk::{Disk, is_full};
use journal::{ACTIVE, Damage, Fault, Found, OpenError, Progress, Report, Writer};

use super::Options;
use super::core::Core;
use super::lines::Lines;
use super::rebuild::Rebuild;
use super::recall::Recaller;
use crate::chain;

/// An opened folder, before anything runs: what production starts threads over, and what a
/// simulation steps through by hand.
pub struct Parts<D: Disk> {
    /// The state.
    pub core: Core<D>,
    /// The journal.
    pub writer: Writer<D>,
    /// The index of history.
    pub history: Arc<History<D>>,
    /// What opening found.
    pub report: Report,
    /// What opening the index found.
    pub index_report: history::Opened,
    /// The folder's one-process lock.
    pub lock: D::File,
}

/// Why an opening came to nothing.
enum Unopened {
    /// There is no more to be done.
    Refused(OpenError),
    /// What was wrong is gone from the folder of the index.
    IndexMended(OpenError),
}

/// Opens the folder of `disk`, and the index of its history in that of `index_disk`: recovers the
/// journal, rebuilds the state, and checks that all balances sum to zero with `@world`. An index that
/// holds more than the journal proves that events were lost, and is refused as such.
pub fn open<D: Disk>(
    disk: Arc<D>,
    index_disk: Arc<D>,
    options: &Options,
) -> Result<Parts<D>, OpenError> {
    open_telling(disk, index_disk, options, &|_| {})
}

/// As [`open`]; `progress` is told how far it is.
pub fn open_telling<D: Disk>(
    disk: Arc<D>,
    index_disk: Arc<D>,
    options: &Options,
    progress: &dyn Fn(Progress),
) -> Result<Parts<D>, OpenError> {
    let opened = open_once(&disk, &index_disk, options, progress).or_else(|unopened| {
        let Unopened::IndexMended(error) = unopened else { return Err(unopened) };
        tracing::warn!(event = "index_mended", error = %chain(&error),
            "the index was damaged or of another history; what is missing is made anew");
        open_once(&disk, &index_disk, options, progress)
    });
    opened.map_err(|(Unopened::Refused(error) | Unopened::IndexMended(error))| error)
}

fn open_once<D: Disk>(
    disk: &Arc<D>,
    index_disk: &Arc<D>,
    options: &Options,
    progress: &dyn Fn(Progress),
) -> Result<Parts<D>, Unopened> {
    // IMPORTANT: before the index is touched, which a server that has the folder may be writing.
    let lock = journal::lock_folder(&**disk)?;
    let genesis = journal::genesis_of(&**disk)?;
    if genesis.is_none() {
        // A folder that was robbed of its journal is refused before its index is taken for foreign.
        journal::must_be_new(&**disk, &lock)?;
    }
    let ledger = genesis.as_ref().unwrap_or(&options.genesis_if_new).ledger;
    let opened = History::open(Arc::clone(index_disk), ledger, options.index);
    let (history, index_report) = opened.map_err(index_error)?;
    let history = Arc::new(history.with(options.plants));
    let indexed = index_report.indexed;
    let mut rebuild =
        Rebuild::new(Arc::clone(&history), indexed, options.recent_slots, options.plants);
    let open_options = journal::OpenOptions {
        sizes: options.sizes,
        indexed: indexed.seq,
        indexed_seal: index_report.seal,
        genesis_if_new: options.genesis_if_new.clone(),
        workers: options.workers,
        plants: options.plants,
    };
    let take = |found: Found<'_>| rebuild.take(found);
    let opened = journal::open(Arc::clone(disk), lock, &open_options, progress, take);
    match rebuild.take_trouble() {
        None => {}
        Some(error @ HistoryError::Damaged { .. }) => {
            history.discard().map_err(index_error)?;
            return Err(Unopened::IndexMended(index_error(error)));
        }
        Some(error) => return Err(index_error(error).into()),
    }
    let opened = match opened {
        Ok(opened) => opened,
        Err(error @ OpenError::Corrupt(Damage { fault: Fault::ForeignIndex, .. })) => {
            drop((rebuild, history));
            history::wipe(&**index_disk).map_err(|error| index_error(error.into()))?;
            return Err(Unopened::IndexMended(error));
        }
        Err(error) => return Err(error.into()),
    };
    let head = opened.writer.staging().head();
    if rebuild.sum().strict_add(head.world) != 0 {
        return Err(Unopened::Refused(OpenError::Corrupt(Damage {
            file: ACTIVE.into(),
            offset: 0,
            seq_good: head.seq,
            fault: Fault::World,
        })));
    }
    let core = rebuild.into_core(Arc::clone(opened.writer.staging()));
    let (writer, report, lock) = (opened.writer, opened.report, opened.lock);
    Ok(Parts { core, writer, history, report, index_report, lock })
}

impl From<OpenError> for Unopened {
    fn from(error: OpenError) -> Self {
        Self::Refused(error)
    }
}

fn index_error(error: HistoryError) -> OpenError {
    let what = "opening the index".into();
    match error {
        HistoryError::Disk(source) if is_full(&source) => OpenError::DiskFull { what, source },
        HistoryError::Disk(_) | HistoryError::Damaged { .. } | HistoryError::Nameless { .. } => {
            OpenError::Disk { what, source: io::Error::other(error) }
        }
    }
}

impl<D: Disk> Parts<D> {
    /// What reads the events that a tx_id may stand for, from the folder of `disk`.
    pub fn recaller(&self, disk: Arc<D>) -> Recaller<D> {
        let history = Arc::clone(&self.history);
        Recaller::new(Arc::clone(&history), Arc::new(Lines::new(disk, history)))
    }
}
