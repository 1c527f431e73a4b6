//! The one clock of the embedded engine. What it says goes into the journal as a value.

use std::time::SystemTime;

/// Microseconds since the Unix epoch, by the system's clock; 0 before it. The journal keeps the
/// times of its events from going back when this does.
pub(crate) fn now_us() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .ok()
        .and_then(|elapsed| u64::try_from(elapsed.as_micros()).ok())
        .unwrap_or(0)
}
