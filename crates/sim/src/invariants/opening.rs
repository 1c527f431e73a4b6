//! After any crash without bit rot the folder opens; only a call that fails, or a disk without
//! room, may keep it from that, and never as damage.

use journal::OpenError;

use crate::violation::{Broken, Holds};

const INVARIANT: &str = "what a crash leaves is never refused";

/// Judges an opening that failed. `has_cause`: a planned fault was met, or the disk has a limit.
pub(crate) fn fails_for_a_cause_alone(error: &OpenError, has_cause: bool) -> Holds {
    match error {
        OpenError::Disk { .. } | OpenError::DiskFull { .. } if has_cause => Ok(()),
        OpenError::Disk { .. }
        | OpenError::DiskFull { .. }
        | OpenError::Corrupt(_)
        | OpenError::Locked
        | OpenError::NewerFormat { .. }
        | OpenError::Original { .. } => Err(Broken::new(INVARIANT, format!("{error}: {error:?}"))),
    }
}
