//! One connection to the primary: found among the hosts of the address, checked before it serves, and
//! watched for notices while it does.
//!
//! **Invariant:** a connection serves only after the settings were read back and, in replicated
//! mode, after a commit on it was acknowledged by a standby.
//! **Invariant:** nothing that commits is ever cancelled at the database: a cancelled commit looks like
//! a success. What only reads has a limit there (`reads`).
//! A connection that takes too long is thrown away.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::chain;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{Address, Place};
use crate::alive::watch;
use crate::error::{CheckFault, OpenError};
use crate::planted::Plants;
use crate::schema::{SCHEMA_VERSION, has_schema};
use crate::search::Search;
use crate::statements::Statements;

/// How long one host may take to be reached. A frozen host accepts connections and says nothing.
const HOST_PATIENCE: Duration = Duration::from_secs(1);

/// How long one host may take to say whether it is the primary.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// What each session is set to. The limits on locks and idle transactions keep a server that stands
/// still from holding rows; none of them can fire while a commit waits for its standby. A plan that
/// was made while a table was empty stays for as long as the session: without sequential scans,
/// and without joins that read all rows of an account, it stays good when the table is not.
const SESSION: &str = concat!(include_str!("session.sql"), include_str!("limits.sql"));

/// Limits that a role can have by default, and which end a session whatever it does; not all
/// versions have them.
pub(crate) const LIMITS: &str = include_str!("limits.sql");

/// How many rows the barrier has: connections that choose different ones do not meet.
const BARRIERS: i32 = 64;

/// The value of a setting that the database does not have.
const ABSENT: &str = "unknown";

/// What the database has to promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every commit is on a standby before it is acknowledged; looked at in each commit.
    Replicated,
    /// A single machine, for trials, or a database that replicates by itself.
    Unchecked,
}

/// Ends the connection when it is dropped.
#[derive(Debug)]
pub(crate) struct Driver(JoinHandle<()>);

/// A connection that serves.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) statements: Statements,
    pub(crate) mode: Mode,
    pub(crate) plants: Plants,
    /// The row of the barrier that this connection writes.
    pub(crate) barrier: i32,
    /// Notices so far. One that comes during a commit means that its success is none.
    notices: Arc<AtomicU64>,
    _driver: Driver,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    /// Notices so far.
    pub(crate) fn notices(&self) -> u64 {
        self.notices.load(Ordering::Acquire)
    }

    /// Whether commits must be replicated.
    pub(crate) fn is_replicated(&self) -> bool {
        self.mode == Mode::Replicated
    }

    /// Whether the row of the barrier is there that this connection writes.
    pub(crate) async fn has_barrier(&self) -> Result<bool, tokio_postgres::Error> {
        let row = "SELECT k FROM saldo.barrier WHERE k = $1";
        Ok(self.client.query_opt(row, &[&self.barrier]).await?.is_some())
    }

    /// Connects to one host and prepares the connection; `None`: it is no primary. It has served once
    /// when it is given: in replicated mode it had a commit acknowledged by a standby.
    /// Errors: it does not answer, or the database must not be used as it is.
    pub(crate) async fn open_at(
        place: Place,
        mode: Mode,
        plants: Plants,
    ) -> Result<Option<Self>, OpenError> {
        let notices = Arc::new(AtomicU64::new(0));
        let (client, driver) = connect(place, Arc::clone(&notices)).await?;
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
        let link = Self { client, statements, mode, plants, barrier, notices, _driver: driver };
        if mode == Mode::Replicated {
            let before = link.notices();
            let asks: bool = true;
            let written =
                link.client.execute(&link.statements.barrier, &[&link.barrier, &asks]).await?;
            if written != 1 && !link.has_barrier().await? {
                return Err(CheckFault::RowMissing { table: "barrier" }.into());
            }
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
    let mut search = Search::default();
    for place in address.places() {
        let name = format!("{}:{}", place.host, place.port);
        let reached = async {
            let (client, driver) = connect(place, Arc::default()).await?;
            let row = client.query_one("SELECT pg_is_in_recovery()", &[]).await?;
            let is_standby: bool = row.try_get(0)?;
            Ok::<_, OpenError>((!is_standby).then_some((client, driver)))
        };
        match timeout(CHECK_PATIENCE, reached).await {
            Ok(Ok(Some(found))) => return Ok(found),
            Ok(Ok(None)) => search.hear(&name, "is no primary"),
            Ok(Err(error)) => search.refused(&name, error),
            Err(_) => search.hear(&name, format!("did not answer within {CHECK_PATIENCE:?}")),
        }
    }
    Err(search.end())
}

async fn connect(place: Place, notices: Arc<AtomicU64>) -> Result<(Client, Driver), OpenError> {
    let unreachable = |cause: String| OpenError::Unreachable { told: cause };
    let stopped = |error: tokio::task::JoinError| unreachable(error.to_string());
    let place = spawn_blocking(|| place.with_password()).await.map_err(stopped)??;
    let reached = TcpStream::connect((&*place.host, place.port));
    let stream = timeout(HOST_PATIENCE, reached)
        .await
        .map_err(|_| unreachable(format!("no connection within {HOST_PATIENCE:?}")))?
        .map_err(|error| unreachable(error.to_string()))?;
    stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
    watch(&stream).map_err(|error| unreachable(error.to_string()))?;
    let greeted = async {
        let Some(tls) = &place.tls else {
            let (client, connection) = place.config.connect_raw(stream, NoTls).await?;
            return Ok((client, tokio::spawn(drive(connection, notices))));
        };
        let mut maker = MakeRustlsConnect::new(ClientConfig::clone(tls));
        let named = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut maker, &place.host);
        let named = named.map_err(|error| unreachable(error.to_string()))?;
        let (client, connection) = place.config.connect_raw(stream, named).await?;
        Ok::<_, OpenError>((client, tokio::spawn(drive(connection, notices))))
    };
    let (client, driver) = timeout(HOST_PATIENCE, greeted)
        .await
        .map_err(|_| unreachable(format!("no greeting within {HOST_PATIENCE:?}")))??;
    Ok((client, Driver(driver)))
}

/// Moves the bytes of a connection, and counts the notices in the order in which they come between
/// the answers: the count has risen before the answer behind a notice is handed out.
async fn drive<T>(mut connection: Connection<TcpStream, T>, notices: Arc<AtomicU64>)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
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
        ("transaction_timeout", &["0", ABSENT], "0"),
        ("idle_session_timeout", &["0", ABSENT], "0"),
    ];
    if mode == Mode::Replicated {
        needs.push(("synchronous_standby_names", &[], "the name of a standby"));
    }
    for (name, allowed, needed) in needs {
        let row = client.query_one("SELECT current_setting($1, true)", &[&name]).await?;
        let found: Option<String> = row.try_get(0)?;
        let found = found.unwrap_or_else(|| ABSENT.to_owned());
        let fits = if allowed.is_empty() {
            !["", ABSENT].contains(&&*found)
        } else {
            allowed.contains(&&*found)
        };
        if !fits {
            return Err(CheckFault::Setting { name, found, needed }.into());
        }
    }
    Ok(())
}

/// What one host said.
pub(crate) fn told(error: &OpenError) -> String {
    if let OpenError::Unreachable { told } = error { told.clone() } else { chain(error) }
}
