//! The crate from outside: files on a real disk, and what is let in by them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod audit;
mod common;
mod files;
mod letting_in;
mod table;
mod users;
