//! A PostgreSQL server for the tests of one step: on loopback, in a temporary folder, gone with the
//! value. It is the one that `contrib/pg-local.sh` starts for people.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// A server that runs.
pub struct LocalDatabase {
    script: PathBuf,
    folder: TempDir,
    address: String,
}

impl LocalDatabase {
    /// Starts one.
    pub fn start(root: &Path) -> Result<Self> {
        let script = root.join("contrib/pg-local.sh");
        let folder = tempfile::tempdir().context("a temporary folder")?;
        // Any user may pass through to the folder within, which is the server's own.
        let mode = Command::new("chmod").arg("755").arg(folder.path()).status();
        ensure!(mode.context("chmod")?.success(), "chmod failed");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let started = Command::new(&script)
            .args(["up", "1"])
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

    /// Where its superuser connects.
    pub fn address(&self) -> &str {
        &self.address
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
