//! What a starting server says on stderr: a few lines to people, events to programs.

use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use journal::Report;
use journal::disk::FilesystemKind;

use super::log;
use super::opening::Found;
use crate::shell;

/// The address that client verbs use when none is given.
const DEFAULT_SERVER: &str = "127.0.0.1:5000";

/// What there is to say.
pub struct Greeting<'a> {
    pub report: &'a Report,
    pub found: &'a Found,
    pub data: &'a Path,
    pub bound: SocketAddr,
    /// Where HTTP is spoken, if it is.
    pub http: Option<SocketAddr>,
    /// Who may come in, for people.
    pub access: &'a str,
    pub connections_wanted: u32,
    /// As many of them as the limit of open files allows.
    pub connections_max: u32,
}

/// Says it to people, or to whoever reads the log.
pub fn greet(greeting: &Greeting<'_>) {
    let commands = commands_to_try(greeting.bound);
    if log::is_text() {
        let text = greeting.as_text(&commands);
        // A closed stderr is no reason not to serve.
        drop(io::stderr().lock().write_all(text.as_bytes()));
    } else {
        greeting.log(&commands);
    }
    greeting.warn();
}

impl Greeting<'_> {
    fn as_text(&self, commands: &[String; 3]) -> String {
        let Self { report, found, data, bound, .. } = self;
        let ledger = report.genesis.ledger.to_hex();
        let mut text = format!(
            "saldo {}  ledger {}  {}  start {}\n",
            env!("CARGO_PKG_VERSION"),
            ledger.get(..8).unwrap_or(&ledger),
            report.genesis.currency.as_str(),
            report.incarnation,
        );
        let mut line = |key: &str, value: String| {
            text.push_str(&format!("  {key:<10}{value}\n"));
        };
        let sync_ms = found.sync_time.as_secs_f64() * 1e3;
        let free_gb = found.free_bytes / 1_000_000_000;
        line(
            "data",
            format!(
                "{}  {}, {free_gb} GB free, one sync {sync_ms:.2} ms",
                data.display(),
                found.filesystem
            ),
        );
        if report.is_new {
            let made = if found.created { "made, mode 0700; " } else { "" };
            line("new", format!("{made}an empty ledger was begun in it"));
        } else {
            line("recovered", self.recovered());
        }
        if let Some((bytes, kept)) = &report.torn_tail {
            line(
                "torn tail",
                format!(
                    "{bytes} bytes that no answer rests on were set aside in {}",
                    data.join(kept).display()
                ),
            );
        }
        line("clients", format!("{bound}  one JSON object per line"));
        if let Some(http) = self.http {
            line("http", format!("http://{http}  console /   API /api/v1"));
        }
        line("access", self.access.to_owned());
        text.push_str("ready; try from another terminal:\n");
        for command in commands {
            text.push_str(&format!("  {command}\n"));
        }
        text
    }

    fn recovered(&self) -> String {
        let Self { report, found, .. } = self;
        let from = match report.snapshot {
            Some((_, seq)) => format!("snapshot at seq {seq} + {} events", report.events_replayed),
            None => format!("{} events", report.events_replayed),
        };
        let seal = report.seal.to_string();
        let (start, end) = (seal.get(..4).unwrap_or_default(), seal.get(62..).unwrap_or_default());
        format!(
            "{from} in {:.1} s; money sums to 0; seal {start}…{end}{}",
            found.recovery_time.as_secs_f64(),
            if report.was_clean { "" } else { "; the last stop was a crash" },
        )
    }

    fn log(&self, commands: &[String; 3]) {
        let Self { report, found, data, bound, .. } = self;
        let folder = data.display().to_string();
        if let Some((bytes, kept)) = &report.torn_tail {
            tracing::warn!(target: "journal", event = "torn_tail", bytes, kept,
                "bytes that no answer rests on were set aside");
        }
        tracing::info!(
            target: "journal", event = "recovered", data = folder,
            ledger = report.genesis.ledger.to_hex(), currency = report.genesis.currency.as_str(),
            incarnation = report.incarnation, is_new = report.is_new, seq = report.last.get(),
            snapshot_seq = report.snapshot.map(|(_, seq)| seq.get()),
            events_replayed = report.events_replayed, was_clean = report.was_clean,
            seal = %report.seal, seconds = found.recovery_time.as_secs_f64(),
            sync_ms = found.sync_time.as_secs_f64() * 1e3, filesystem = %found.filesystem,
            "the history is proven and money sums to 0"
        );
        tracing::info!(target: "server", event = "listening", tcp = %bound,
            http = self.http.map(tracing::field::display),
            "try" = commands.join(" ; "), "ready");
    }

    fn warn(&self) {
        let Self { report, found, data, .. } = self;
        for name in &report.snapshots_damaged {
            tracing::warn!(target: "journal", event = "snapshot_damaged", name,
                "a damaged snapshot was passed over; the journal has everything");
        }
        if found.closed_to_others {
            tracing::warn!(target: "server", event = "folder_closed", data = %data.display(),
                "the data folder could be entered by others; its mode is 0700 now");
        }
        let unusual = !matches!(
            found.filesystem,
            FilesystemKind::Ext4 | FilesystemKind::Xfs | FilesystemKind::Btrfs
        );
        if unusual {
            tracing::warn!(target: "server", event = "unusual_filesystem",
                filesystem = %found.filesystem, "this filesystem may not keep what it syncs");
        }
        if rustix::process::geteuid().is_root() {
            tracing::warn!(target: "server", event = "root",
                "running as root; a user of its own would do");
        }
        if self.connections_max < self.connections_wanted {
            tracing::warn!(target: "server", event = "open_files",
                connections_max = self.connections_max,
                "the limit of open files allows no more connections; ulimit -n raises it");
        }
        if report.is_short {
            tracing::warn!(target: "journal", event = "short_file", seq = report.last.get(),
                "the journal ends at a seal without its padding, and no crash leaves it so; if a backup or a copy reaches further, stop and use that");
        }
    }
}

/// Three commands that run this very program against this very server.
fn commands_to_try(bound: SocketAddr) -> [String; 3] {
    let program = env::current_exe().ok().and_then(|program| {
        let folder = env::current_dir().ok()?;
        let relative = program.strip_prefix(folder).ok().map(|below| Path::new(".").join(below));
        Some(relative.unwrap_or(program).display().to_string())
    });
    let program = shell::quoted(&program.unwrap_or_else(|| "saldo".to_owned()));
    let bound = bound.to_string();
    let server = if bound == DEFAULT_SERVER { String::new() } else { format!(" --server {bound}") };
    ["deposit alice 2500", "transfer alice bob 777", "balance alice bob"]
        .map(|verb| format!("{program} {verb}{server}"))
}
