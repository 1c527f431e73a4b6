//! A tx_id can be settled by somebody who does not know what became of it, at the very moment in
//! which its request is under way or comes late: it is never both voided and executed, and whoever
//! asks is told the same, for ever. `SALDO_RESOLVES` says how many are raced (4,000).

use std::collections::HashMap;
use std::env;
use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Folder, Journal, Kind, Random, Serve, Server, Wire};

/// Raced on one server before it is killed.
const ROUND: u64 = 500;

/// Who resolves, among the three that race, and how many lines whoever goes ahead has answered
/// before the others begin.
const RESOLVER: usize = 1;
const HEAD_START: usize = 50;

/// What a tx_id turned out to stand for, as one answer tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Settled {
    Done(u64),
    Late(u64),
    Refused(u64),
    Voided(u64),
}

/// What a reply to the request itself, or to a resolve, says.
fn settled(reply: &Value) -> Settled {
    let seq = reply["seq"].as_u64().unwrap_or_else(|| panic!("no place in the log: {reply}"));
    let kind = reply["outcome"].as_str().or(reply["code"].as_str()).unwrap_or("done");
    match kind {
        "done" => Settled::Done(seq),
        "voided" => Settled::Voided(seq),
        "deadline_passed" => Settled::Late(seq),
        "insufficient_funds" => Settled::Refused(seq),
        "refused" => match reply["transaction"]["code"].as_str() {
            Some("deadline_passed") => Settled::Late(seq),
            Some("insufficient_funds") => Settled::Refused(seq),
            _ => panic!("{reply}"),
        },
        _ => panic!("{reply}"),
    }
}

fn now_us() -> u64 {
    u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap()
}

/// The request that a tx_id names. Some cannot be paid, some have a deadline about now.
fn request(tx_id: &str, random: &mut Random) -> String {
    let amount = if random.percent(5) { 1_000_000_000_000_i64 } else { 1 };
    let mut request =
        json!({"cmd": "transfer", "from": "alice", "to": "bob", "amount": amount, "tx_id": tx_id});
    if random.percent(40) {
        request["not_after"] = (now_us() + random.below(3_000)).into();
    }
    request.to_string()
}

fn resolve(tx_id: &str) -> String {
    json!({"cmd": "resolve", "tx_id": tx_id}).to_string()
}

/// Sends all lines at once and reads as many replies as come.
fn ask_all(wire: &mut Wire, lines: &[String]) -> Vec<Value> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if wire.try_send(text.as_bytes()).is_err() {
        return Vec::new();
    }
    let mut replies = Vec::new();
    while replies.len() < lines.len() {
        let Some(reply) = wire.reply_or_end() else { break };
        replies.push(reply);
    }
    replies
}

#[test]
fn a_resolve_raced_against_its_request_is_answered_one_way_for_ever() {
    let races: u64 = env::var("SALDO_RESOLVES").map_or(4_000, |races| races.parse().unwrap());
    let mut random = Random::from_clock();
    let folder = Folder::new();
    let mut server = Serve::on(&folder).small().start();
    let opened = r#"{"cmd":"init_accounts","accounts":{"alice":900000000,"bob":0}}"#;
    assert_eq!(server.connect().ask(opened)["ok"], true);
    // What was ever told of a tx_id, and its request.
    let mut told: HashMap<String, Settled> = HashMap::new();
    let mut requests: HashMap<String, String> = HashMap::new();
    let mut next = 0;
    while next < races {
        let tx_ids: Vec<String> = (0..ROUND).map(|n| format!("r-{}", next + n)).collect();
        next += ROUND;
        let asked: Vec<String> = tx_ids.iter().map(|tx_id| request(tx_id, &mut random)).collect();
        let mut resolves: Vec<String> = tx_ids.iter().map(|tx_id| resolve(tx_id)).collect();
        // The resolver meets the request anywhere: before, during, after.
        if random.percent(30) {
            resolves.reverse();
        }
        let lines = [asked.clone(), resolves, asked.clone()];
        let kill = random.percent(25);
        let killed_after = usize::try_from(random.below(ROUND)).unwrap();
        // Left to chance, the resolver may never come first.
        let ahead =
            if next == ROUND { RESOLVER } else { usize::try_from(random.below(9)).unwrap() };
        let barrier = Barrier::new(lines.len());
        let (server_now, barrier) = (&server, &barrier);
        let replies: Vec<Vec<Value>> = thread::scope(|scope| {
            let clients: Vec<_> = lines
                .iter()
                .enumerate()
                .map(|(number, lines)| {
                    let mut wire = server_now.connect();
                    let early = if number == ahead { HEAD_START } else { 0 };
                    scope.spawn(move || {
                        let (early, late) = lines.split_at(early);
                        let mut replies = ask_all(&mut wire, early);
                        barrier.wait();
                        replies.extend(ask_all(&mut wire, late));
                        replies
                    })
                })
                .collect();
            if kill {
                // Somewhere in the middle: once so many have their place in the log.
                let wanted = u64::try_from(killed_after).unwrap();
                let mut wire = server_now.connect();
                while wire
                    .reply_to(r#"{"cmd":"totals"}"#)
                    .is_some_and(|totals| totals["seq"].as_u64().unwrap() % ROUND < wanted)
                    && !clients.iter().all(thread::ScopedJoinHandle::is_finished)
                {}
                server_now.kill();
            }
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        for (lines, replies) in lines.iter().zip(&replies) {
            for (line, reply) in lines.iter().zip(replies) {
                let line: Value = serde_json::from_str(line).unwrap();
                note(&mut told, line["tx_id"].as_str().unwrap(), reply);
            }
        }
        requests.extend(tx_ids.iter().cloned().zip(asked));
        if kill {
            drop(server);
            server = Serve::on(&folder).small().start();
        }
        // All of this round, and some of long ago, are asked for again, one way and the other.
        let old = (0..50).map(|_| format!("r-{}", random.below(next)));
        for tx_id in tx_ids.into_iter().chain(old) {
            check_again(&server, &mut told, &tx_id, &requests[&tx_id]);
        }
    }
    server.shut_down().with_code(0);
    held_against_the_log(&folder, &told);
}

/// Takes what a reply tells of a tx_id; all must tell the same.
fn note(told: &mut HashMap<String, Settled>, tx_id: &str, reply: &Value) {
    let settled = settled(reply);
    let before = told.entry(tx_id.to_owned()).or_insert_with(|| settled.clone());
    assert_eq!(*before, settled, "{tx_id}: {reply}");
}

fn check_again(server: &Server, told: &mut HashMap<String, Settled>, tx_id: &str, request: &str) {
    let mut wire = server.connect();
    for line in [resolve(tx_id), request.to_owned(), resolve(tx_id)] {
        note(told, tx_id, &wire.ask(&line));
    }
}

/// The log has each tx_id once, as it was told, and each deadline was kept.
fn held_against_the_log(folder: &Folder, told: &HashMap<String, Settled>) {
    let journal = Journal::read(folder);
    let mut kinds = [0_u32; 4];
    for event in &journal.events {
        let Some(settled) = told.get(&event.tx_id) else { continue };
        let (kind, expected) = match &event.kind {
            Kind::Transfer { .. } => (0, Settled::Done(event.seq)),
            Kind::Late { .. } => (1, Settled::Late(event.seq)),
            Kind::Refused { .. } => (2, Settled::Refused(event.seq)),
            Kind::Void => (3, Settled::Voided(event.seq)),
            Kind::Init(_) | Kind::Deposit { .. } | Kind::Withdraw { .. } => panic!("{event:?}"),
        };
        assert_eq!(*settled, expected, "{event:?}");
        kinds[kind] += 1;
    }
    assert_eq!(kinds.iter().sum::<u32>() as usize, told.len(), "each stands in the log once");
    println!("done, late, refused, voided: {kinds:?}");
    assert!(kinds.iter().all(|kind| *kind > 0), "the race had every outcome: {kinds:?}");
}
