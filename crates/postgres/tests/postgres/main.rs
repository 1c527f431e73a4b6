//! The engine over PostgreSQL, against real servers.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cluster;
mod conformance;
mod differential;
mod rules;
mod verify;
