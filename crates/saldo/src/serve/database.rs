//! `saldo serve --data postgres://…`: the bank that a database keeps. This process keeps nothing of
//! it, so any number of them may run over one database.
//!
//! Order of a start: database found and checked, address bound, ready. Order of a stop: no more
//! connections, what was received answered, connections to the database closed.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use engine::Engine as _;
use postgres::{Address, CheckFault, Mode, OpenError, Options, PostgresEngine};
use server::CancellationToken;
use tokio::net::TcpListener;

use super::{Serve, address, fatal, log, probe, signals};
use crate::exit_code::Exit;
use crate::failure::Failure;

/// Whether `--data` names a database.
pub fn is_meant_by(data: &str) -> bool {
    data.starts_with("postgres://") || data.starts_with("postgresql://")
}

/// Serves until told to stop.
pub fn run(serve: &Serve, data: &str) -> Result<(), Failure> {
    let listen = address::resolve(&serve.listen)?;
    let place = Address::parse(data).map_err(|error| refused(&error))?;
    let connections_max = probe::connections_allowed().min(serve.connections_max);
    let mode = if serve.unreplicated { Mode::Unchecked } else { Mode::Replicated };
    let options = Options { mode, patience: serve.database_patience, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
        .map_err(fatal::failed_to_start)?;
    runtime.block_on(async {
        let opened = PostgresEngine::open(place.clone(), options).await;
        let engine = Arc::new(opened.map_err(|error| refused(&error))?);
        let listener = TcpListener::bind(&listen[..])
            .await
            .map_err(|error| address::not_bound(&serve.listen, &error))?;
        let bound = listener
            .local_addr()
            .context("asking for the bound address")
            .map_err(fatal::failed_to_start)?;
        let stop = CancellationToken::new();
        signals::watch(stop.clone())
            .context("watching for signals")
            .map_err(fatal::failed_to_start)?;
        greet(&place, mode, bound, engine.seq_durable().get())?;
        let served =
            server::serve(listener, engine.clone(), serve.door(connections_max), stop).await;
        let seq = engine.seq_durable().get();
        if let Some(engine) = Arc::into_inner(engine) {
            engine.close().await;
        }
        tracing::info!(
            target: "server",
            event = "stopped",
            seq,
            connections_served = served.connections_served_count,
            connections_refused = served.connections_refused_count,
            connections_cut = served.connections_cut_count,
            "stopped in order; every answer is in the database"
        );
        Ok(())
    })
}

/// Says that the bank is there. The line on stdout comes last: whoever waits for it may connect.
fn greet(place: &Address, mode: Mode, bound: SocketAddr, seq: u64) -> Result<(), Failure> {
    let kept = match mode {
        Mode::Replicated => "every commit on a standby before it is answered",
        Mode::Unchecked => "NOT replicated by saldo's leave: what one machine loses is lost",
    };
    if log::is_text() {
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(
            "saldo {version}\n  data      {place}  {kept}\n  found     seq {seq}\n  clients   {bound}  \
             one JSON object per line\n  access    open, this machine only\nready\n"
        );
        // A closed stderr is no reason not to serve.
        drop(io::stderr().lock().write_all(text.as_bytes()));
    } else {
        tracing::info!(target: "server", event = "listening", tcp = %bound, database = %place, seq,
            replicated = mode == Mode::Replicated, "ready");
    }
    if mode == Mode::Unchecked {
        tracing::warn!(target: "postgres", event = "unreplicated",
            "commits are not held against a standby");
    }
    let line = format!("saldo ready tcp={bound}\n");
    let mut out = io::stdout().lock();
    match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Why the database does not serve.
pub fn refused(error: &OpenError) -> Failure {
    let text = chain(error);
    match error {
        OpenError::Address(_) => {
            Failure::usage(text).hint("such as postgres://saldo@db1:5432,db2:5432/bank")
        }
        OpenError::Unreachable { .. } | OpenError::Database(_) => {
            Failure::new(Exit::NothingDone, "database_unreachable", text).retryable()
        }
        OpenError::Check(fault) => match fault {
            CheckFault::NoSchema => Failure::new(Exit::Usage, "no_schema", text)
                .hint("saldo postgres init ADDRESS makes it, once"),
            CheckFault::Copying => Failure::new(Exit::Usage, "copy_unfinished", text)
                .hint("finish it: run the same saldo copy again; it goes on where it stopped"),
            CheckFault::SchemaExists => Failure::new(Exit::No, "schema_exists", text),
            CheckFault::SchemaVersion { .. } => {
                Failure::new(Exit::NewerFormat, "schema_version", text)
            }
            CheckFault::Setting { name, .. } => {
                let hint = if *name == "synchronous_standby_names" {
                    "name a standby; to try a single PostgreSQL: --unreplicated"
                } else {
                    "set it in the database, then start again"
                };
                Failure::new(Exit::Usage, "database_setting", text).hint(hint)
            }
        },
    }
}

/// An error with what caused it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
