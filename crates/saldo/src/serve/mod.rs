//! `saldo serve`: the bank, from its folder to its address, until it is told to stop.
//!
//! Order of a start: guards read, address checked, folder locked, history recovered, address bound, ready.
//! Order of a stop: no more connections, what was received answered, last checkpoint, journal
//! sealed and trimmed.

mod address;
mod care;
pub mod database;
mod door;
mod fatal;
mod greeting;
mod guard;
pub mod log;
pub mod opening;
mod probe;
mod recovering;
mod signals;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine::Engine;
use engine::embedded::Embedded;
use journal::disk::RealDisk;

use self::address::{Addresses, Guarded};
use self::door::Door;
use self::guard::{Guard, GuardArgs};
use crate::duration;
use crate::failure::Failure;

const LISTEN: &str = "127.0.0.1:5000";
const HTTP: &str = "127.0.0.1:5080";
const DATA: &str = "./saldo-data";
const CURRENCY: &str = "BRL";

/// Starts the bank.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  saldo serve\n  saldo serve --listen 127.0.0.1:0 --data /srv/saldo"
)]
pub struct Serve {
    /// Where clients connect; port 0 picks a free one and prints it
    #[arg(long, value_name = "HOST:PORT", env = "SALDO_LISTEN", default_value = LISTEN)]
    listen: String,
    /// Where browsers and HTTP clients connect; port 0 picks a free one and prints it
    #[arg(long, value_name = "HOST:PORT", env = "SALDO_HTTP", default_value = HTTP)]
    http: String,
    /// Serve no HTTP: neither API nor console
    #[arg(long, env = "SALDO_NO_HTTP")]
    no_http: bool,
    /// Another name by which HTTP clients may ask for this server, such as bank.example; repeatable
    #[arg(long, value_name = "NAME", env = "SALDO_HTTP_HOST", value_delimiter = ',')]
    http_host: Vec<String>,
    /// The folder with the journal and the snapshots; made if it is missing. Or the address of a
    /// database: postgres://user@host:port,host:port/name
    #[arg(long, value_name = "FOLDER|ADDRESS", env = "SALDO_DATA", default_value = DATA)]
    data: PathBuf,
    /// Currency of a new ledger; an existing one keeps its own
    #[arg(long, value_name = "CODE", env = "SALDO_CURRENCY", default_value = CURRENCY)]
    currency: String,
    /// Most connections at once; one more is told so and closed
    #[arg(long, value_name = "COUNT", env = "SALDO_CONNECTIONS_MAX", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    connections_max: u32,
    /// Most connections over HTTP at once; one more is told so and closed
    #[arg(long, value_name = "COUNT", env = "SALDO_HTTP_CONNECTIONS_MAX", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    http_connections_max: u32,
    /// Most bytes in one line of a client
    #[arg(long, value_name = "BYTES", env = "SALDO_LINE_BYTES_MAX", default_value_t = 1 << 20,
          value_parser = clap::value_parser!(u32).range(1024..=1 << 20))]
    line_bytes_max: u32,
    /// Close a connection that says nothing for so long (such as 10m); none by default
    #[arg(long, value_name = "TIME", env = "SALDO_IDLE_TIMEOUT", value_parser = duration::parse_flag)]
    idle_timeout: Option<Duration>,
    /// Close a connection whose client does not take its replies for so long
    #[arg(long, value_name = "TIME", env = "SALDO_WRITE_TIMEOUT", default_value = "30s",
          value_parser = duration::parse_flag)]
    write_timeout: Duration,
    /// How long a stop waits for connections to be answered
    #[arg(long, value_name = "TIME", env = "SALDO_DRAIN", default_value = "10s",
          value_parser = duration::parse_flag)]
    drain: Duration,
    /// Make a checkpoint after so many bytes of journal
    #[arg(long, value_name = "BYTES", env = "SALDO_CHECKPOINT_BYTES", default_value_t = 64 << 20,
          value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_bytes: u64,
    /// Close the journal file and begin the next after so many bytes
    #[arg(long, value_name = "BYTES", env = "SALDO_SEGMENT_BYTES", default_value_t = 256 << 20,
          value_parser = clap::value_parser!(u64).range(1 << 16..))]
    segment_bytes: u64,
    /// Write a part of the history index to the disk after so many events
    #[arg(long, value_name = "COUNT", env = "SALDO_INDEX_RUN_EVENTS", default_value_t = 524_288,
          value_parser = clap::value_parser!(u32).range(16..=1 << 21))]
    index_run_events: u32,
    /// With a database: serve although it does not replicate synchronously; for trials
    #[arg(long, env = "SALDO_UNREPLICATED")]
    unreplicated: bool,
    /// With a database: how long a request waits for it at most, a failover included
    #[arg(long, value_name = "TIME", env = "SALDO_DATABASE_PATIENCE", default_value = "40s",
          value_parser = duration::parse_flag)]
    database_patience: Duration,
    #[command(flatten)]
    guard: GuardArgs,
    /// Most connections at once from one address; any number by default
    #[arg(long, value_name = "COUNT", env = "SALDO_CONNECTIONS_PER_ADDRESS",
          value_parser = clap::value_parser!(u32).range(1..))]
    connections_per_address: Option<u32>,
}

impl Serve {
    /// What the door keeps to.
    fn door(&self, connections_max: u32) -> server::Options {
        server::Options {
            connections_max: connections_max as usize,
            per_address_max: self.connections_per_address.map(|count| count as usize),
            line_bytes_max: self.line_bytes_max as usize,
            idle_timeout: self.idle_timeout,
            write_timeout: self.write_timeout,
            drain: self.drain,
        }
    }

    /// How many connections each door takes, those with lines first, when there may be `allowed` in all.
    fn connections(&self, allowed: u32) -> (u32, u32) {
        let http = if self.no_http { 0 } else { self.http_connections_max.min(allowed / 4).max(1) };
        (allowed.saturating_sub(http).max(1).min(self.connections_max), http)
    }

    /// What the HTTP door keeps to.
    fn web(&self) -> web::Options {
        let is_folder = !self.data.to_str().is_some_and(database::is_meant_by);
        web::Options {
            hosts: self.http_host.clone(),
            drain: self.drain,
            data: is_folder.then(|| self.data.clone()),
            connections_max: self.connections(probe::connections_allowed()).1 as usize,
            ..web::Options::default()
        }
    }

    /// Where to listen, both doors; `None`: no HTTP.
    fn addresses(&self, guard: &Guard) -> Result<Addresses, Failure> {
        let by_access = guard.access.is_on();
        let lines = Guarded { by_access, by_tls: guard.tls.is_some() };
        // The HTTP door speaks no TLS of its own.
        let http = Guarded { by_access, by_tls: false };
        let http = (!self.no_http).then(|| address::resolve("--http", &self.http, http));
        Ok(Addresses {
            lines: address::resolve("--listen", &self.listen, lines)?,
            http: http.transpose()?,
        })
    }
}

/// Serves until told to stop.
pub fn run(serve: Serve) -> Result<(), Failure> {
    let serve = &serve;
    log::init()?;
    if let Some(data) = serve.data.to_str().filter(|data| database::is_meant_by(data)) {
        return database::run(serve, data);
    }
    let guard = serve.guard.open(Some(&serve.data))?;
    let addresses = serve.addresses(&guard)?;
    // A connection takes an open file. Those that the journal needs are not given away: without
    // one, a rotation would fail and stop the bank.
    let (connections_max, _) = serve.connections(probe::connections_allowed());
    let opened = opening::open(serve)?;
    door::runtime()?.block_on(async {
        let door = Door::open(serve, &addresses, guard).await?;
        let opening::Opened { disk, parts, options, found } = opened;
        let report = parts.report.clone();
        let engine: Arc<Embedded<RealDisk>> =
            Arc::new(Embedded::start(disk, parts, &options, Box::new(fatal::journal_stopped)));
        greeting::greet(&greeting::Greeting {
            report: &report,
            found: &found,
            data: &serve.data,
            bound: door.bound,
            http: door.http_bound(),
            access: &door.guard.told,
            connections_wanted: serve.connections_max,
            connections_max,
        });
        door.announce()?;
        let facts = care::facts(&report.genesis, &engine, &serve.data);
        let served = door.serve(engine.clone(), serve, connections_max, facts).await;
        let closing = engine.clone();
        match tokio::task::spawn_blocking(move || closing.close()).await {
            Ok(Ok(has_checkpoint)) => {
                let done = if has_checkpoint { "sealed and checkpointed" } else { "sealed" };
                tracing::info!(target: "journal", event = "closed", "the journal is {done}");
            }
            Ok(Err(error)) => return Err(fatal::failed_to_close(&error)),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
        door::tell_stopped(&served, engine.seq_durable().get(), "journal");
        Ok(())
    })
}
