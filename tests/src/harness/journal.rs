//! The tests' own reader of a data folder's log. It strips the padding, reads each line as plain
//! JSON, and checks what anybody can check by eye: seqs without gaps across all files, each tx_id
//! once, groups as their seals count them. Hashes are `saldo verify`'s.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;

use serde_json::Value;

use super::{Folder, until};

/// All that seals prove in a data folder.
pub struct Journal {
    /// The events, from seq 1.
    pub events: Vec<Event>,
    /// The balance of `@world` in the last seal.
    pub world: i128,
    /// Bytes behind the last seal that are no padding.
    pub unsealed_bytes: usize,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place.
    pub seq: u64,
    /// Its name.
    pub tx_id: String,
    /// What happened.
    pub kind: Kind,
    /// When, in microseconds.
    pub at: u64,
}

/// What happened. Amounts and balances are whole cents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Balances were set: name, before, after.
    Init(Vec<(String, i64, i64)>),
    /// Money came in.
    Deposit { user: String, amount: i64, after: i64 },
    /// Money went out.
    Withdraw { user: String, amount: i64, after: i64 },
    /// Money moved.
    Transfer { from: String, to: String, amount: i64, after_from: i64, after_to: i64 },
    /// A recorded no: its code, who was to pay or receive, and what that account held.
    Refused {
        code: String,
        payer: Option<String>,
        payee: Option<String>,
        amount: i64,
        balance: i64,
    },
    /// A recorded no to a request whose deadline, in microseconds, had passed.
    Late { not_after: u64 },
    /// A tx_id that was given up.
    Void,
}

struct Reader {
    journal: Journal,
    tx_ids: HashSet<String>,
    /// Events that no seal counts yet, and their bytes.
    open: Vec<Event>,
    open_bytes: usize,
    /// Whether padding was met in the file at hand.
    in_padding: bool,
}

impl Journal {
    /// Reads the log of a folder, all its files in order. A server may be running: it closes a
    /// file that is full when it finds the time, and then all is read again.
    pub fn read(folder: &Folder) -> Self {
        until("a log that stays as it is while it is read", || {
            let names = folder.closed_files();
            let mut files: Vec<(String, Vec<u8>)> =
                names.iter().map(|name| (name.clone(), folder.bytes(name))).collect();
            match fs::read(folder.file("transactions.log")) {
                Ok(bytes) => files.push(("transactions.log".to_owned(), bytes)),
                // A crash between two renames leaves none, and so does a rotation for a moment.
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
            }
            (names == folder.closed_files()).then(|| Self::of(&files))
        })
    }

    fn of(files: &[(String, Vec<u8>)]) -> Self {
        let journal = Self { events: Vec::new(), world: 0, unsealed_bytes: 0 };
        let tx_ids = HashSet::new();
        let mut reader =
            Reader { journal, tx_ids, open: Vec::new(), open_bytes: 0, in_padding: false };
        for (name, bytes) in files {
            let open_bytes = reader.open_bytes;
            assert_eq!(open_bytes, 0, "a closed file ends with its last seal, before {name}");
            reader.file(name, bytes);
        }
        reader.journal.unsealed_bytes = reader.open_bytes;
        reader.journal
    }

    /// The seq of the last event.
    pub fn last(&self) -> u64 {
        self.events.len() as u64
    }
}

impl Event {
    /// A transaction as the wire tells it: a line of the log, but for transfers.
    pub fn told(transaction: &Value) -> Self {
        let mut line = transaction.clone();
        if transaction["tx"] == "transfer" {
            for (side, after) in [("from", "after_from"), ("to", "after_to")] {
                line[after] = transaction[side]["after"].clone();
                line[side] = transaction[side]["user"].clone();
            }
        }
        event(&line)
    }
}

impl Reader {
    fn file(&mut self, name: &str, bytes: &[u8]) {
        self.in_padding = false;
        for (place, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line == b"\n" {
                self.in_padding = true;
                continue;
            }
            let Ok(value) = serde_json::from_slice::<Value>(line) else {
                // What a crash tore: only at the end, which the next seal would contradict.
                self.open_bytes += line.len();
                continue;
            };
            if place == 0 {
                assert_eq!(value["saldo"], "journal", "{name}");
                assert_eq!(value["first"], self.journal.last() + 1, "{name}");
                continue;
            }
            match value.get("seal") {
                Some(seal) => self.seal(name, seal),
                None => {
                    self.open.push(event(&value));
                    self.open_bytes += line.len();
                }
            }
        }
    }

    fn seal(&mut self, name: &str, seal: &Value) {
        assert!(!self.in_padding, "{name}: {seal} stands behind padding");
        assert_eq!(seal["bytes"], self.open_bytes, "{name}: {seal}");
        assert_eq!(seal["first"], self.journal.last() + 1, "{name}: {seal}");
        for event in self.open.drain(..) {
            assert_eq!(event.seq, self.journal.last() + 1, "{name}: seqs have no gap");
            assert!(self.tx_ids.insert(event.tx_id.clone()), "{name}: {} again", event.tx_id);
            self.journal.events.push(event);
        }
        assert_eq!(seal["last"], self.journal.last(), "{name}: {seal}");
        self.journal.world = seal["world"].to_string().parse().unwrap();
        self.open_bytes = 0;
    }
}

fn event(value: &Value) -> Event {
    let text =
        |key: &str| value[key].as_str().unwrap_or_else(|| panic!("{key}: {value}")).to_owned();
    let optional = |key: &str| value[key].as_str().map(str::to_owned);
    let number = |key: &str| value[key].as_i64().unwrap_or_else(|| panic!("{key}: {value}"));
    let kind = match value["tx"].as_str() {
        Some("init") => {
            let accounts = value["accounts"].as_object().unwrap().iter();
            let set = |(name, balance): (&String, &Value)| {
                let (before, after) = (&balance["before"], &balance["after"]);
                (name.clone(), before.as_i64().unwrap(), after.as_i64().unwrap())
            };
            Kind::Init(accounts.map(set).collect())
        }
        Some("deposit") => {
            Kind::Deposit { user: text("user"), amount: number("amount"), after: number("after") }
        }
        Some("withdraw") => {
            Kind::Withdraw { user: text("user"), amount: number("amount"), after: number("after") }
        }
        Some("transfer") => Kind::Transfer {
            from: text("from"),
            to: text("to"),
            amount: number("amount"),
            after_from: number("after_from"),
            after_to: number("after_to"),
        },
        Some("refused") if value.get("not_after").is_some() => {
            assert_eq!(value["code"], "deadline_passed", "{value}");
            Kind::Late { not_after: value["not_after"].as_u64().unwrap() }
        }
        Some("void") => Kind::Void,
        Some("refused") => {
            let cmd = text("cmd");
            let user = optional("user");
            Kind::Refused {
                code: text("code"),
                payer: if cmd == "withdraw" { user.clone() } else { optional("from") },
                payee: if cmd == "deposit" { user } else { optional("to") },
                amount: number("amount"),
                balance: number("balance"),
            }
        }
        _ => panic!("no event: {value}"),
    };
    Event {
        seq: value["seq"].as_u64().unwrap(),
        tx_id: text("tx_id"),
        kind,
        at: value["at"].as_u64().unwrap(),
    }
}
