//! A client that keeps many requests in flight: writes, their repetitions, tx_ids used for
//! something else, questions. It checks each reply as far as one connection can tell.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::duplicate;
use super::request::{ACCOUNTS, Request, TOO_MUCH};
use crate::harness::{Random, Wire};

/// A client and what it knows.
pub struct Client {
    name: String,
    random: Random,
    /// What it sent, by tx_id.
    pub issued: HashMap<String, Request>,
    /// What was answered to that.
    pub acknowledged: HashMap<String, Value>,
    /// The balances that it was shown.
    pub seen: Vec<Seen>,
    in_flight: VecDeque<Sent>,
    tx_ids: Vec<String>,
    /// The last seq that it was told.
    last: u64,
    /// The last seq of each account that it changed.
    changed: HashMap<String, u64>,
}

/// A balance that an answer showed, and its position in the log.
pub struct Seen {
    pub user: String,
    pub balance: i64,
    pub as_of: u64,
}

enum Sent {
    Write {
        tx_id: String,
    },
    Again {
        tx_id: String,
    },
    Reused,
    Question {
        user: String,
    },
    /// A withdrawal that cannot be paid, without a tx_id: it is not recorded.
    Unpayable {
        user: String,
    },
}

impl Client {
    /// Its tx_ids begin with this name.
    pub fn new(name: String, random: Random) -> Self {
        Self {
            name,
            random,
            issued: HashMap::new(),
            acknowledged: HashMap::new(),
            seen: Vec::new(),
            in_flight: VecDeque::new(),
            tx_ids: Vec::new(),
            last: 0,
            changed: HashMap::new(),
        }
    }

    /// Works until the connection ends, telling of each acknowledged write.
    pub fn work(mut self, mut wire: Wire, acknowledge: impl Fn()) -> Self {
        let depth = 1 + usize::try_from(self.random.below(64)).unwrap();
        loop {
            let mut lines = String::new();
            while self.in_flight.len() < depth {
                lines.push_str(&self.next_line());
                lines.push('\n');
            }
            if wire.try_send(lines.as_bytes()).is_err() {
                break;
            }
            // Some stay in flight, so that the server always has something of this client.
            let stay = usize::try_from(self.random.below(depth as u64)).unwrap();
            while self.in_flight.len() > stay {
                let Some(reply) = wire.reply_or_end() else { return self };
                self.take(reply, &acknowledge);
            }
        }
        // What was answered before the end may still be there to read.
        while let Some(reply) = wire.reply_or_end() {
            self.take(reply, &acknowledge);
        }
        self
    }

    fn next_line(&mut self) -> String {
        let user = (*self.random.pick(&ACCOUNTS)).to_owned();
        let known = !self.tx_ids.is_empty();
        let (sent, line) = match self.random.below(100) {
            0..8 => {
                let line = serde_json::json!({"cmd": "balance", "user": user}).to_string();
                (Sent::Question { user }, line)
            }
            8..12 => {
                let asked =
                    serde_json::json!({"cmd": "withdraw", "user": user, "amount": TOO_MUCH});
                (Sent::Unpayable { user }, asked.to_string())
            }
            12..17 if known => {
                let tx_id = self.random.pick(&self.tx_ids).clone();
                let line = self.issued[&tx_id].line(&tx_id);
                (Sent::Again { tx_id }, line)
            }
            17..20 if known => {
                let tx_id = self.random.pick(&self.tx_ids);
                let other = Request::Deposit { user, amount: TOO_MUCH };
                (Sent::Reused, other.line(tx_id))
            }
            _ => {
                let request = Request::any(&mut self.random);
                let tx_id = format!("{}-{}", self.name, self.tx_ids.len());
                let line = request.line(&tx_id);
                self.issued.insert(tx_id.clone(), request);
                self.tx_ids.push(tx_id.clone());
                (Sent::Write { tx_id }, line)
            }
        };
        self.in_flight.push_back(sent);
        line
    }

    fn take(&mut self, reply: Value, acknowledge: impl Fn()) {
        match self.in_flight.pop_front().expect("a reply to nothing") {
            Sent::Write { tx_id } => {
                assert_eq!(reply["tx_id"], *tx_id, "{reply}");
                assert!(reply["ok"] == true || reply["code"] == "insufficient_funds", "{reply}");
                let seq = reply["seq"].as_u64().unwrap();
                assert!(seq > self.last, "{reply} after {}", self.last);
                self.last = seq;
                if reply["ok"] == true {
                    let accounts = self.issued[&tx_id].accounts();
                    self.changed.extend(accounts.into_iter().map(|account| (account, seq)));
                }
                self.acknowledged.insert(tx_id, reply);
                acknowledge();
            }
            Sent::Again { tx_id } => assert_eq!(reply, duplicate(&self.acknowledged[&tx_id])),
            Sent::Reused => assert_eq!(reply["code"], "tx_id_reused", "{reply}"),
            Sent::Question { user } => {
                assert_eq!(reply["ok"], true, "{reply}");
                self.see(user, &reply);
            }
            Sent::Unpayable { user } => {
                assert_eq!(reply["code"], "insufficient_funds", "{reply}");
                assert_eq!(reply.get("seq"), None, "{reply}");
                self.see(user, &reply);
            }
        }
    }

    /// Keeps a balance that was shown; it must not be older than this client's own changes of it.
    fn see(&mut self, user: String, reply: &Value) {
        let as_of = reply["as_of"].as_u64().unwrap();
        let changed = self.changed.get(&user).copied().unwrap_or(0);
        assert!(as_of >= changed, "{reply} after {changed}");
        self.seen.push(Seen { user, balance: reply["balance"].as_i64().unwrap(), as_of });
    }
}
