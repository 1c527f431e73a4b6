//! A server under strace, which stalls or fails its system calls.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::server::signal;
use super::{Folder, Server, saldo, until};

/// How the syncs of the active log fail.
pub struct Strace {
    log: PathBuf,
    inject: String,
    trace: PathBuf,
}

impl Strace {
    /// Every data sync of the log stands still from the `first`-th on, until [`release`].
    pub fn stalling_syncs(folder: &Folder, first: u32) -> Self {
        // A day is for ever here.
        Self::new(folder, format!("fdatasync:delay_enter=86400s:when={first}+"))
    }

    /// The `nth` data sync of the log fails.
    pub fn failing_sync(folder: &Folder, nth: u32) -> Self {
        Self::new(folder, format!("fdatasync:error=EIO:when={nth}"))
    }

    fn new(folder: &Folder, inject: String) -> Self {
        let log = folder.file("transactions.log").canonicalize().unwrap();
        Self { log, inject, trace: folder.around().join("strace.txt") }
    }

    /// The program and its first arguments; those of `saldo` follow.
    pub fn command(&self) -> Command {
        let mut command = Command::new("strace");
        // The tracer is a grandchild, so that the child is the server itself.
        command.args(["-D", "-f", "-qq", "-e", "trace=fdatasync", "-e"]);
        command.arg(format!("inject={}", self.inject));
        // Only the log: other files are synced at a start, too.
        command.arg("-P").arg(&self.log).arg("-o").arg(&self.trace).arg(saldo());
        command
    }
}

/// Waits until a sync of the server's log stands still.
pub fn is_stalled(folder: &Folder) {
    until("a sync that stands still", || {
        let trace = fs::read_to_string(folder.around().join("strace.txt")).unwrap_or_default();
        trace.contains("fdatasync(").then_some(())
    });
}

/// Takes strace away: what stood still goes on, and the disk is as fast as it is.
pub fn release(server: &Server) {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).unwrap();
    signal(tracer.trim().parse().unwrap(), "KILL");
}
