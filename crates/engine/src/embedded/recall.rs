//! What a tx_id that may have been used stands for: its candidates are read from the journal.
//!
//! Reading takes system calls, so it happens with no lock held; what it found is handed to the
//! next try of the request, which checks under the lock that nothing was missed meanwhile.

use std::sync::Arc;

use history::History;
use journal::disk::Disk;
use ledger::{Command, Repeated, Seq, Transaction, TxId};

use super::lines::{Lines, ReadError};
use crate::seam::Outcome;

/// What must be read before a request can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    pub(crate) tx_hash: u64,
    /// Events that may carry the tx_id and are too young for the index. The last of them must be
    /// durable before it is read.
    pub(crate) recent: Vec<Seq>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// What stands under the tx_id. It never changes again.
    pub(crate) found: Option<Arc<Transaction<'static>>>,
    /// The young events that carry another tx_id.
    pub(crate) others: Vec<Seq>,
    /// The index was searched for all events up to this one.
    pub(crate) indexed: Seq,
}

/// Why a tx_id could not be recalled. Nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("what stands under a tx_id could not be read")]
pub struct RecallError(#[source] pub(super) ReadError);

impl Recall {
    /// Read nothing before this is durable.
    pub fn rests_on(&self) -> Seq {
        self.recent.iter().copied().max().unwrap_or(Seq::ZERO)
    }
}

/// Reads what tx_ids stand for.
pub struct Recaller<D: Disk> {
    history: Arc<History<D>>,
    lines: Arc<Lines<D>>,
}

impl<D: Disk> Clone for Recaller<D> {
    fn clone(&self) -> Self {
        Self { history: Arc::clone(&self.history), lines: Arc::clone(&self.lines) }
    }
}

impl<D: Disk> Recaller<D> {
    pub(crate) fn new(history: Arc<History<D>>, lines: Arc<Lines<D>>) -> Self {
        Self { history, lines }
    }

    pub(super) fn history(&self) -> &History<D> {
        &self.history
    }

    pub(super) fn lines(&self) -> &Lines<D> {
        &self.lines
    }

    /// Reads what `recall` names; everything up to [`Recall::rests_on`] is durable and appended
    /// to the index. Takes system calls.
    pub fn recall(&self, tx_id: &TxId<'_>, recall: &Recall) -> Result<Recalled, RecallError> {
        self.read(tx_id, recall).map_err(|error| {
            error.take_away_damage(&self.history);
            RecallError(error)
        })
    }

    fn read(&self, tx_id: &TxId<'_>, recall: &Recall) -> Result<Recalled, ReadError> {
        // IMPORTANT: before the search. What is indexed meanwhile may be missed by it.
        let indexed = self.history.indexed();
        let mut found = None;
        let mut old = Vec::new();
        if self.history.may_hold(recall.tx_hash) {
            old = self.history.seqs_of_hash(recall.tx_hash)?;
        }
        for seq in old.iter().chain(&recall.recent) {
            let transaction = self.lines.read(*seq)?;
            if transaction.tx_id == *tx_id {
                found = Some(Arc::new(transaction));
                break;
            }
        }
        Ok(Recalled { found, others: recall.recent.clone(), indexed })
    }
}

impl Recalled {
    /// How many accounts it names: what it takes in memory.
    pub(super) fn accounts_count(&self) -> usize {
        self.found.as_ref().map_or(0, |found| found.event.accounts_count())
    }

    /// Whether `seq`, a young event that may carry the tx_id, was read and carries another.
    pub(crate) fn is_another(&self, seq: Seq) -> bool {
        self.others.contains(&seq)
    }
}

/// What a tx_id that stands for `found` says to a request for `command`.
pub(super) fn told_again<'a>(
    found: &Transaction<'static>,
    command: &Command<'a>,
    tx_id: TxId<'a>,
    seq_durable: Seq,
) -> Outcome<'a> {
    let seq = found.seq;
    match found.event.repeated(command) {
        Repeated::Done(event) => Outcome::Done { seq, tx_id, event, duplicate: true },
        Repeated::Refused(rejection) => {
            let (as_of, tx_id) = (seq, Some(tx_id));
            Outcome::Refused { rejection, seq: Some(seq), tx_id, as_of, duplicate: true }
        }
        Repeated::Conflict => Outcome::Conflict { tx_id, as_of: seq.max(seq_durable) },
    }
}
