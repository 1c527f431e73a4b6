//! How the bank remembers: one readable file of sealed events, snapshots beside it, and the
//! recovery that trusts neither further than it can prove.
//!
//! From the bottom up: `disk` (the seam), `text` and `hash` (bytes), `record`, `seal` and `header`
//! (lines), `staging` and `writer` with its helper `ahead` (the way in), `scan` and `history` (the way
//! back), `snapshot`, `recover`, `verify`, `content`. Every byte on the disk is specified in `docs/formats.md`.
//!
//! **Invariant:** no async, no clock, no logging: time comes in as a value, reports go out as one.
#![deny(clippy::indexing_slicing)]

mod active;
mod ahead;
mod content;
pub mod disk;
mod error;
#[cfg(test)]
mod formats_page;
mod hash;
mod header;
mod history;
mod incarnation;
pub mod limits;
mod names;
mod padding;
mod planted;
mod progress;
mod record;
mod recover;
mod rotate;
mod scan;
mod seal;
mod snapshot;
mod staging;
mod sync;
mod text;
mod thread;
mod trace;
mod verify;
mod workers;
mod writer;

pub use ahead::Ahead;
pub use content::{Content, events};
pub use error::{Contradiction, Damage, Fault, JournalError, OpenError};
pub use hash::Hash;
pub use header::{Currency, FORMAT, Genesis, Header, LedgerId};
pub use history::{
    Cut, CutFile, Found, LinePlace, Segment, Survey, count_accounts, cut, survey,
    survey_as_far_as_possible, survey_by, survey_expecting,
};
pub use limits::Sizes;
pub use names::{ACTIVE, LOCK, SNAPSHOT, SNAPSHOT_PREVIOUS, closed_segment, parse_closed_segment};
pub use planted::{Planted, Plants};
pub use progress::{Phase, Progress};
pub use record::{
    bytes_max as record_bytes_max, bytes_max_void as record_bytes_max_void,
    decode as decode_record, encode as encode_record,
};
pub use recover::{BytesRead, OpenOptions, Opened, Report, lock_folder, must_be_new, open};
pub use scan::{genesis_of, header_of};
pub use seal::Seal;
pub use snapshot::{CheckpointError, Finished, Snapshot, SnapshotHead, SnapshotWriter};
pub use staging::{Head, Placed, Staged, Staging, Unstaged};
pub use trace::{Trace, TraceSlice, Traces};
pub use verify::{Proof, follows, verify};
pub use workers::Workers;
pub use writer::{Committed, Position, PositionHandle, Writer};
