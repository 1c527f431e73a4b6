//! Writes the transfers of one connection. Every line has the same length, so a line is a copy of
//! the last one with new digits in four places.

use std::ops::Range;
use std::sync::Arc;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use super::Load;
use super::names::Names;

/// How many digits number the transfers of one connection: enough for an hour at a million a
/// second.
const NUMBER_DIGITS: usize = 10;

/// Amounts are from 10 to 99, so that all of them have two digits.
const AMOUNT_MIN: u64 = 10;
const AMOUNT_KINDS: u64 = 90;

/// The transfers of one connection, in the order in which they are sent. The same load, connection
/// and names give the same transfers.
#[derive(Debug)]
pub struct Requests {
    names: Arc<Names>,
    accounts: u64,
    hot_percent: u64,
    random: Xoshiro256PlusPlus,
    line: Vec<u8>,
    from: Range<usize>,
    to: Range<usize>,
    amount: Range<usize>,
    number: Range<usize>,
}

impl Requests {
    /// The transfers of connection number `lane`, from 0.
    pub fn new(load: &Load, lane: u32, names: Arc<Names>, run: &str) -> Self {
        let prefix = names.prefix();
        let mut line = Vec::new();
        let mut gap = |before: &str, bytes: usize| {
            line.extend_from_slice(before.as_bytes());
            let begin = line.len();
            line.resize(begin + bytes, b'0');
            begin..begin + bytes
        };
        let digits = names.digits_count();
        let from = gap(&format!(r#"{{"cmd":"transfer","from":"{prefix}"#), digits);
        let to = gap(&format!(r#"","to":"{prefix}"#), digits);
        let amount = gap(r#"","amount":"#, 2);
        let number = gap(&format!(r#","tx_id":"{run}-{lane}-"#), NUMBER_DIGITS);
        gap("\"}\n", 0);
        let seed = load.seed.wrapping_add(u64::from(lane).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            accounts: u64::from(names.count()),
            names,
            hot_percent: u64::from(load.hot_percent),
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            line,
            from,
            to,
            amount,
            number,
        }
    }

    /// Appends the next `count` of them.
    pub fn write(&mut self, out: &mut Vec<u8>, count: usize) {
        for _ in 0..count {
            let (from, to) = self.pair();
            let amount = AMOUNT_MIN + below(self.random.next_u64() >> 32, AMOUNT_KINDS);
            let tens = b"0123456789".get(as_index(amount / 10)).copied().unwrap_or(b'1');
            let ones = b"0123456789".get(as_index(amount % 10)).copied().unwrap_or(b'0');
            self.put(self.from.clone(), from);
            self.put(self.to.clone(), to);
            if let Some(gap) = self.line.get_mut(self.amount.clone()) {
                gap.copy_from_slice(&[tens, ones]);
            }
            self.count_up();
            out.extend_from_slice(&self.line);
        }
    }

    /// Two different accounts, by place: who pays and who receives.
    fn pair(&mut self) -> (u64, u64) {
        let (chance, kind) = (self.random.next_u64(), self.random.next_u64() >> 32);
        let (high, low) = (chance >> 32, chance & 0xffff_ffff);
        if below(kind, 100) < self.hot_percent {
            return (1 + below(high, self.accounts - 1), 0);
        }
        let from = below(high, self.accounts);
        let to = below(low, self.accounts - 1);
        (from, if to < from { to } else { to + 1 })
    }

    fn put(&mut self, gap: Range<usize>, account: u64) {
        let digits = self.names.digits(as_index(account));
        if let Some(gap) = self.line.get_mut(gap) {
            gap.copy_from_slice(digits);
        }
    }

    /// The next number, in place.
    fn count_up(&mut self) {
        for digit in self.line.get_mut(self.number.clone()).unwrap_or_default().iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
    }
}

/// Maps 32 bits of chance to a number below `bound`, which is below 2^32. The lower numbers are
/// likelier by less than `bound` in 2^32, which no load test notices.
fn below(chance: u64, bound: u64) -> u64 {
    (chance * bound) >> 32
}

fn as_index(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn load(accounts: u32, hot_percent: u32) -> Load {
        Load { conns: 2, depth: 1, accounts, secs: 1, hot_percent, seed: 42 }
    }

    fn lines(load: &Load, lane: u32, count: usize) -> Vec<Value> {
        let names = Arc::new(Names::new("r1", load.accounts));
        let mut requests = Requests::new(load, lane, names, "r1");
        let mut out = Vec::new();
        requests.write(&mut out, count);
        assert_eq!(out.len(), count * requests.line.len());
        let text = String::from_utf8(out).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_line_is_a_transfer_that_the_bank_would_take() {
        let mut seen = HashSet::new();
        for lane in 0..2 {
            for line in lines(&load(10_000, 0), lane, 5_000) {
                assert_eq!(line["cmd"], "transfer");
                assert_ne!(line["from"], line["to"]);
                for side in ["from", "to"] {
                    let name = line[side].as_str().unwrap();
                    let number: u32 = name.strip_prefix("bench-r1-").unwrap().parse().unwrap();
                    assert!((1..=10_000).contains(&number));
                }
                assert!((10..=99).contains(&line["amount"].as_u64().unwrap()));
                assert!(seen.insert(line["tx_id"].as_str().unwrap().to_owned()), "used once");
            }
        }
    }

    #[test]
    fn the_number_of_a_transfer_carries_into_the_next_digit() {
        let last = lines(&load(2, 0), 0, 1_000).pop().unwrap();
        assert_eq!(last["tx_id"], "r1-0-0000001000");
    }

    #[test]
    fn both_of_two_accounts_pay() {
        let payers: HashSet<String> =
            lines(&load(2, 0), 0, 100).iter().map(|line| line["from"].to_string()).collect();
        assert_eq!(payers.len(), 2);
    }

    #[test]
    fn the_hot_account_receives_its_share_and_never_pays_itself() {
        let into_hot = |percent| {
            lines(&load(1_000, percent), 0, 10_000)
                .iter()
                .filter(|line| line["to"] == "bench-r1-000001")
                .count()
        };
        assert_eq!(into_hot(100), 10_000);
        assert!((4_700..5_300).contains(&into_hot(50)), "{}", into_hot(50));
        assert!(into_hot(0) < 50);
    }

    #[test]
    fn a_seed_gives_the_same_transfers_again_and_connections_differ() {
        assert_eq!(lines(&load(1_000, 10), 0, 100), lines(&load(1_000, 10), 0, 100));
        let accounts = |lane| -> Vec<String> {
            lines(&load(1_000, 10), lane, 100).iter().map(|line| line["from"].to_string()).collect()
        };
        assert_ne!(accounts(0), accounts(1));
    }
}
