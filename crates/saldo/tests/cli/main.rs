//! The binary as people and scripts use it, against servers that this test plays itself: so that
//! answers can be lost, late and wrong. What the real server does is tested elsewhere.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod access;
mod bench;
mod formats;
mod history;
mod init;
mod run;
mod server;
mod verbs;
