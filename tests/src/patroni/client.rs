//! A client of a bank of two servers: it keeps some requests in flight on one of them, and asks again
//! what was not answered, there or at the other one, until it knows.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::record::{Answer, Record, Shown, Told, Write};
use crate::harness::{Random, Wire};
use crate::load::{Request, TOO_MUCH};

/// How long any reply may take: a wave is two batches and a question, each with the patience of its
/// server, which is 40 s at most.
pub const REPLY_DEADLINE: Duration = Duration::from_secs(180);

/// A client and what it saw.
pub struct Client<'b> {
    name: String,
    servers: [SocketAddr; 2],
    /// The server that it asks most, and whether it ever asks the other one.
    home: usize,
    strays: bool,
    accounts: &'b [&'b str],
    counts: &'b Counts,
    random: Random,
    wires: [Option<Wire>; 2],
    record: Record,
    /// What it does not know the outcome of and asks again.
    doubtful: Vec<String>,
    /// Some of what it knows.
    known: Vec<String>,
    writes_count: u64,
}

/// How much happened so far, over all clients.
#[derive(Default)]
pub struct Counts {
    /// Writes that were answered with their outcome.
    pub acknowledged: AtomicU64,
    /// Replies that said that the outcome is not known, or that the database is out of reach.
    pub without_outcome: AtomicU64,
}

enum Asked {
    Write(String),
    Resolve(String),
    Balance(String),
    Totals,
}

impl<'b> Client<'b> {
    /// The client of this number, with which its tx_ids begin. The first four stay at one server, two
    /// at each: what becomes of the other one does not hold them up.
    pub fn new(
        number: usize,
        servers: [SocketAddr; 2],
        accounts: &'b [&'b str],
        counts: &'b Counts,
        random: Random,
    ) -> Self {
        let (wires, record) = ([None, None], Record::default());
        let (doubtful, known) = (Vec::new(), Vec::new());
        Self {
            name: number.to_string(),
            servers,
            home: number % 2,
            strays: number >= 4,
            accounts,
            counts,
            random,
            wires,
            record,
            doubtful,
            known,
            writes_count: 0,
        }
    }

    /// Works until it is told to stop; what it saw.
    pub fn work(mut self, stop: &AtomicBool) -> Record {
        while !stop.load(Ordering::Relaxed) {
            let is_away = self.strays && self.random.percent(20);
            let server = if is_away { 1 - self.home } else { self.home };
            self.wave(server);
        }
        self.record
    }

    /// Sends some requests at once and reads their replies.
    fn wave(&mut self, server: usize) {
        let mut wire = match self.wires[server].take() {
            Some(wire) => wire,
            None => match Wire::try_connect(self.servers[server], REPLY_DEADLINE) {
                Ok(wire) => wire,
                // A server that was killed; the pause only leaves it time to come back.
                Err(_) => return thread::sleep(Duration::from_millis(20)),
            },
        };
        let depth = 1 + self.random.below(12);
        let asked: Vec<(Asked, String)> = (0..depth).map(|n| self.next(n + 1 == depth)).collect();
        let lines: String = asked.iter().map(|(_, line)| format!("{line}\n")).collect();
        let called = Instant::now();
        let mut is_open = wire.try_send(lines.as_bytes()).is_ok();
        for (asked, _) in asked {
            match if is_open { wire.reply_or_end() } else { None } {
                Some(reply) => self.take(asked, &reply, called),
                None => {
                    is_open = false;
                    self.lost(asked);
                }
            }
        }
        if is_open {
            self.wires[server] = Some(wire);
        }
    }

    /// The next request and its line.
    fn next(&mut self, is_last: bool) -> (Asked, String) {
        if !self.doubtful.is_empty() && self.random.percent(50) {
            let place = self.random.below(self.doubtful.len() as u64);
            let tx_id = self.doubtful.swap_remove(usize::try_from(place).unwrap());
            if self.random.percent(15) {
                let line = json!({"cmd": "resolve", "tx_id": tx_id}).to_string();
                return (Asked::Resolve(tx_id), line);
            }
            let line = self.record.writes[&tx_id].request.line(&tx_id);
            return (Asked::Write(tx_id), line);
        }
        match self.random.below(100) {
            0..10 => {
                let user = (*self.random.pick(self.accounts)).to_owned();
                let line = json!({"cmd": "balance", "user": user}).to_string();
                (Asked::Balance(user), line)
            }
            10..14 if !self.known.is_empty() => {
                let tx_id = self.random.pick(&self.known).clone();
                let line = self.record.writes[&tx_id].request.line(&tx_id);
                (Asked::Write(tx_id), line)
            }
            14..19 if is_last => (Asked::Totals, r#"{"cmd":"totals"}"#.to_owned()),
            _ => {
                let request = self.any_write();
                let tx_id = format!("{}-{}", self.name, self.writes_count);
                self.writes_count += 1;
                let line = request.line(&tx_id);
                let first_called = Instant::now();
                let write = Write { request, first_called, answer: None, may_be_done: false };
                self.record.writes.insert(tx_id.clone(), write);
                (Asked::Write(tx_id), line)
            }
        }
    }

    /// Any write; some cannot be paid.
    fn any_write(&mut self) -> Request {
        let user = (*self.random.pick(self.accounts)).to_owned();
        let amount = 1 + i64::try_from(self.random.below(300)).unwrap();
        match self.random.below(100) {
            0..5 => Request::Withdraw { user, amount: TOO_MUCH },
            5..20 => Request::Deposit { user, amount },
            20..35 => Request::Withdraw { user, amount },
            _ => {
                let others: Vec<&str> =
                    self.accounts.iter().copied().filter(|name| *name != user).collect();
                let to = (*self.random.pick(&others)).to_owned();
                Request::Transfer { from: user, to, amount }
            }
        }
    }

    fn take(&mut self, asked: Asked, reply: &Value, called: Instant) {
        let returned = Instant::now();
        let code = reply["code"].as_str().unwrap_or_default();
        if ["outcome_unknown", "database_unreachable"].contains(&code) {
            *self.record.without_outcome.entry(code.to_owned()).or_default() += 1;
            self.counts.without_outcome.fetch_add(1, Ordering::Relaxed);
            match asked {
                Asked::Write(tx_id) | Asked::Resolve(tx_id) if code == "outcome_unknown" => {
                    assert_eq!(reply["tx_id"], *tx_id, "{reply}");
                    self.doubt(tx_id);
                }
                // Some are never asked again: they must never have been done.
                Asked::Write(tx_id) | Asked::Resolve(tx_id) => {
                    if self.record.writes[&tx_id].answer.is_none() && self.random.percent(70) {
                        self.doubtful.push(tx_id);
                    }
                }
                Asked::Balance(_) | Asked::Totals => {}
            }
            return;
        }
        match asked {
            Asked::Write(tx_id) => self.take_write(tx_id, reply, called, returned),
            Asked::Resolve(tx_id) => {
                assert_eq!(reply["ok"], true, "{reply}");
                // What stands under it is asked for like anything else; only a void ends it.
                if reply["outcome"] == "voided" {
                    self.show(called, returned, &reply["seq"], false);
                    self.record.answered(&tx_id, Answer::Voided);
                } else {
                    self.record.writes.get_mut(&tx_id).unwrap().may_be_done = true;
                    self.doubtful.push(tx_id);
                }
            }
            Asked::Balance(user) => {
                assert_eq!(reply["ok"], true, "{reply}");
                self.show(called, returned, &reply["as_of"], true);
                let (balance, as_of) = (reply["balance"].as_i64(), reply["as_of"].as_u64());
                let told = Told { user, balance: balance.unwrap(), as_of: as_of.unwrap() };
                self.record.balances.push(told);
            }
            Asked::Totals => {
                assert_eq!(reply["ok"], true, "{reply}");
                self.show(called, returned, &reply["as_of"], true);
            }
        }
    }

    fn take_write(&mut self, tx_id: String, reply: &Value, called: Instant, returned: Instant) {
        if reply["code"] == "voided" {
            self.record.answered(&tx_id, Answer::Voided);
            return;
        }
        assert!(reply["ok"] == true || reply["code"] == "insufficient_funds", "{reply}");
        assert_eq!(reply["tx_id"], *tx_id, "{reply}");
        self.show(called, returned, &reply["seq"], false);
        let mut first = reply.clone();
        let is_again = first.as_object_mut().unwrap().remove("duplicate").is_some();
        if self.record.writes[&tx_id].answer.is_none() {
            if reply["ok"] == true && !is_again {
                self.record.acknowledged_at.push(returned);
            }
            self.counts.acknowledged.fetch_add(1, Ordering::Relaxed);
            if self.known.len() < 100 {
                self.known.push(tx_id.clone());
            }
        } else {
            assert!(is_again, "done again: {reply}");
        }
        self.record.answered(&tx_id, Answer::Reply(first));
    }

    fn show(&mut self, called: Instant, returned: Instant, position: &Value, is_reading: bool) {
        let position = position.as_u64().unwrap_or_else(|| panic!("no position: {position}"));
        self.record.shown.push(Shown { called, returned, position, is_reading });
    }

    fn lost(&mut self, asked: Asked) {
        if let Asked::Write(tx_id) | Asked::Resolve(tx_id) = asked {
            *self.record.without_outcome.entry("lost".to_owned()).or_default() += 1;
            self.doubt(tx_id);
        }
    }

    fn doubt(&mut self, tx_id: String) {
        let write = self.record.writes.get_mut(&tx_id).unwrap();
        write.may_be_done = true;
        if write.answer.is_none() {
            self.doubtful.push(tx_id);
        }
    }
}
