//! PostgreSQL: a function moves the money, and the write-ahead log is synced at each commit.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{str, thread};

use anyhow::{Context, Result, bail, ensure};

use super::{About, Books, Open, Site, version_of};
use crate::needs;
use crate::peers::guard::End;
use crate::peers::room::Room;
use crate::peers::wire::{Dialect, postgres};
use crate::peers::workload::OPENING;

pub const ABOUT: About = About {
    settings: "`fsync=on`, `synchronous_commit=on`, `full_page_writes=on`, `shared_buffers=512MB`, `max_wal_size=8GB`, `autovacuum` as it comes; a prepared call of a PL/pgSQL function per transfer, each in a transaction of its own",
    remembers: "for ever: a row for each, with the content",
    on_disk: "the changed rows in the write-ahead log; `fdatasync` before the answer, shared by transactions that commit together",
};

/// What differs from a server as it comes.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=100",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=512MB",
    "max_wal_size=8GB",
];

/// Accounts, transfers, and the function that moves money.
pub const SCHEMA: &str = include_str!("transfer.sql");

/// It refuses to run as root; then it runs as the first of these users that there is.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// How long an answer may take; opening a million accounts is one.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(300);

/// How long it may take from taking connections to serving them.
const READY_TIME_MAX: Duration = Duration::from_secs(60);

/// Makes a cluster and starts it.
pub fn open(mut room: Room, site: &Site) -> Result<Open> {
    let address = Room::free_address()?;
    let identity = identity()?;
    if let Some(identity) = &identity {
        for folder in [room.path(), &room.data()] {
            chown(folder, Some(identity.user), Some(identity.group))?;
        }
    }
    let cluster = room.data();
    let mut command = program("initdb", identity.as_ref())?;
    command.arg("--pgdata").arg(&cluster).args(["--username", postgres::USER]);
    command.args(["--auth", "trust", "--encoding", "UTF8", "--no-locale"]);
    let output = command.current_dir(room.path()).stdin(Stdio::null()).output()?;
    ensure!(
        output.status.success(),
        "initdb: {}\n  hint: as root it runs as another user, who must be able to enter {}",
        String::from_utf8_lossy(&output.stderr).trim(),
        room.path().display()
    );
    let mut command = program("postgres", identity.as_ref())?;
    command.arg("-D").arg(&cluster).arg("-p").arg(address.port().to_string());
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command.current_dir(room.path());
    room.start(command, End::Quit, address)?;
    let mut stream = connect_when_ready(address)?;
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let rows = postgres::query(&mut stream, &format!("SHOW {setting}"))?;
        ensure!(rows == [["on"]], "postgres runs with {setting}={rows:?}");
    }
    postgres::query(&mut stream, SCHEMA)?;
    postgres::query(&mut stream, &openings(site.accounts))?;
    postgres::query(&mut stream, "VACUUM ANALYZE account")?;
    postgres::query(&mut stream, "CHECKPOINT")?;
    let version = version_of(&find("postgres")?)?;
    Ok(Open { room, address, dialect: Dialect::Postgres, version })
}

/// Opens `accounts` accounts, with names as the load uses them.
pub fn openings(accounts: u32) -> String {
    format!(
        "INSERT INTO account SELECT 'a' || lpad(n::text, 7, '0'), {OPENING} \
         FROM generate_series(0, {}) n",
        accounts - 1
    )
}

/// Adds up the accounts and counts the transfers that were not refused.
pub fn books(address: SocketAddr) -> Result<Books> {
    let mut stream = connect_when_ready(address)?;
    let mut number = |sql: &str| -> Result<u64> {
        let rows = postgres::query(&mut stream, sql)?;
        let value = rows.first().and_then(|row| row.first()).context("postgres gave no row")?;
        value.parse().with_context(|| format!("postgres gave {value:?}"))
    };
    Ok(Books {
        sum: number("SELECT sum(balance) FROM account")?,
        transfers: number("SELECT count(*) FROM transfer WHERE NOT refused")?,
    })
}

/// It takes connections a moment before it serves them.
fn connect_when_ready(address: SocketAddr) -> Result<TcpStream> {
    let began = Instant::now();
    loop {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        match postgres::greet(&mut stream) {
            Ok(()) => return Ok(stream),
            Err(error) if began.elapsed() > READY_TIME_MAX => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// A user other than root.
struct Identity {
    user: u32,
    group: u32,
}

/// Whom it runs as; `None` for ourselves.
fn identity() -> Result<Option<Identity>> {
    if !needs::is_root()? {
        return Ok(None);
    }
    for name in USERS {
        let number = |what: &str| -> Result<Option<u32>> {
            let output = Command::new("id").args([what, name]).output().context("id")?;
            Ok(str::from_utf8(&output.stdout)?.trim().parse().ok())
        };
        if let (Some(user), Some(group)) = (number("-u")?, number("-g")?) {
            return Ok(Some(Identity { user, group }));
        }
    }
    bail!("postgres refuses to run as root, and there is no user {}", USERS.join(" or "));
}

fn program(name: &str, identity: Option<&Identity>) -> Result<Command> {
    let mut command = Command::new(find(name)?);
    if let Some(identity) = identity {
        command.uid(identity.user).gid(identity.group);
    }
    Ok(command)
}

/// The program itself, not a link to it: it looks for its parts beside itself.
fn find(name: &str) -> Result<PathBuf> {
    let path = needs::find(name).with_context(|| format!("{name} is missing"))?;
    fs::canonicalize(&path).with_context(|| path.display().to_string())
}
