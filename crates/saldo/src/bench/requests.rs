//! Writes the requests of one connection. Every line of a kind has the same length, so a line is a
//! copy of its pattern with new digits in up to four places.
//! Not here: what is asked (`workload`).

use std::sync::Arc;

use super::expected::Sent;
use super::flight::{Effect, Flight};
use super::names::Names;
use super::workload::{KINDS, Kind, Script, Step};

/// How many digits number the requests of one connection: enough for an hour at a million a second.
const NUMBER_DIGITS: usize = 10;

/// A line with gaps; a kind that has no such gap has `None`. Gaps are told by where they begin.
#[derive(Debug, Default)]
struct Pattern {
    line: Vec<u8>,
    first: Option<usize>,
    second: Option<usize>,
    amount: Option<usize>,
    number: Option<usize>,
}

/// The requests of one connection, in the order in which they are sent.
#[derive(Debug)]
pub struct Requests {
    script: Script,
    names: Arc<Names>,
    patterns: [Pattern; KINDS],
    /// The number of the last write, as digits.
    number: [u8; NUMBER_DIGITS],
    sent: Sent,
}

impl Requests {
    /// The requests of connection number `lane` of all runs together, from 0.
    pub fn new(script: Script, lane: u32, names: Arc<Names>, run: &str) -> Self {
        let mut patterns: [Pattern; KINDS] = Default::default();
        for kind in [Kind::Transfer, Kind::Deposit, Kind::Withdraw, Kind::Balance, Kind::Balances] {
            if let Some(pattern) = patterns.get_mut(kind as usize) {
                *pattern = Pattern::new(kind, lane, &names, run);
            }
        }
        let sent = Sent { lane, count: 0 };
        Self { script, names, patterns, number: [b'0'; NUMBER_DIGITS], sent }
    }

    /// How many were made.
    pub fn sent(&self) -> Sent {
        self.sent
    }

    /// Appends the next `count` of them, and notes each as in flight.
    pub fn write(&mut self, out: &mut Vec<u8>, count: u64, flight: &mut Flight) {
        for _ in 0..count {
            let step = self.script.step();
            self.line(out, &step);
            flight.sent(Effect::of(&step));
        }
        self.sent.count += count;
    }

    fn line(&mut self, out: &mut Vec<u8>, step: &Step) {
        let Some(pattern) = self.patterns.get(step.kind as usize) else { return };
        let begin = out.len();
        out.extend_from_slice(&pattern.line);
        let Some(line) = out.get_mut(begin..) else { return };
        put(line, pattern.first, self.names.digits(as_index(step.first)));
        if pattern.second.is_some() {
            put(line, pattern.second, self.names.digits(as_index(step.second)));
        }
        if let Some(place) = pattern.amount {
            put(line, Some(place), &[b'0' + step.amount / 10, b'0' + step.amount % 10]);
            count_up(&mut self.number);
            put(line, pattern.number, &self.number);
        }
    }
}

impl Pattern {
    fn new(kind: Kind, lane: u32, names: &Names, run: &str) -> Self {
        let mut pattern = Self::default();
        let prefix = names.prefix();
        let name = format!("{prefix}{}", "0".repeat(names.digits_count()));
        let mut text = String::new();
        let mut add = |before: &str, shown: &str, gap: usize| {
            text.push_str(before);
            text.push_str(shown);
            Some(text.len() - gap)
        };
        let digits = names.digits_count();
        match kind {
            Kind::Transfer => {
                pattern.first = add(r#"{"cmd":"transfer","from":""#, &name, digits);
                pattern.second = add(r#"","to":""#, &name, digits);
            }
            Kind::Deposit => {
                pattern.first = add(r#"{"cmd":"deposit","user":""#, &name, digits);
            }
            Kind::Withdraw => {
                pattern.first = add(r#"{"cmd":"withdraw","user":""#, &name, digits);
            }
            Kind::Balance => {
                pattern.first = add(r#"{"cmd":"balance","user":""#, &name, digits);
            }
            Kind::Balances => {
                pattern.first = add(r#"{"cmd":"balance","users":[""#, &name, digits);
                pattern.second = add(r#"",""#, &name, digits);
            }
        }
        match kind {
            Kind::Transfer | Kind::Deposit | Kind::Withdraw => {
                pattern.amount = add(r#"","amount":"#, "00", 2);
                let before = format!(r#","tx_id":"{run}-{lane}-"#);
                pattern.number = add(&before, &"0".repeat(NUMBER_DIGITS), NUMBER_DIGITS);
                add("\"}\n", "", 0);
            }
            Kind::Balance => {
                add("\"}\n", "", 0);
            }
            Kind::Balances => {
                add("\"]}\n", "", 0);
            }
        }
        pattern.line = text.into_bytes();
        pattern
    }
}

/// Copies digits into a gap. The usual lengths are told to the compiler: a copy of so few bytes is
/// one or two moves, and a call of the general one takes longer than the copy.
#[inline]
fn put(line: &mut [u8], place: Option<usize>, digits: &[u8]) {
    match digits.len() {
        2 => put_exactly::<2>(line, place, digits),
        6 => put_exactly::<6>(line, place, digits),
        NUMBER_DIGITS => put_exactly::<NUMBER_DIGITS>(line, place, digits),
        count => {
            if let Some(gap) = place.and_then(|place| line.get_mut(place..place + count)) {
                gap.copy_from_slice(digits);
            }
        }
    }
}

#[inline]
fn put_exactly<const COUNT: usize>(line: &mut [u8], place: Option<usize>, digits: &[u8]) {
    let gap = place.and_then(|place| line.get_mut(place..)?.first_chunk_mut::<COUNT>());
    if let (Some(gap), Some(digits)) = (gap, digits.first_chunk::<COUNT>()) {
        *gap = *digits;
    }
}

/// The next number, in place.
fn count_up(number: &mut [u8; NUMBER_DIGITS]) {
    for digit in number.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
}

fn as_index(number: u32) -> usize {
    usize::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;
    use crate::bench::Load;
    use crate::bench::workload::Workload;

    fn lines(load: &Load, lane: u32, count: u64) -> Vec<Value> {
        let accounts = load.workload.accounts_in_all(load.accounts);
        let names = Arc::new(Names::new("r1", accounts));
        let script = Script::new(load, lane, Workload::choice(load).unwrap());
        let mut requests = Requests::new(script, lane, names, "r1");
        let (mut out, mut flight) = (Vec::new(), Flight::new(1));
        requests.write(&mut out, count, &mut flight);
        assert_eq!(flight.count(), count);
        let text = String::from_utf8(out).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn number(name: &Value) -> u32 {
        name.as_str().unwrap().strip_prefix("bench-r1-").unwrap().parse().unwrap()
    }

    #[test]
    fn every_line_is_a_request_that_the_bank_would_take() {
        for workload in [Workload::Transfer, Workload::Mixed, Workload::Tpcb, Workload::Smallbank] {
            let mut seen = HashSet::new();
            for lane in 0..2 {
                for line in lines(&Load::of(workload, 10_000), lane, 5_000) {
                    let named: Vec<u32> = match line["cmd"].as_str().unwrap() {
                        "transfer" => vec![number(&line["from"]), number(&line["to"])],
                        "balance" if line["users"].is_array() => {
                            line["users"].as_array().unwrap().iter().map(number).collect()
                        }
                        _ => vec![number(&line["user"])],
                    };
                    assert!(named.iter().all(|place| (1..=10_011).contains(place)), "{line}");
                    assert!(named.len() < 2 || named[0] != named[1], "{line}");
                    if line["cmd"] != "balance" {
                        assert!((10..=99).contains(&line["amount"].as_u64().unwrap()), "{line}");
                        let tx_id = line["tx_id"].as_str().unwrap().to_owned();
                        assert!(seen.insert(tx_id), "used once: {line}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_number_of_a_request_carries_into_the_next_digit() {
        let last = lines(&Load::of(Workload::Transfer, 2), 0, 1_000).pop().unwrap();
        assert_eq!(last["tx_id"], "r1-0-0000001000");
    }

    #[test]
    fn both_of_two_accounts_pay() {
        let payers: HashSet<String> = lines(&Load::of(Workload::Transfer, 2), 0, 100)
            .iter()
            .map(|line| line["from"].to_string())
            .collect();
        assert_eq!(payers.len(), 2);
    }

    #[test]
    fn a_seed_gives_the_same_requests_again_and_connections_differ() {
        for workload in [Workload::Transfer, Workload::Mixed, Workload::Tpcb, Workload::Smallbank] {
            let load = Load { hot_percent: 10, ..Load::of(workload, 1_000) };
            assert_eq!(lines(&load, 0, 100), lines(&load, 0, 100));
            let accounts = |lane| -> Vec<String> {
                lines(&load, lane, 100)
                    .iter()
                    .map(|line| format!("{}{}{}", line["from"], line["user"], line["users"]))
                    .collect()
            };
            assert_ne!(accounts(0), accounts(1));
        }
    }
}
