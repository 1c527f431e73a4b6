//! Compares everything that was said with the bank as it is afterwards, which is read from both
//! servers and computed anew from its events.

use std::time::Instant;

use serde_json::{Value, json};

use super::client::REPLY_DEADLINE;
use super::record::{Answer, Record};
use crate::harness::{Event, Journal, Kind, Model, Random, Server, Wire};
use crate::load::duplicate;

/// How many repetitions of answered writes are asked of each server.
const REPETITIONS: usize = 100;

/// Settles what nobody knows, and compares.
pub fn check(record: &mut Record, servers: &[Server; 2], random: &mut Random) {
    let mut wires = [0, 1].map(|n: usize| {
        Wire::try_connect(servers[n].address, REPLY_DEADLINE)
            .unwrap_or_else(|error| panic!("server {n}: {error}: {}", servers[n].stderr()))
    });
    settle(record, &mut wires, random);
    let journal = journal(&mut wires[0]);
    let other = self::journal(&mut wires[1]);
    assert_eq!(journal.events, other.events, "both servers tell one history");
    let model = Model::of(&journal);
    compare(record, &journal, &model);
    order(record, &journal);
    for wire in &mut wires {
        accounts(wire, &journal, &model);
        repeat(record, wire, random);
    }
}

/// Asks for every outcome that is not known, at one server and then at the other.
fn settle(record: &mut Record, wires: &mut [Wire; 2], random: &mut Random) {
    let open: Vec<String> = record
        .writes
        .iter()
        .filter(|(_, write)| write.answer.is_none() && write.may_be_done)
        .map(|(tx_id, _)| tx_id.clone())
        .collect();
    for tx_id in open {
        let first = usize::try_from(random.below(2)).unwrap();
        let line = record.writes[&tx_id].request.line(&tx_id);
        let asked = json!({"cmd": "resolve", "tx_id": tx_id}).to_string();
        if random.percent(50) {
            let resolved = wires[first].ask(&asked);
            assert_eq!(resolved["ok"], true, "{resolved}");
            assert_eq!(wires[1 - first].ask(&asked)["outcome"], resolved["outcome"], "{tx_id}");
        }
        let [one, other] = [first, 1 - first].map(|server| {
            let reply = wires[server].ask(&line);
            if reply["code"] == "voided" {
                return Answer::Voided;
            }
            let mut reply = reply;
            assert!(reply["ok"] == true || reply["code"] == "insufficient_funds", "{reply}");
            reply.as_object_mut().unwrap().remove("duplicate");
            Answer::Reply(reply)
        });
        assert_eq!(one, other, "{tx_id} is one thing at both servers");
        record.answered(&tx_id, one);
    }
}

/// The whole history, as a server tells it page by page.
fn journal(wire: &mut Wire) -> Journal {
    let mut events: Vec<Event> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let mut asked = json!({"cmd": "transactions", "limit": 1_000});
        if !cursor.is_null() {
            asked["cursor"] = cursor.clone();
        }
        let reply = wire.ask(&asked.to_string());
        assert_eq!(reply["ok"], true, "{reply}");
        events.extend(reply["items"].as_array().unwrap().iter().map(Event::told));
        cursor = reply["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event.seq, place as u64 + 1, "seqs have no gap");
        assert!(place == 0 || events[place - 1].at <= event.at, "time never goes back: {event:?}");
    }
    let totals = wire.ask(r#"{"cmd":"totals"}"#);
    let whole = |key: &str| totals[key].to_string().parse::<i128>().unwrap();
    assert_eq!(whole("seq"), events.len() as i128, "{totals}");
    assert_eq!(whole("money_in") - whole("money_out"), whole("sum"), "{totals}");
    Journal { events, world: -whole("sum"), unsealed_bytes: 0 }
}

/// Every answer stands in the history as it was given, and nothing stands there that nobody asked
/// for, or twice, or that was said not to be done.
fn compare(record: &Record, journal: &Journal, model: &Model) {
    let mut seen = std::collections::HashSet::new();
    for event in &journal.events {
        assert!(seen.insert(&event.tx_id), "{} stands twice", event.tx_id);
        let write = record.writes.get(&event.tx_id);
        let write = write.unwrap_or_else(|| panic!("nobody asked for {event:?}"));
        match &event.kind {
            Kind::Void => assert_eq!(write.answer, Some(Answer::Voided), "{event:?}"),
            kind => {
                assert!(write.request.led_to(kind), "{:?} led to {event:?}", write.request);
                assert!(
                    write.may_be_done || write.answer.is_some(),
                    "{} was said not to be done, and stands there",
                    event.tx_id
                );
            }
        }
    }
    for (tx_id, write) in &record.writes {
        match &write.answer {
            Some(Answer::Reply(reply)) => {
                assert_eq!(model.reply(tx_id), Some(reply), "{tx_id} was acknowledged");
            }
            Some(Answer::Voided) => {
                let code = model.reply(tx_id).map(|reply| reply["code"].clone());
                assert_eq!(code, Some("voided".into()), "{tx_id} was voided");
            }
            None => assert!(!seen.contains(tx_id), "{tx_id} was never answered, and is done"),
        }
    }
    for told in &record.balances {
        let held = model.balance_at(&told.user, told.as_of);
        assert_eq!(told.balance, held, "{} at {}", told.user, told.as_of);
    }
}

/// What was asked after something was shown comes behind it, and reads of what is show it.
fn order(record: &Record, journal: &Journal) {
    // The highest position that was shown up to each moment.
    let mut shown: Vec<(Instant, u64)> =
        record.shown.iter().map(|shown| (shown.returned, shown.position)).collect();
    shown.sort();
    let mut highest = 0;
    for (_, position) in &mut shown {
        highest = highest.max(*position);
        *position = highest;
    }
    let shown_before = |moment: Instant| {
        let end = shown.partition_point(|(returned, _)| *returned < moment);
        end.checked_sub(1).map_or(0, |last| shown[last].1)
    };
    for event in &journal.events {
        let before = shown_before(record.writes[&event.tx_id].first_called);
        assert!(event.seq > before, "{event:?} was asked for when {before} had been shown");
    }
    for reading in record.shown.iter().filter(|shown| shown.is_reading) {
        let before = shown_before(reading.called);
        let position = reading.position;
        assert!(position >= before, "{position} was told when {before} had been shown");
    }
}

/// Each account's statement is its history, sums to its balance, and the totals are those of all.
fn accounts(wire: &mut Wire, journal: &Journal, model: &Model) {
    for user in model.names() {
        let mut lines: Vec<(u64, i64)> = Vec::new();
        let (mut held, mut cursor) = (0, Value::Null);
        loop {
            let mut asked =
                json!({"cmd": "statement", "user": user, "order": "oldest", "limit": 1_000});
            if !cursor.is_null() {
                asked["cursor"] = cursor.clone();
            }
            let reply = wire.ask(&asked.to_string());
            for line in reply["items"].as_array().unwrap_or_else(|| panic!("{reply}")) {
                held += line["amount"].as_i64().unwrap();
                assert_eq!(line["balance"], held, "{user}: {line}");
                lines.push((line["seq"].as_u64().unwrap(), held));
            }
            cursor = reply["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(lines, model.changes(&user), "the statement of {user}");
        assert_eq!(wire.balance(&user), (model.balance(&user), journal.last()), "{user}");
    }
}

/// What was answered is answered the same again, and found by its tx_id.
fn repeat(record: &Record, wire: &mut Wire, random: &mut Random) {
    let answered: Vec<(&String, &Value)> = record
        .writes
        .iter()
        .filter_map(|(tx_id, write)| match &write.answer {
            Some(Answer::Reply(reply)) => Some((tx_id, reply)),
            _ => None,
        })
        .collect();
    for _ in 0..REPETITIONS.min(answered.len()) {
        let (tx_id, first) = random.pick(&answered);
        let again = wire.ask(&record.writes[*tx_id].request.line(tx_id));
        assert_eq!(again, duplicate(first));
        let asked = json!({"cmd": "transaction", "tx_id": tx_id}).to_string();
        assert_eq!(wire.ask(&asked)["transaction"]["seq"], first["seq"], "{tx_id}");
    }
}
