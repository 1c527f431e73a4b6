//! One connection to the primary: found among the hosts of the address, checked before it serves, and
//! watched for notices while it does.
//!
//! **Invariant:** a connection serves only after the settings were read back and, in replicated
//! mode, after a commit on it was acknowledged by a standby.
//! **Invariant:** nothing is ever cancelled at the database: a cancelled commit looks like a success.
//! A connection that takes too long is thrown away.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};

use crate::error::{CheckFault, OpenError};
use crate::schema::{SCHEMA_VERSION, has_schema};
use crate::statements::Statements;

/// How long one host may take to be reached. A frozen host accepts connections and says nothing.
const HOST_PATIENCE: Duration = Duration::from_secs(1);

/// How long the checks of a connection may take, the first commit on it included.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// What each session is set to. The limits on locks and idle transactions keep a server that stands
/// still from holding rows; none of them can fire while a commit waits for its standby. Without
/// sequential scans a plan that was made while a table was empty stays good when it is not.
const SESSION: &str = "SET client_min_messages = warning; SET synchronous_commit = on; \
    SET statement_timeout = 0; SET lock_timeout = '2s'; \
    SET idle_in_transaction_session_timeout = '5s'; \
    SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off";

/// How many rows the barrier has: connections that choose different ones do not meet.
const BARRIERS: i32 = 64;

/// What the database has to promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every commit is on a standby before it is acknowledged; looked at in each commit.
    Replicated,
    /// A single machine, for trials, or a database that replicates by itself.
    Unchecked,
}

/// Where the database is: one or more hosts, of which one is the primary.
#[derive(Clone, Debug)]
pub struct Address(Config);

/// Ends the connection when it is dropped.
#[derive(Debug)]
pub(crate) struct Driver(JoinHandle<()>);

/// A connection that serves.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) statements: Statements,
    pub(crate) mode: Mode,
    /// The row of the barrier that this connection writes.
    pub(crate) barrier: i32,
    /// Notices so far. One that comes during a commit means that its success is none.
    notices: Arc<AtomicU64>,
    _driver: Driver,
}

impl Address {
    /// Reads `postgres://user@host:port,host:port/database` and the like.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        text.parse().map(Self).map_err(OpenError::Address)
    }

    /// The same hosts, and another database of theirs.
    pub fn with_database(&self, name: &str) -> Self {
        let mut config = self.0.clone();
        config.dbname(name);
        Self(config)
    }

    /// The hosts and ports, in their order.
    fn places(&self) -> Vec<(String, u16)> {
        let ports = self.0.get_ports();
        let port = |n: usize| ports.get(n).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.0.get_hosts().iter().enumerate();
        hosts
            .filter_map(|(n, host)| match host {
                Host::Tcp(name) => Some((name.clone(), port(n))),
                // Sockets of the file system are not offered: failover is between machines.
                #[cfg(unix)]
                Host::Unix(_) => None,
            })
            .collect()
    }
}

/// Hosts, ports and the database's name; never a password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.places();
        let places: Vec<String> =
            places.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        let name = self.0.get_dbname().or(self.0.get_user()).unwrap_or_default();
        write!(f, "postgres://{}/{name}", places.join(","))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    /// Finds the primary and prepares a connection to it: the hosts one by one, each with a time of
    /// its own. Errors: none serves now, or the database must not be used as it is.
    pub(crate) async fn open(address: &Address, mode: Mode) -> Result<Self, OpenError> {
        let mut last = "the address names no host".to_owned();
        for (host, port) in address.places() {
            let opened = timeout(CHECK_PATIENCE, Self::open_at(address, &host, port, mode)).await;
            match opened {
                Ok(Ok(Some(link))) => return Ok(link),
                Ok(Ok(None)) => last = format!("{host}:{port} is no primary"),
                Ok(Err(OpenError::Check(fault))) => return Err(fault.into()),
                Ok(Err(error)) => last = format!("{host}:{port}: {}", told(&error)),
                Err(_) => last = format!("{host}:{port} did not answer within {CHECK_PATIENCE:?}"),
            }
        }
        Err(OpenError::Unreachable { last })
    }

    /// Notices so far.
    pub(crate) fn notices(&self) -> u64 {
        self.notices.load(Ordering::Acquire)
    }

    /// Whether commits must be replicated.
    pub(crate) fn is_replicated(&self) -> bool {
        self.mode == Mode::Replicated
    }

    async fn open_at(
        address: &Address,
        host: &str,
        port: u16,
        mode: Mode,
    ) -> Result<Option<Self>, OpenError> {
        let notices = Arc::new(AtomicU64::new(0));
        let (client, driver) = connect(address, host, port, Arc::clone(&notices)).await?;
        client.batch_execute(SESSION).await?;
        let row = client.query_one("SELECT pg_is_in_recovery()", &[]).await?;
        if row.try_get(0)? {
            return Ok(None);
        }
        check_version(&client).await?;
        check_settings(&client, mode).await?;
        check_finished(&client).await?;
        let statements = Statements::prepare(&client).await?;
        let barrier = i32::try_from(rand::random::<u32>() % 64).unwrap_or(0) % BARRIERS;
        let link = Self { client, statements, mode, barrier, notices, _driver: driver };
        if mode == Mode::Replicated {
            let before = link.notices();
            let asks: bool = true;
            let written =
                link.client.execute(&link.statements.barrier, &[&link.barrier, &asks]).await?;
            if written != 1 || link.notices() != before {
                let needed = "the name of a standby";
                let name = "synchronous_standby_names";
                let found = String::new();
                return Err(CheckFault::Setting { name, found, needed }.into());
            }
        }
        Ok(Some(link))
    }
}

/// A connection to the primary for the schema alone.
pub(crate) async fn plain(address: &Address) -> Result<(Client, Driver), OpenError> {
    let mut last = "the address names no host".to_owned();
    for (host, port) in address.places() {
        let reached = async {
            let (client, driver) = connect(address, &host, port, Arc::default()).await?;
            let row = client.query_one("SELECT pg_is_in_recovery()", &[]).await?;
            let is_standby: bool = row.try_get(0)?;
            Ok::<_, OpenError>((!is_standby).then_some((client, driver)))
        };
        match timeout(CHECK_PATIENCE, reached).await {
            Ok(Ok(Some(found))) => return Ok(found),
            Ok(Ok(None)) => last = format!("{host}:{port} is no primary"),
            Ok(Err(error)) => last = format!("{host}:{port}: {}", told(&error)),
            Err(_) => last = format!("{host}:{port} did not answer within {CHECK_PATIENCE:?}"),
        }
    }
    Err(OpenError::Unreachable { last })
}

async fn connect(
    address: &Address,
    host: &str,
    port: u16,
    notices: Arc<AtomicU64>,
) -> Result<(Client, Driver), OpenError> {
    let unreachable = |cause: String| OpenError::Unreachable { last: cause };
    let stream = timeout(HOST_PATIENCE, TcpStream::connect((host, port)))
        .await
        .map_err(|_| unreachable(format!("no connection within {HOST_PATIENCE:?}")))?
        .map_err(|error| unreachable(error.to_string()))?;
    stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
    let (client, connection) = timeout(HOST_PATIENCE, address.0.connect_raw(stream, NoTls))
        .await
        .map_err(|_| unreachable(format!("no greeting within {HOST_PATIENCE:?}")))??;
    let driver = tokio::spawn(drive(connection, notices));
    Ok((client, Driver(driver)))
}

/// Moves the bytes of a connection, and counts the notices in the order in which they come between
/// the answers: the count has risen before the answer behind a notice is handed out.
async fn drive(mut connection: Connection<TcpStream, NoTlsStream>, notices: Arc<AtomicU64>) {
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                notices.fetch_add(1, Ordering::Release);
                tracing::warn!(target: "postgres", event = "notice", code = notice.code().code(),
                    "the database says: {}", notice.message());
            }
            Ok(_) => {}
            // Whoever waits for an answer hears of it.
            Err(_) => return,
        }
    }
}

/// Whether the schema is there, and is of this program's version (rule D36).
pub(crate) async fn check_version(client: &Client) -> Result<(), OpenError> {
    if !has_schema(client).await? {
        return Err(CheckFault::NoSchema.into());
    }
    let version = "SELECT value FROM saldo.meta WHERE key = 'schema_version'";
    let row = client.query_opt(version, &[]).await?;
    let found: String = row.map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
    if found != SCHEMA_VERSION.to_string() {
        return Err(CheckFault::SchemaVersion { found, needed: SCHEMA_VERSION }.into());
    }
    Ok(())
}

/// Whether all that was to be copied into the database is there.
pub(crate) async fn check_finished(client: &Client) -> Result<(), OpenError> {
    if is_marked(client).await? { Err(CheckFault::Copying.into()) } else { Ok(()) }
}

/// Whether a copy into the database was begun and not finished.
pub(crate) async fn is_marked(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let marked = "SELECT value FROM saldo.meta WHERE key = 'copying'";
    Ok(client.query_opt(marked, &[]).await?.is_some())
}

/// Whether the settings keep what the bank promises (rule D36).
pub(crate) async fn check_settings(client: &Client, mode: Mode) -> Result<(), OpenError> {
    let mut needs: Vec<(&'static str, &'static [&'static str], &'static str)> = vec![
        ("client_min_messages", &["warning"], "warning"),
        ("statement_timeout", &["0"], "0"),
        ("fsync", &["on"], "on"),
        ("full_page_writes", &["on"], "on"),
        ("server_encoding", &["UTF8"], "UTF8"),
        ("synchronous_commit", &["on", "remote_apply"], "on or remote_apply"),
    ];
    if mode == Mode::Replicated {
        needs.push(("synchronous_standby_names", &[], "the name of a standby"));
    }
    for (name, allowed, needed) in needs {
        let row = client.query_one("SELECT current_setting($1)", &[&name]).await?;
        let found: String = row.try_get(0)?;
        let fits = if allowed.is_empty() { !found.is_empty() } else { allowed.contains(&&*found) };
        if !fits {
            return Err(CheckFault::Setting { name, found, needed }.into());
        }
    }
    Ok(())
}

/// What one host said.
fn told(error: &OpenError) -> String {
    if let OpenError::Unreachable { last } = error { last.clone() } else { chain(error) }
}

/// An error with what caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
