//! What a tx_id that may have been used stands for: its candidates are read from the journal.
//!
//! Reading takes system calls, so it happens with no lock held; what it found is handed to the
//! next try of the request, which checks under the lock that nothing was missed meanwhile.

use std::sync::Arc;

use history::History;
use journal::disk::Disk;
use ledger::{Seq, Transaction, TxId};

use super::lines::{Lines, ReadError};

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
    pub(crate) found: Option<Transaction<'static>>,
    /// The young events that carry another tx_id.
    pub(crate) others: Vec<Seq>,
    /// The index was searched for all events up to this one.
    pub(crate) indexed: Seq,
}

/// Why a tx_id could not be recalled. Nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("what stands under a tx_id could not be read")]
pub struct RecallError(#[source] ReadError);

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

    /// Reads what `recall` names; everything up to [`Recall::rests_on`] is durable and appended
    /// to the index. Takes system calls.
    pub fn recall(&self, tx_id: &TxId<'_>, recall: &Recall) -> Result<Recalled, RecallError> {
        self.read(tx_id, recall).map_err(RecallError)
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
                found = Some(transaction);
                break;
            }
        }
        Ok(Recalled { found, others: recall.recent.clone(), indexed })
    }
}

impl Recalled {
    /// Whether `seq`, a young event that may carry the tx_id, was read and carries another.
    pub(crate) fn is_another(&self, seq: Seq) -> bool {
        self.others.contains(&seq)
    }
}
