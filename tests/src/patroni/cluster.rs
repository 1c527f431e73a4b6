//! Three PostgreSQL under Patroni with three etcd, as `contrib/pg-local.sh up 3` starts them, with a
//! network around each database that can be cut. Nodes are numbered from 0, as in the script.
//!
//! **Invariant:** no process of a cluster outlives its value, frozen ones included.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::node::{Node, signal_etcd};
use super::proxy::Proxy;
use super::status::{Status, is_primary};
use crate::harness::{clean, repository, saldo};
use crate::ports::Ports;

/// How long a cluster may take for anything: far more than it needs.
const DEADLINE: Duration = Duration::from_secs(240);

/// How many ports the script takes.
const PORTS: u16 = 40;

/// A cluster.
pub struct Cluster {
    folder: PathBuf,
    ports: Ports,
    /// Through which the databases reach each other's.
    pub peers: [Proxy; 3],
    /// Through which the bank's servers reach them.
    pub fronts: [Proxy; 3],
    banks: AtomicU64,
}

impl Cluster {
    /// Starts one; it has a primary and two standbys.
    pub fn start() -> Self {
        let ports = Ports::reserve(PORTS);
        let port = ports.first();
        let proxies = || [0, 1, 2].map(|node| Proxy::to(port + node));
        let name = format!("saldo-test-patroni-{}-{port}", std::process::id());
        let cluster = Self {
            folder: std::env::temp_dir().join(name),
            ports,
            peers: proxies(),
            fronts: proxies(),
            banks: AtomicU64::new(0),
        };
        let peer_ports = [0, 1, 2].map(|node: usize| cluster.peers[node].port().to_string());
        let mut up = script();
        up.args(["up", "3"]).arg(&cluster.folder).arg(port.to_string());
        succeed(up.env("PG_LOCAL_PEER_PORTS", peer_ports.join(" ")));
        cluster.healthy();
        cluster
    }

    /// A node.
    pub fn node(&self, number: usize) -> Node<'_> {
        Node { folder: &self.folder, number }
    }

    /// Makes a database with a new bank in it, in the place of the last one; its address, through
    /// the fronts.
    pub fn bank(&self) -> String {
        let number = self.banks.fetch_add(1, Ordering::Relaxed);
        if let Some(last) = number.checked_sub(1) {
            self.sql("postgres", &format!("DROP DATABASE bank{last} WITH (FORCE)"));
        }
        let name = format!("bank{number}");
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        let hosts: Vec<String> =
            self.fronts.iter().map(|front| format!("127.0.0.1:{}", front.port())).collect();
        let address = format!("postgres://saldo@{}/{name}", hosts.join(","));
        let mut init = Command::new(saldo());
        clean(&mut init);
        succeed(init.args(["postgres", "init", &address]));
        address
    }

    /// Runs a statement on the primary; what it answered, a row a line.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let primary = self.until("a primary", |status| status.leader());
        self.sql_on(primary, database, statement)
    }

    /// The same on this node.
    pub fn sql_on(&self, node: usize, database: &str, statement: &str) -> String {
        let port = (usize::from(self.ports.first()) + node).to_string();
        let mut psql = Command::new("psql");
        psql.env("PGCONNECT_TIMEOUT", "10");
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]);
        psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "saldo", "-d", database, "-c", statement]);
        String::from_utf8(succeed(&mut psql).stdout).unwrap().trim().to_owned()
    }

    /// What the nodes' managers say.
    pub fn status(&self) -> Status {
        Status::ask([0, 1, 2].map(|node| self.manager_port(node)))
    }

    fn manager_port(&self, node: usize) -> u16 {
        self.ports.first() + 30 + u16::try_from(node).unwrap()
    }

    /// Waits until everything runs: a primary, a synchronous standby, another standby.
    pub fn healthy(&self) -> (usize, usize) {
        self.until("a cluster without a fault", |status| {
            status.is_whole().then(|| Some((status.leader()?, status.sync()?))).flatten()
        })
    }

    /// Waits until the managers' word has this in it.
    pub fn until<T>(&self, what: &str, condition: impl Fn(&Status) -> Option<T>) -> T {
        let mut last = None;
        let found = wait_for(|| {
            let status = self.status();
            let found = condition(&status);
            last = Some(status);
            found
        });
        found.unwrap_or_else(|| panic!("waited in vain for {what}: {last:?} in {:?}", self.folder))
    }

    /// Sends a signal to one of its three etcd.
    pub fn signal_etcd(&self, number: usize, name: &str) {
        signal_etcd(&self.folder, number, name);
    }

    /// Starts a program of the cluster again: `etcd0`, `patroni2`.
    pub fn start_again(&self, program: &str) {
        succeed(script().arg("start").arg(&self.folder).arg(program));
    }

    /// Waits until a commit waits for a standby.
    pub fn until_a_commit_waits(&self, primary: usize) {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        let found = wait_for(|| (self.sql_on(primary, "postgres", waiting) != "0").then_some(()));
        assert!(found.is_some(), "no commit ever waited for a standby");
    }

    /// Waits until the manager of a node has logged this since `from`, a length of its log.
    pub fn until_logged(&self, node: usize, from: usize, text: &str) {
        let found = wait_for(|| self.log(node).get(from..)?.contains(text).then_some(()));
        assert!(found.is_some(), "the manager of node {node} never said: {text}");
    }

    /// The log of a node's manager.
    pub fn log(&self, node: usize) -> String {
        let bytes = fs::read(self.folder.join(format!("patroni{node}.log"))).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the manager of a node does not take it for the primary any more.
    pub fn until_no_primary(&self, node: usize) {
        let port = self.manager_port(node);
        let found = wait_for(|| (!is_primary(port)).then_some(()));
        assert!(found.is_some(), "node {node} never stepped down");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        script().arg("down").arg(&self.folder).status().ok();
        if thread::panicking() {
            eprintln!("the logs of the cluster are kept: {}", self.folder.display());
        } else {
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}

/// Asks again and again until there is something; `None` at the deadline.
pub fn wait_for<T>(mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        if let Some(found) = condition() {
            return Some(found);
        }
        // The condition decides; the pause only leaves the processor to whom it waits for.
        thread::sleep(Duration::from_millis(50));
    }
    None
}

fn script() -> Command {
    let mut command = Command::new(repository().join("contrib/pg-local.sh"));
    command.stdin(Stdio::null());
    command
}

/// Runs a command that must succeed.
fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}
