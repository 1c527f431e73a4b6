//! A bank under load, with a memory of everything that was ever said to and by it, so that after
//! any end of its server it can be told whether the log is right.

mod client;
mod request;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::Value;

use crate::harness::{Ended, Folder, Journal, Model, Random, Serve, Server, Wire, run};
use client::{Client, Seen};
pub use request::{Request, TOO_MUCH};

const CLIENTS: u64 = 4;

/// One bank and everything that was ever said to and by it.
pub struct Life {
    /// Its data.
    pub folder: Folder,
    random: Random,
    rounds: u64,
    /// Every write that was ever sent, by its tx_id.
    issued: HashMap<String, Request>,
    /// Every answer that ever came to one.
    acknowledged: HashMap<String, Value>,
    /// Every balance that was ever shown.
    seen: Vec<Seen>,
}

impl Life {
    /// A bank that was never started.
    pub fn new(random: Random) -> Self {
        Self {
            folder: Folder::new(),
            random,
            rounds: 0,
            issued: HashMap::new(),
            acknowledged: HashMap::new(),
            seen: Vec::new(),
        }
    }

    /// Starts a server; half of the time with files and checkpoints so small that both happen all
    /// the time.
    pub fn start(&mut self) -> Server {
        let serve = Serve::on(&self.folder);
        if self.random.percent(50) { serve.small().start() } else { serve.start() }
    }

    /// Sets the opening balances.
    pub fn open(&mut self, server: &Server) {
        let (tx_id, request) = ("open", Request::open());
        let reply = server.connect().ask(&request.line(tx_id));
        assert_eq!(reply["ok"], true, "{reply}");
        self.issued.insert(tx_id.to_owned(), request);
        self.acknowledged.insert(tx_id.to_owned(), reply);
    }

    /// Clients work until their connections end. Once so many writes are acknowledged, the client
    /// that read the last of them does `end`, while the others are anywhere.
    pub fn work(&mut self, server: &Server, enough: u64, end: impl Fn() + Sync) {
        self.rounds += 1;
        let count = AtomicU64::new(0);
        let acknowledge = || {
            if count.fetch_add(1, Ordering::Relaxed) + 1 == enough {
                end();
            }
        };
        let round = self.rounds;
        // All are connected before the first one works: what it does may end the server.
        let ready: Vec<(Client, Wire)> = (0..CLIENTS)
            .map(|place| {
                let random = self.random.split();
                (Client::new(format!("{round}-{place}"), random), server.connect())
            })
            .collect();
        let ended: Vec<Client> = thread::scope(|scope| {
            let clients: Vec<_> = ready
                .into_iter()
                .map(|(client, wire)| scope.spawn(|| client.work(wire, acknowledge)))
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        for client in ended {
            self.issued.extend(client.issued);
            self.acknowledged.extend(client.acknowledged);
            self.seen.extend(client.seen);
        }
    }

    /// `saldo verify` proves the folder.
    pub fn verify(&self) -> Ended {
        run(&["verify", "--json", &self.folder.data().display().to_string()]).with_code(0)
    }

    /// Compares the log, and what the server answers now, with everything that was said before.
    pub fn check(&mut self, server: &Server) {
        let journal = Journal::read(&self.folder);
        let model = Model::of(&journal);
        for event in &journal.events {
            let request = self.issued.get(&event.tx_id);
            let request = request.unwrap_or_else(|| panic!("nobody asked for {event:?}"));
            assert!(request.led_to(&event.kind), "{request:?} led to {event:?}");
        }
        for (tx_id, reply) in &self.acknowledged {
            assert_eq!(model.reply(tx_id), Some(reply), "{tx_id} was acknowledged");
        }
        for Seen { user, balance, as_of } in &self.seen {
            assert!(*as_of <= journal.last(), "{user} was shown at {as_of}, which is lost");
            assert_eq!(*balance, model.balance_at(user, *as_of), "{user} at {as_of}");
        }
        let mut wire = server.connect();
        for name in model.names() {
            assert_eq!(wire.balance(&name).0, model.balance(&name), "{name}");
        }
        self.retry(server, &journal, &model);
    }

    /// Asks some of what was answered, and some of what was not, once more.
    fn retry(&mut self, server: &Server, journal: &Journal, model: &Model) {
        let (answered, lost): (Vec<String>, Vec<String>) =
            self.issued.keys().cloned().partition(|tx_id| self.acknowledged.contains_key(tx_id));
        let mut wire = server.connect();
        for _ in 0..answered.len().min(20) {
            let tx_id = self.random.pick(&answered);
            let reply = wire.ask(&self.issued[tx_id].line(tx_id));
            assert_eq!(reply, duplicate(&self.acknowledged[tx_id]));
        }
        for _ in 0..lost.len().min(20) {
            let tx_id = self.random.pick(&lost);
            let reply = wire.ask(&self.issued[tx_id].line(tx_id));
            match (model.reply(tx_id), self.acknowledged.get(tx_id)) {
                (None, None) => {
                    // It never happened; now it has.
                    assert!(reply["seq"].as_u64().unwrap() > journal.last(), "{reply}");
                    assert_eq!(reply.get("duplicate"), None, "{reply}");
                    self.acknowledged.insert(tx_id.clone(), reply);
                }
                (Some(first), _) | (None, Some(first)) => assert_eq!(reply, duplicate(first)),
            }
        }
    }
}

/// The reply to the repetition of a request that was answered with this.
pub fn duplicate(first: &Value) -> Value {
    let mut reply = first.clone();
    reply["duplicate"] = true.into();
    reply
}
