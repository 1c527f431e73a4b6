//! The schedule explorer on the embedded engine's locks and group commit.
