//! PostgreSQL servers for tests, as `contrib/pg-local.sh` starts them for people: on loopback, on
//! ports of the system's choice, in a temporary folder, gone with the value.
//!
//! `SALDO_TEST_POSTGRES` names a server that runs already (an address of a superuser), so that many
//! tests share one; a test that needs a server of its own starts one all the same. It may name several
//! hosts, with `?target_session_attrs=read-write`, of which one is the primary.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Address, Mode};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::bank::Bank;
use crate::ports::Ports;

/// Far more than a busy machine needs.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Room for several clusters at once.
const MEMORY_MIN: u64 = 4 << 30;

/// One of the servers that the script starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Primary,
    Standby,
}

/// One server, or a primary with a synchronous standby.
pub struct Cluster {
    /// `None`: a server that somebody else started.
    own: Option<Own>,
    address: String,
}

struct Own {
    folder: TempDir,
    ports: Ports,
    nodes: &'static [Node],
}

impl Cluster {
    /// The shared server, or one of its own.
    pub fn any() -> Self {
        match env::var("SALDO_TEST_POSTGRES") {
            Ok(address) if !address.is_empty() => Self { own: None, address },
            _ => Self::single(),
        }
    }

    /// One server.
    pub fn single() -> Self {
        Self::start(&[Node::Primary])
    }

    /// A primary and a synchronous standby.
    pub fn replicated() -> Self {
        Self::start(&[Node::Primary, Node::Standby])
    }

    fn start(nodes: &'static [Node]) -> Self {
        let folder = tempfile::Builder::new().prefix("saldo-test-").tempdir_in(place()).unwrap();
        // Any user may pass through to the folder within, which is the server's own.
        let mode = Command::new("chmod").arg("755").arg(folder.path()).status();
        assert!(mode.unwrap().success(), "chmod");
        let ports = Ports::reserve(2);
        let port = ports.first().to_string();
        let own = Own { folder, ports, nodes };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/pg-local.sh");
        let started = Command::new(script)
            .args(["up", &nodes.len().to_string()])
            .arg(own.root())
            .arg(port)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "no database could be started: {said}");
        let address = String::from_utf8(started.stdout).unwrap().trim().to_owned();
        Self { own: Some(own), address }
    }

    /// A new database with the schema of a new ledger, and the role that serves it.
    pub async fn bank(&self) -> Bank {
        self.bank_in("UTF8").await
    }

    /// The same in a database of another encoding.
    pub async fn bank_in(&self, encoding: &str) -> Bank {
        Bank::create(self.database_in(encoding).await).await
    }

    /// A new database without a schema; where its superuser finds it.
    pub async fn empty_database(&self) -> String {
        self.database_in("UTF8").await
    }

    async fn database_in(&self, encoding: &str) -> String {
        let name = format!("t_{:032x}", rand::random::<u128>());
        self.run(&format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
        ))
        .await;
        self.address_of(&name)
    }

    /// Where a superuser finds a database.
    pub fn address_of(&self, database: &str) -> String {
        let (begin, rest) = self.address.rsplit_once('/').unwrap();
        let (_, settings) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        format!("{begin}/{database}{settings}")
    }

    /// What it promises: several hosts are a primary with its standbys.
    pub fn mode(&self) -> Mode {
        if self.address.contains(',') { Mode::Replicated } else { Mode::Unchecked }
    }

    /// The port of a server.
    pub fn port(&self, node: Node) -> u16 {
        let own = self.own();
        match node {
            Node::Primary => own.ports.first(),
            Node::Standby => own.ports.first() + 1,
        }
    }

    /// Runs statements as the superuser in the database `postgres` of the primary.
    pub async fn run(&self, statements: &str) {
        client(&self.address).await.batch_execute(statements).await.unwrap();
    }

    /// The same on one of the servers.
    pub async fn run_on(&self, node: Node, statements: &str) {
        let address = format!("postgres://saldo@127.0.0.1:{}/postgres", self.port(node));
        client(&address).await.batch_execute(statements).await.unwrap();
    }

    /// Changes a setting of the primary, and waits until its sessions have it.
    pub async fn set(&self, name: &str, value: &str) {
        self.run(&format!("ALTER SYSTEM SET {name} = '{value}'")).await;
        self.run("SELECT pg_reload_conf()").await;
        self.wait_until(&format!("SELECT current_setting('{name}') = '{value}'")).await;
    }

    /// A new database with all that this one holds, to which nobody is connected.
    pub async fn copy_of(&self, address: &Address) -> Address {
        let name = format!("t_{:032x}", rand::random::<u128>());
        self.run(&format!("CREATE DATABASE {name} TEMPLATE {}", name_of(address))).await;
        Address::parse(&self.address_of(&name)).unwrap()
    }

    /// A connection to a database, as the superuser.
    pub async fn client_in(&self, address: &Address) -> Client {
        client(&self.address_of(&name_of(address))).await
    }

    /// Runs statements in a database, as the superuser.
    pub async fn run_in(&self, address: &Address, statements: &str) {
        let ran = self.client_in(address).await.batch_execute(statements).await;
        ran.unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }

    /// Waits until this question, asked of the primary, is answered with yes.
    pub async fn wait_until(&self, question: &str) {
        let client = client(&self.address).await;
        let began = Instant::now();
        while !client.query_one(question, &[]).await.unwrap().get::<_, bool>(0) {
            assert!(began.elapsed() < LIMIT, "it never became so: {question}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a commit waits for the standby.
    pub async fn wait_for_a_commit_that_waits(&self) {
        let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        self.wait_until(waits).await;
    }

    /// Waits until the primary writes this into its log, from here on.
    pub async fn wait_for_log(&self, words: &str) {
        let log = self.own().data(Node::Primary).with_extension("log");
        let count = || fs::read_to_string(&log).unwrap().matches(words).count();
        let (began, before) = (Instant::now(), count());
        while count() == before {
            assert!(began.elapsed() < LIMIT, "the server never said: {words}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until one has waited so long that clients without patience were told something.
    pub async fn wait_for_a_commit_that_waits_long(&self) {
        let waits = "SELECT count(*) > 0 FROM pg_stat_activity \
                     WHERE wait_event = 'SyncRep' AND now() - query_start > interval '1 s'";
        self.wait_until(waits).await;
    }

    /// Waits until the standby follows, and commits wait for it.
    pub async fn wait_for_the_standby(&self) {
        let follows = "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
        self.wait_until(follows).await;
    }

    /// Stops all processes of a server where they are.
    pub fn freeze(&self, node: Node) {
        self.signal(node, Signal::STOP);
    }

    /// Lets them go on.
    pub fn wake(&self, node: Node) {
        self.signal(node, Signal::CONT);
    }

    /// Ends all processes of a server at once, as a loss of power does to what is in memory.
    pub fn kill(&self, node: Node) {
        let family = family(self.pid_of(node).unwrap());
        for pid in &family {
            kill_process(*pid, Signal::KILL).ok();
        }
        wait_for_the_end_of(&family);
        // The number of a process that has ended may be taken for one that runs.
        fs::remove_file(self.own().data(node).join("postmaster.pid")).unwrap();
    }

    /// Starts a server that was killed, in place.
    pub fn restart(&self, node: Node) {
        let own = self.own();
        let data = own.data(node);
        let started = command(&own.root(), "pg_ctl")
            .args(["-w", "-t", "60", "-D"])
            .arg(&data)
            .arg("-l")
            .arg(data.with_extension("log"))
            .arg("start")
            .stdout(Stdio::null())
            .status();
        let log = || fs::read_to_string(data.with_extension("log")).unwrap_or_default();
        assert!(started.unwrap().success(), "pg_ctl start: {}", log());
    }

    /// A program of PostgreSQL's as the user of the servers, in their folder.
    pub fn program(&self, name: &str) -> Command {
        command(&self.own().root(), name)
    }

    /// A new folder that belongs to the user of the servers.
    pub fn new_folder(&self, name: &str) -> PathBuf {
        let folder = self.own().root().join(name);
        fs::create_dir(&folder).unwrap();
        if is_root() {
            let own = Command::new("chown").arg("postgres:").arg(&folder).status();
            assert!(own.unwrap().success(), "chown");
        }
        folder
    }

    fn signal(&self, node: Node, signal: Signal) {
        for pid in family(self.pid_of(node).unwrap()) {
            kill_process(pid, signal).ok();
        }
    }

    fn pid_of(&self, node: Node) -> Option<Pid> {
        self.own().pid_of(node)
    }

    fn own(&self) -> &Own {
        self.own.as_ref().expect("a server of the test's own")
    }
}

impl Own {
    fn root(&self) -> PathBuf {
        self.folder.path().join("servers")
    }

    fn data(&self, node: Node) -> PathBuf {
        self.root().join(match node {
            Node::Primary => "p",
            Node::Standby => "s",
        })
    }

    fn pid_of(&self, node: Node) -> Option<Pid> {
        let text = fs::read_to_string(self.data(node).join("postmaster.pid")).ok()?;
        Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // The standby first: a primary waits for it.
        for pid in self.nodes.iter().rev().filter_map(|node| self.pid_of(*node)) {
            let family = family(pid);
            for pid in &family {
                // A frozen process hears of nothing.
                kill_process(*pid, Signal::CONT).ok();
            }
            kill_process(pid, Signal::QUIT).ok();
            wait_for_the_end_of(&family);
        }
    }
}

/// The name of a database.
fn name_of(address: &Address) -> String {
    let shown = address.to_string();
    shown.rsplit_once('/').unwrap().1.to_owned()
}

/// Where servers keep their data: in memory where there is room. A server that is killed loses
/// nothing of what the kernel has, on a disk or in memory, so its faults are the same.
fn place() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |room| room.f_bavail * room.f_frsize);
    if room > MEMORY_MIN { memory.to_path_buf() } else { env::temp_dir() }
}

/// A connection of a superuser.
pub async fn client(address: &str) -> Client {
    let (client, driver) = tokio_postgres::connect(address, NoTls).await.unwrap();
    // It ends with the client, or with the server: whoever asks then hears of it.
    tokio::spawn(async move { drop(driver.await) });
    client
}

/// A process and its children.
fn family(pid: Pid) -> Vec<Pid> {
    let parent = pid.as_raw_nonzero().to_string();
    let children = Command::new("pgrep").args(["-P", &parent]).output();
    let children = children.map(|found| found.stdout).unwrap_or_default();
    let children = String::from_utf8_lossy(&children);
    let children = children.lines().filter_map(|child| Pid::from_raw(child.parse().ok()?));
    [pid].into_iter().chain(children).collect()
}

fn wait_for_the_end_of(family: &[Pid]) {
    let began = Instant::now();
    while family.iter().any(|pid| is_alive(*pid)) && began.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a process runs. One that has ended may keep its number for seconds, until its parent asks
/// for its exit code.
fn is_alive(pid: Pid) -> bool {
    let about = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let state = about.ok().and_then(|about| about.rsplit_once(") ")?.1.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
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

/// Whether the tests run as root; a server does not.
pub fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn command(folder: &Path, program: &str) -> Command {
    let path = programs().join(program);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(path);
        command.env("HOME", folder);
        command
    } else {
        Command::new(path)
    };
    command.current_dir(folder).stdin(Stdio::null());
    command
}
