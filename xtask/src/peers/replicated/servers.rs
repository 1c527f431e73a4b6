//! Saldo's servers over the database, and `saldo bench` against them, which proves every account at
//! the end of a run.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Run;
use crate::database::LocalDatabase;
use crate::peers::guard::{End, Guard};

/// In flight on each connection.
const DEPTH: u32 = 64;

/// Connections, over all servers.
const CONNECTIONS: usize = 64;

/// Two servers over one database.
pub struct Servers {
    saldo: PathBuf,
    running: Vec<(Child, String)>,
}

impl Servers {
    /// Makes the schema and starts the servers.
    pub fn start(saldo: &Path, database: &LocalDatabase, guard: &mut Guard) -> Result<Self> {
        let made = Command::new(saldo).args(["postgres", "init", database.address()]).output()?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut servers = Self { saldo: saldo.to_owned(), running: Vec::new() };
        for _ in 0..2 {
            let mut child = Command::new(saldo)
                .args([
                    "serve",
                    "--no-http",
                    "--listen",
                    "127.0.0.1:0",
                    "--data",
                    database.address(),
                ])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .context("saldo serve")?;
            guard.watch(child.id(), End::Kill)?;
            let mut line = String::new();
            let stdout = child.stdout.take().context("saldo has a stdout")?;
            BufReader::new(stdout).read_line(&mut line)?;
            let address = line.trim().strip_prefix("saldo ready tcp=").map(str::to_owned);
            servers.running.push((child, address.clone().unwrap_or_default()));
            address.with_context(|| format!("saldo serve did not start: {line:?}"))?;
        }
        Ok(servers)
    }

    /// A load on the first `count` servers at once; rates are added, latencies are the worst.
    pub fn drive(&self, count: usize, hot: bool, accounts: u32, measured: Duration) -> Result<Run> {
        let share = CONNECTIONS / count.max(1);
        let mut loads = Vec::new();
        for (_, server) in self.running.iter().take(count) {
            let load = Command::new(&self.saldo)
                .args(["bench", "--json", "--server", server, "--timeout", "60s", "--threads", "1"])
                .args(["--conns", &share.to_string(), "--depth", &DEPTH.to_string()])
                .args(["--accounts", &accounts.to_string()])
                .args(["--secs", &measured.as_secs().to_string()])
                .args(["--dist", if hot { "hot" } else { "uniform" }])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .context("saldo bench")?;
            loads.push(load);
        }
        let mut sum = Run { per_second: 0, latency: Duration::ZERO };
        for load in loads {
            let output = load.wait_with_output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let said: Value = serde_json::from_slice(&output.stdout)?;
            let number = |pointer: &str| {
                let number = said.pointer(pointer).and_then(Value::as_u64);
                number.with_context(|| format!("saldo bench does not say {pointer}"))
            };
            sum.per_second += number("/transfers_per_second")?;
            sum.latency = sum.latency.max(Duration::from_micros(number("/latency_us/p50")?));
        }
        Ok(sum)
    }

    /// Stops them in order.
    pub fn stop(&mut self) -> Result<()> {
        for (mut child, _) in self.running.drain(..) {
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                kill_process(pid, Signal::TERM)?;
            }
            let status = child.wait()?;
            ensure!(status.success(), "saldo serve: {status}");
        }
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (child, _) in &mut self.running {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
