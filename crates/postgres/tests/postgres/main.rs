//! The engine over PostgreSQL, against real servers.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bank;
mod checks;
mod cluster;
mod conformance;
mod cuts;
mod differential;
mod intake;
mod large;
mod load;
mod past;
mod plans;
mod plant;
#[cfg(feature = "planted")]
mod planted;
#[path = "../../../../tests/src/ports.rs"]
mod ports;
mod proxy;
mod rights;
mod rules_commit;
mod rules_replication;
mod rules_retry;
mod secrets;
mod under_load;
mod upgrade;
mod verify;
