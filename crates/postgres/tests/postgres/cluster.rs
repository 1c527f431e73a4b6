//! PostgreSQL servers for tests: on loopback, on ports of the system's choice, in a temporary
//! folder, gone with the value.
//!
//! `SALDO_TEST_POSTGRES` names a server that runs already (an address of a superuser), so that many
//! tests share one; a test that needs a server of its own starts one all the same.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use journal::{Currency, LedgerId};
use postgres::{Address, create_schema};
use tempfile::TempDir;

/// Far more than a busy machine needs.
const LIMIT: Duration = Duration::from_secs(60);

/// One server, or a primary with a synchronous standby.
pub struct Cluster {
    #[expect(dead_code, reason = "holding it is its use")]
    folder: Option<TempDir>,
    /// Data folders of the servers that were started.
    nodes: Vec<PathBuf>,
    address: String,
}

impl Cluster {
    /// The shared server, or one of its own.
    pub fn any() -> Self {
        match env::var("SALDO_TEST_POSTGRES") {
            Ok(address) if !address.is_empty() => Self { folder: None, nodes: Vec::new(), address },
            _ => Self::single(),
        }
    }

    /// One server.
    pub fn single() -> Self {
        let (folder, port) = (new_folder(), free_port());
        let data = folder.path().join("p");
        initdb(folder.path(), &data);
        configure(&data, port, "");
        start(folder.path(), &data);
        let address = format!("postgres://saldo@127.0.0.1:{port}/postgres");
        Self { folder: Some(folder), nodes: vec![data], address }
    }

    /// A primary and a synchronous standby.
    pub fn replicated() -> Self {
        let (folder, port, standby_port) = (new_folder(), free_port(), free_port());
        let (data, standby) = (folder.path().join("p"), folder.path().join("s"));
        initdb(folder.path(), &data);
        configure(&data, port, "FIRST 1 (s)");
        start(folder.path(), &data);
        let from = format!("host=127.0.0.1 port={port} user=saldo application_name=s");
        let copied = command(folder.path(), "pg_basebackup")
            .args(["-d", &from, "-R", "-X", "stream", "-c", "fast", "-S", "s", "-C", "-D"])
            .arg(&standby)
            .stdout(Stdio::null())
            .status();
        assert!(copied.unwrap().success(), "pg_basebackup");
        configure(&standby, standby_port, "");
        start(folder.path(), &standby);
        let address = format!("postgres://saldo@127.0.0.1:{port}/postgres");
        Self { folder: Some(folder), nodes: vec![data, standby], address }
    }

    /// A new database with the schema of a new ledger; its address.
    pub async fn bank(&self) -> Address {
        let address = self.empty_database().await;
        let currency = Currency::new("BRL").unwrap();
        create_schema(&address, LedgerId(0x5a1d0), &currency).await.unwrap();
        address
    }

    /// A new database without a schema.
    pub async fn empty_database(&self) -> Address {
        let name = format!("t_{:032x}", rand::random::<u128>());
        self.run(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"))
            .await;
        Address::parse(&self.address_of(&name)).unwrap()
    }

    /// Runs a statement as the superuser in the database `postgres`.
    pub async fn run(&self, statement: &str) {
        let (client, driver) =
            tokio_postgres::connect(&self.address, tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(driver);
        client.batch_execute(statement).await.unwrap();
        drop(client);
        driver.await.unwrap().unwrap();
    }

    /// A new database with all that this one holds, to which nobody is connected.
    pub async fn copy_of(&self, address: &Address) -> Address {
        let name = format!("t_{:032x}", rand::random::<u128>());
        self.run(&format!("CREATE DATABASE {name} TEMPLATE {}", name_of(address))).await;
        Address::parse(&self.address_of(&name)).unwrap()
    }

    /// A connection to a database, as the superuser.
    pub async fn client_in(&self, address: &Address) -> tokio_postgres::Client {
        let place = self.address_of(&name_of(address));
        let (client, driver) =
            tokio_postgres::connect(&place, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(driver);
        client
    }

    /// Runs statements in a database, as the superuser.
    pub async fn run_in(&self, address: &Address, statements: &str) {
        let place = self.address_of(&name_of(address));
        let (client, driver) =
            tokio_postgres::connect(&place, tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(driver);
        client
            .batch_execute(statements)
            .await
            .unwrap_or_else(|error| panic!("{statements}: {error:?}"));
        drop(client);
        driver.await.unwrap().unwrap();
    }

    /// Waits until this question, asked of the primary, is answered with yes.
    pub async fn wait_until(&self, question: &str) {
        let began = Instant::now();
        loop {
            let (client, driver) =
                tokio_postgres::connect(&self.address, tokio_postgres::NoTls).await.unwrap();
            let driver = tokio::spawn(driver);
            let is_so: bool = client.query_one(question, &[]).await.unwrap().get(0);
            drop(client);
            driver.await.unwrap().unwrap();
            if is_so {
                return;
            }
            assert!(began.elapsed() < LIMIT, "it never became so: {question}");
            tokio::task::yield_now().await;
        }
    }

    /// Waits until a commit waits for the standby.
    pub async fn wait_for_a_commit_that_waits(&self) {
        let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        self.wait_until(waits).await;
    }

    /// Stops all processes of the standby where they are.
    pub fn freeze_standby(&self) {
        signal_all(self.pid_of(1), rustix::process::Signal::STOP);
    }

    /// Lets them go on.
    pub fn wake_standby(&self) {
        signal_all(self.pid_of(1), rustix::process::Signal::CONT);
    }

    fn pid_of(&self, node: usize) -> rustix::process::Pid {
        let text = fs::read_to_string(self.nodes[node].join("postmaster.pid")).unwrap();
        let pid = text.lines().next().unwrap().trim().parse().unwrap();
        rustix::process::Pid::from_raw(pid).unwrap()
    }

    fn address_of(&self, database: &str) -> String {
        let (begin, _) = self.address.rsplit_once('/').unwrap();
        format!("{begin}/{database}")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The standby first: a primary waits for it.
        for data in self.nodes.iter().rev() {
            let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { continue };
            let pid = text.lines().next().and_then(|pid| pid.trim().parse().ok());
            if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
                // A frozen server hears of nothing.
                signal_all(pid, rustix::process::Signal::CONT);
                rustix::process::kill_process(pid, rustix::process::Signal::QUIT).ok();
                let began = Instant::now();
                while rustix::process::test_kill_process(pid).is_ok() && began.elapsed() < LIMIT {
                    std::thread::yield_now();
                }
            }
        }
    }
}

/// The name of a database.
fn name_of(address: &Address) -> String {
    let shown = address.to_string();
    shown.rsplit_once('/').unwrap().1.to_owned()
}

/// Sends a signal to a process and all its children.
fn signal_all(pid: rustix::process::Pid, signal: rustix::process::Signal) {
    let parent = pid.as_raw_nonzero().to_string();
    let children = Command::new("pgrep").args(["-P", &parent]).output();
    let children = children.map(|found| found.stdout).unwrap_or_default();
    rustix::process::kill_process(pid, signal).ok();
    for child in String::from_utf8_lossy(&children).lines() {
        if let Some(child) = child.parse().ok().and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(child, signal).ok();
        }
    }
}

fn new_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    if is_root() {
        // A server does not run as root.
        let own = Command::new("chown").arg("postgres:").arg(folder.path()).status();
        assert!(own.unwrap().success(), "chown");
    }
    folder
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// The programs of the newest PostgreSQL that is installed.
fn programs() -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL is installed (Debian package postgresql)")
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    versions.pop().expect("PostgreSQL is installed (Debian package postgresql)").1
}

fn command(folder: &Path, program: &str) -> Command {
    let path = programs().join(program);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--init-groups"])
        .arg(path)
        .env("HOME", folder)
        .current_dir(folder);
    command
}

fn initdb(folder: &Path, data: &Path) {
    let made = command(folder, "initdb")
        .args(["-A", "trust", "-U", "saldo", "-k", "-N", "-E", "UTF8", "--locale=C", "-D"])
        .arg(data)
        .stdout(Stdio::null())
        .status();
    assert!(made.unwrap().success(), "initdb");
}

fn configure(data: &Path, port: u16, standby: &str) {
    let path = data.join("postgresql.conf");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str(&format!(
        "port={port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\n\
         restart_after_crash=off\nmax_connections=200\nsynchronous_standby_names='{standby}'\n"
    ));
    fs::write(path, text).unwrap();
}

fn start(folder: &Path, data: &Path) {
    let log = data.with_extension("log");
    let started = command(folder, "pg_ctl")
        .args(["-w", "-t", "60", "-D"])
        .arg(data)
        .arg("-l")
        .arg(&log)
        .arg("start")
        .stdout(Stdio::null())
        .status();
    assert!(
        started.unwrap().success(),
        "pg_ctl start: {}",
        fs::read_to_string(log).unwrap_or_default()
    );
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
