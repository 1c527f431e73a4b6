//! One fault under load, on a bank of its own: two servers, eight clients, and everything that was
//! said compared with the bank afterwards.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::check::check;
use super::client::{Client, Counts};
use super::cluster::{Cluster, wait_for};
use super::faults::Fault;
use super::record::{Answer, Record, Write};
use crate::harness::{Random, Serve, Server};
use crate::load::Request;

const CLIENTS: usize = 8;
const ACCOUNTS: [&str; 5] = ["alice", "bob", "carol", "dave", "josé"];

/// How long each server waits for the database. One gives up before any failover is over, the other
/// outlives most.
const PATIENCES: [&str; 2] = ["40s", "8s"];

/// What a fault acts on.
pub struct Scene<'r> {
    pub cluster: &'r Cluster,
    pub servers: [Server; 2],
    pub random: Random,
    bank: &'r str,
    counts: &'r Counts,
    began: Instant,
}

/// What a round found, beside that nothing was wrong.
pub struct Found {
    /// The longest time between two acknowledgements, from the fault on.
    pub silence: Duration,
    /// Writes with a definite answer.
    pub answered_count: usize,
    /// Answers without an outcome, by their code.
    pub without_outcome: HashMap<String, u64>,
}

/// Ends the clients' work, also when the fault's thread fails.
struct Stop<'r>(&'r AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs one.
pub fn round(cluster: &Cluster, fault: &Fault, mut random: Random) -> Found {
    cluster.healthy();
    let bank = cluster.bank();
    let (counts, stop) = (Counts::default(), AtomicBool::new(false));
    let servers = PATIENCES.map(|patience| serve(&bank, patience).start());
    let accounts = &ACCOUNTS[..fault.accounts_count];
    let mut record = opened(&servers[0]);
    let addresses = [servers[0].address, servers[1].address];
    let clients: Vec<Client<'_>> = (0..CLIENTS)
        .map(|n| Client::new(n, addresses, accounts, &counts, random.split()))
        .collect();
    let began = Instant::now();
    let random = random.split();
    let mut scene = Scene { cluster, servers, random, bank: &bank, counts: &counts, began };
    let seen: Vec<Record> = thread::scope(|scope| {
        let stop = Stop(&stop);
        let working: Vec<_> =
            clients.into_iter().map(|client| scope.spawn(|| client.work(stop.0))).collect();
        scene.progress(300);
        (fault.strike)(&mut scene);
        scene.progress(300);
        cluster.healthy();
        scene.progress(300);
        drop(stop);
        working.into_iter().map(|client| client.join().unwrap()).collect()
    });
    for one in seen {
        record.add(one);
    }
    check(&mut record, &scene.servers, &mut scene.random);
    for server in scene.servers {
        server.shut_down().with_code(0);
    }
    Found {
        silence: record.longest_silence(scene.began),
        answered_count: record.writes.values().filter(|write| write.answer.is_some()).count(),
        without_outcome: record.without_outcome,
    }
}

fn serve(bank: &str, patience: &str) -> Serve {
    Serve::at(Path::new(bank)).flag("--database-patience", patience)
}

/// The opening balances, and what was said about them.
fn opened(server: &Server) -> Record {
    let (request, first_called) = (Request::open(), Instant::now());
    let reply = server.connect().ask(&request.line("open"));
    assert_eq!(reply["ok"], true, "{reply}");
    let answer = Some(Answer::Reply(reply));
    let write = Write { request, first_called, answer, may_be_done: true };
    let writes = HashMap::from([("open".to_owned(), write)]);
    Record { writes, ..Record::default() }
}

impl Scene<'_> {
    /// The fault begins at this moment.
    pub fn begins(&mut self) {
        self.began = Instant::now();
    }

    /// Waits until so many more writes are answered.
    pub fn progress(&self, count: u64) {
        let enough = self.counts.acknowledged.load(Ordering::Relaxed) + count;
        self.wait("clients that are answered", || {
            (self.counts.acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        });
    }

    /// Waits until another client is told that there is no outcome.
    pub fn until_without_outcome(&self) {
        let before = self.counts.without_outcome.load(Ordering::Relaxed);
        self.wait("an answer without an outcome", || {
            (self.counts.without_outcome.load(Ordering::Relaxed) > before).then_some(())
        });
    }

    pub fn until_another_leads(&self, than: usize) {
        self.cluster
            .until("another primary", |status| status.leader().filter(|leader| *leader != than));
    }

    pub fn until_another_is_synchronous(&self, than: usize) {
        self.cluster.until("another synchronous standby", |status| {
            status.sync().filter(|standby| *standby != than)
        });
    }

    /// Ends the connections to the bank for which this holds in `pg_stat_activity`.
    pub fn terminate(&self, primary: usize, which: &str) {
        let (_, database) = self.bank.rsplit_once('/').unwrap();
        let statement = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = '{database}' AND pid <> pg_backend_pid() AND {which}"
        );
        self.cluster.sql_on(primary, "postgres", &statement);
    }

    /// Kills a server, in the middle of whatever it does.
    pub fn kill_server(&self, server: usize) {
        self.servers[server].kill();
    }

    /// Starts it again, where it was.
    pub fn start_server(&mut self, server: usize) {
        let address = self.servers[server].address.to_string();
        let again = serve(self.bank, PATIENCES[server]).listen(&address).start();
        self.servers[server] = again;
    }

    fn wait(&self, what: &str, condition: impl FnMut() -> Option<()>) {
        let [one, other] = &self.servers;
        assert!(
            wait_for(condition).is_some(),
            "waited in vain for {what}\n{}\n{}",
            tail(&one.stderr()),
            tail(&other.stderr())
        );
    }
}

/// The last lines of a log.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
