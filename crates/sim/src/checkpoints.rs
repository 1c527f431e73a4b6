//! What is known of the snapshots on the disk.

use ledger::Seq;

/// The seqs that snapshots start replay from, as their checkpoints reported.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// Of the last one that was reported published.
    pub(crate) published: Option<Seq>,
    /// Of those that were on their way to the name since then and did not report.
    pub(crate) attempted: Vec<Seq>,
}

impl Checkpoints {
    /// A snapshot is about to get its name.
    pub(crate) fn attempt(&mut self, seq: Seq) {
        self.attempted.push(seq);
    }

    /// It has it, durably.
    pub(crate) fn publish(&mut self, seq: Seq) {
        self.published = Some(seq);
        self.attempted.clear();
    }
}
