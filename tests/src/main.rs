//! Drives the real `saldo` from outside, as its users do: each test has a server of its own on a
//! free port, over a folder of its own. The binary is the one that `SALDO_BIN` names.
//!
//! **Invariants:** nothing here is shared with what is tested: the lines of the wire and of the log
//! are read by the harness's own readers, and balances are computed by its own model. No test
//! sleeps to be right: it waits for a condition, and fails at a deadline.
#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod backup;
mod bad_input;
mod bench;
mod bulk;
mod cli;
mod conformance;
mod console;
mod copy;
mod damage;
mod database;
mod disk_full;
mod doctor;
mod durable;
mod golden;
mod guarded;
mod harness;
mod history;
mod http;
mod idempotency;
mod idle;
mod import;
mod import_dry_run;
mod import_lost;
mod index;
mod kill;
mod load;
mod many_clients;
mod metrics;
mod patroni;
mod ports;
mod proof;
mod quick_start;
mod repl;
mod resolve;
mod starting;
mod stopping;
mod watch;
