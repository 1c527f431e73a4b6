//! The accounts of a run: `bench-<run>-000001` and so on, with a run that no other run has, so that
//! accounts of people are never touched.

use std::time::{SystemTime, UNIX_EPOCH};

use ledger::{AccountId, NameFault};
use rand::Rng;

/// The digits of base 36.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// How many characters name a run: 9 for the time in milliseconds, 3 for chance.
pub const RUN_CHARACTERS: usize = 12;

/// The names of all accounts of a run. They differ in their last digits alone.
#[derive(Clone, Debug)]
pub struct Names {
    run: String,
    digits: usize,
    /// The digits of all names, one after the other.
    table: Vec<u8>,
}

/// Names a run: the time, so that it differs from all others on this machine, and chance, so that it
/// differs from those of other machines.
pub fn new_run() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut number =
        since.as_millis() * 36_u128.pow(3) + u128::from(rand::rng().next_u32() % 46_656);
    let mut run = vec![b'0'; RUN_CHARACTERS];
    for place in run.iter_mut().rev() {
        let digit = usize::try_from(number % 36).unwrap_or_default();
        *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        number /= 36;
    }
    run.into_iter().map(char::from).collect()
}

impl Names {
    /// The names of `count` accounts of the run.
    pub fn new(run: &str, count: u32) -> Self {
        let digits = count.to_string().len().max(6);
        let table = (1..=count).flat_map(|number| format!("{number:0digits$}").into_bytes());
        Self { run: run.to_owned(), digits, table: table.collect() }
    }

    /// What all of them begin with.
    pub fn prefix(&self) -> String {
        format!("bench-{}-", self.run)
    }

    /// How many digits follow that.
    pub fn digits_count(&self) -> usize {
        self.digits
    }

    /// The digits of the account at `place`, from 0.
    pub fn digits(&self, place: usize) -> &[u8] {
        let begin = place * self.digits;
        self.table.get(begin..begin + self.digits).unwrap_or_default()
    }

    /// The names as the bank knows them, in order.
    pub fn accounts(&self) -> Result<Vec<AccountId<'static>>, NameFault> {
        let prefix = self.prefix();
        self.table
            .chunks(self.digits)
            .map(|digits| AccountId::new(format!("{prefix}{}", String::from_utf8_lossy(digits))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_of_a_run_have_the_same_length_and_differ() {
        let names = Names::new("r1", 1_000_000);
        assert_eq!(names.digits_count(), 7);
        assert_eq!(names.digits(0), b"0000001");
        assert_eq!(names.digits(999_999), b"1000000");
        let accounts = Names::new("r1", 3).accounts().unwrap();
        let shown: Vec<&str> = accounts.iter().map(AccountId::as_str).collect();
        assert_eq!(shown, ["bench-r1-000001", "bench-r1-000002", "bench-r1-000003"]);
    }

    #[test]
    fn a_run_has_a_name_of_its_own() {
        let (one, other) = (new_run(), new_run());
        assert_eq!(one.len(), RUN_CHARACTERS);
        assert!(one.bytes().all(|byte| DIGITS.contains(&byte)));
        assert_ne!(one, other);
    }
}
