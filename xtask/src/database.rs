//! A PostgreSQL for a step of the tests, or for a measurement: on loopback, in a temporary folder, gone with the
//! value. It is the one that `contrib/pg-local.sh` starts for people.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// How many machines keep the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machines {
    /// One.
    One,
    /// A primary, and a standby that has every commit before it is acknowledged.
    Two,
}

/// A server that runs.
pub struct LocalDatabase {
    script: PathBuf,
    folder: TempDir,
    address: String,
}

impl LocalDatabase {
    /// Starts one, alone or with a synchronous standby.
    pub fn start(root: &Path, machines: Machines) -> Result<Self> {
        let script = root.join("contrib/pg-local.sh");
        let folder = tempfile::tempdir().context("a temporary folder")?;
        // Any user may pass through to the folder within, which is the server's own.
        let mode = Command::new("chmod").arg("755").arg(folder.path()).status();
        ensure!(mode.context("chmod")?.success(), "chmod failed");
        let (tier, port) = match machines {
            Machines::One => ("1", free_ports(1)?),
            Machines::Two => ("2", free_ports(2)?),
        };
        let started = Command::new(&script)
            .args(["up", tier])
            .arg(folder.path().join("one"))
            .arg(port.to_string())
            .stdin(Stdio::null())
            .output()
            .with_context(|| script.display().to_string())?;
        let said = String::from_utf8_lossy(&started.stderr);
        ensure!(started.status.success(), "no database could be started:\n{said}");
        let address = String::from_utf8_lossy(&started.stdout).trim().to_owned();
        Ok(Self { script, folder, address })
    }

    /// The processes at the top of its machines, each with children of its own.
    pub fn pids(&self) -> Result<Vec<u32>> {
        let mut pids = Vec::new();
        for machine in ["p", "s"] {
            let file = self.folder.path().join("one").join(machine).join("postmaster.pid");
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
            pids.push(pid.with_context(|| format!("{} names no process", file.display()))?);
        }
        Ok(pids)
    }

    /// The folder that holds all of it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where its superuser connects.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// The first of `count` ports in a row that are free.
fn free_ports(count: u16) -> Result<u16> {
    loop {
        let first = TcpListener::bind("127.0.0.1:0")?;
        let port = first.local_addr()?.port();
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if port.checked_add(count).is_some_and(|end| (port + 1..end).all(is_free)) {
            return Ok(port);
        }
    }
}

impl Drop for LocalDatabase {
    fn drop(&mut self) {
        let ended = Command::new(&self.script)
            .arg("down")
            .arg(self.folder.path().join("one"))
            .stdin(Stdio::null())
            .status();
        if !ended.is_ok_and(|status| status.success()) {
            eprintln!("the database in {} may still run", self.folder.path().display());
        }
    }
}
