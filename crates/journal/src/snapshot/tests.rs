//! Snapshots written, proven and handed out again.
