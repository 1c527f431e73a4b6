//! How an engine fares, in numbers, for whoever watches it.

use ledger::Seq;

use crate::histogram::Buckets;

/// Numbers of a moment. Reading them disturbs nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vitals {
    /// Of the engine in a folder.
    Folder(FolderVitals),
    /// Of the engine over a database.
    Database(DatabaseVitals),
}

/// How the engine in a folder fares, since it was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderVitals {
    /// The last event that was staged.
    pub seq_staged: Seq,
    /// The last event that is durable.
    pub seq_durable: Seq,
    /// Bytes of journal written.
    pub journal_bytes: u64,
    /// Events per group commit.
    pub group_events: Buckets,
    /// How long a group took to be written and synced, in microseconds.
    pub commit_us: Buckets,
    /// Events that wait for the index of history.
    pub index_lag_events: u64,
    /// The last checkpoint of this process; `None` before the first.
    pub checkpoint: Option<CheckpointVitals>,
}

/// A checkpoint that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointVitals {
    /// Where replay starts behind it.
    pub seq: Seq,
    /// When it was done, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// How long it took, in microseconds, its rests included.
    pub took_us: u64,
}

/// How the engine over a database fares, since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseVitals {
    /// The last event that this server knows to be durable.
    pub seq_durable: Seq,
    /// Whether the last attempt to reach the database succeeded.
    pub is_reached: bool,
    /// Attempts that the database rolled back, and that were made again.
    pub retried_count: u64,
    /// Attempts that found no primary, or lost it before anything was written.
    pub lost_count: u64,
    /// Attempts for which the database had no room.
    pub refused_count: u64,
    /// Attempts whose commit was left in doubt, and that were settled by asking again.
    pub doubtful_count: u64,
}
