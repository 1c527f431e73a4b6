//! `saldo serve --data postgres://…`: the bank that a database keeps. This process keeps nothing of
//! it, so any number of them may run over one database.
//!
//! Order of a start: database found and checked, address bound, ready. Order of a stop: no more
//! connections, what was received answered, connections to the database closed.

use std::io::{self, Write};
use std::sync::Arc;

use engine::{Engine as _, chain};
use postgres::{Address, AddressError, CheckFault, Mode, OpenError, Options, PostgresEngine};

use super::door::{self, Door};
use super::{Serve, fatal, log, probe};
use crate::exit_code::Exit;
use crate::failure::Failure;

/// Whether `--data` names a database.
pub fn is_meant_by(data: &str) -> bool {
    data.starts_with("postgres://") || data.starts_with("postgresql://")
}

/// Reads an address, and warns of a password that other users of this machine may see.
pub fn parse(text: &str) -> Result<Address, Failure> {
    let address = Address::parse(text).map_err(|error| refused(&error.into()))?;
    if address.shows_a_password() {
        tracing::warn!(target: "postgres", event = "password_shown",
            "the address shows a password to whoever lists processes; passfile=FILE does not");
    }
    Ok(address)
}

/// Serves until told to stop.
pub fn run(serve: &Serve, data: &str) -> Result<(), Failure> {
    let addresses = serve.addresses()?;
    let place = parse(data)?;
    let connections_max = probe::connections_allowed().min(serve.connections_max);
    let mode = if serve.unreplicated { Mode::Unchecked } else { Mode::Replicated };
    let patience = serve.database_patience;
    let on_fatal = fatal::database_unfit;
    let options = Options { mode, patience, on_fatal, ..Options::default() };
    door::runtime()?.block_on(async {
        let opened = PostgresEngine::open(place.clone(), options).await;
        let engine = Arc::new(opened.map_err(|error| refused(&error))?);
        let door = Door::open(serve, &addresses).await?;
        greet(&place, mode, &door, engine.seq_durable().get());
        door.announce()?;
        let facts = web::Facts { keeper: web::Keeper::Database, ..web::Facts::default() };
        let served = door.serve(engine.clone(), serve, connections_max, facts).await;
        let seq = engine.seq_durable().get();
        if let Some(engine) = Arc::into_inner(engine) {
            engine.close().await;
        }
        door::tell_stopped(&served, seq, "database");
        Ok(())
    })
}

/// Says that the bank is there.
fn greet(place: &Address, mode: Mode, door: &Door, seq: u64) {
    let (bound, http) = (door.bound, door.http_bound());
    let kept = match mode {
        Mode::Replicated => "every commit on a standby before it is answered",
        Mode::Unchecked => "NOT replicated by saldo's leave: what one machine loses is lost",
    };
    if log::is_text() {
        let version = env!("CARGO_PKG_VERSION");
        let http = http.map(|http| format!("  http      http://{http}  console /   API /api/v1\n"));
        let http = http.unwrap_or_default();
        let text = format!(
            "saldo {version}\n  data      {place}  {kept}\n  found     seq {seq}\n  clients   {bound}  \
             one JSON object per line\n{http}  access    open, this machine only\nready\n"
        );
        // A closed stderr is no reason not to serve.
        drop(io::stderr().lock().write_all(text.as_bytes()));
    } else {
        tracing::info!(target: "server", event = "listening", tcp = %bound,
            http = http.map(tracing::field::display), database = %place, seq,
            replicated = mode == Mode::Replicated, "ready");
    }
    if mode == Mode::Unchecked {
        tracing::warn!(target: "postgres", event = "unreplicated",
            "commits are not held against a standby");
    }
}

/// Why the database does not serve.
pub fn refused(error: &OpenError) -> Failure {
    let text = chain(error);
    match error {
        OpenError::Address(
            AddressError::Syntax(_) | AddressError::NoHost | AddressError::Socket,
        ) => Failure::usage(text).hint("such as postgres://saldo@db1:5432,db2:5432/bank"),
        OpenError::Address(_) => {
            Failure::usage(text).hint("docs/operating-postgres.md, \"Secrets and TLS\"")
        }
        OpenError::Unreachable { .. } | OpenError::Database(_) => {
            Failure::new(Exit::NothingDone, "database_unreachable", text).retryable()
        }
        OpenError::NotAllowed { .. } => Failure::new(Exit::Usage, "database_login", text)
            .hint("is it the right role, password and database? without /NAME the database is named as the role"),
        OpenError::Check(fault) => match fault {
            CheckFault::NoSchema => Failure::new(Exit::Usage, "no_schema", text)
                .hint("saldo postgres init ADDRESS makes it, once"),
            CheckFault::Copying => Failure::new(Exit::Usage, "copy_unfinished", text)
                .hint("finish it: run the same saldo copy again; it goes on where it stopped"),
            CheckFault::SchemaExists => Failure::new(Exit::No, "schema_exists", text),
            CheckFault::RowMissing { .. } => {
                Failure::new(Exit::WriteFailed, "database_unfit", text)
            }
            CheckFault::SchemaVersion { found, .. } => {
                let failure = Failure::new(Exit::NewerFormat, "schema_version", text);
                if found == "1" {
                    failure.hint("stop every server over it, then: saldo postgres init ADDRESS")
                } else {
                    failure
                }
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
