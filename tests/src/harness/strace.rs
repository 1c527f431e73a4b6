//! A server under strace, which stalls or fails its system calls, or kills it at one of them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::server::{signal, tracer};
use super::{Folder, Server, saldo, until};

/// What becomes of some of the server's system calls.
pub struct Strace {
    calls: String,
    inject: String,
    /// The file whose calls alone are meant.
    only: Option<PathBuf>,
    trace: PathBuf,
}

impl Strace {
    /// Every data sync of the log stands still, until [`release`].
    pub fn stalling_syncs(folder: &Folder) -> Self {
        // A day is for ever here.
        Self::on_log(folder, "fdatasync", "delay_enter=86400s:when=1+")
    }

    /// The `nth` call of this name on the log, counted per thread, fails with this error.
    pub fn failing(folder: &Folder, call: &str, error: &str, nth: u32) -> Self {
        Self::on_log(folder, call, &format!("error={error}:when={nth}"))
    }

    /// The server is killed as it enters the `nth` call of this name, counted per thread, on
    /// whatever file.
    pub fn killing(folder: &Folder, call: &str, nth: u32) -> Self {
        let inject = format!("{call}:signal=SIGKILL:when={nth}");
        Self { calls: call.to_owned(), inject, only: None, trace: trace_of(folder) }
    }

    /// The log must be there already.
    fn on_log(folder: &Folder, call: &str, what: &str) -> Self {
        let only = Some(folder.file("transactions.log").canonicalize().unwrap());
        let inject = format!("{call}:{what}");
        Self { calls: call.to_owned(), inject, only, trace: trace_of(folder) }
    }

    /// The program and its first arguments; those of `saldo` follow.
    pub fn command(&self) -> Command {
        let mut command = Command::new("strace");
        // The tracer is a grandchild, so that the child is the server itself.
        command.args(["-D", "-f", "-qq"]);
        command.args(["-e", &format!("trace={}", self.calls)]);
        command.args(["-e", &format!("inject={}", self.inject)]);
        if let Some(only) = &self.only {
            command.arg("-P").arg(only);
        }
        command.arg("-o").arg(&self.trace).arg(saldo());
        command
    }
}

fn trace_of(folder: &Folder) -> PathBuf {
    folder.around().join("strace.txt")
}

/// Waits until a sync of the server's log stands still.
pub fn is_stalled(folder: &Folder) {
    until("a sync that stands still", || {
        let trace = fs::read_to_string(trace_of(folder)).unwrap_or_default();
        trace.contains("fdatasync(").then_some(())
    });
}

/// Takes strace away: what stood still goes on, and the disk is as fast as it is.
pub fn release(server: &Server) {
    signal(tracer(server.id()).expect("the server is under strace"), "KILL");
}
