//! What was asked and what was answered, with the times of both, by all clients together.

use std::collections::HashMap;
use std::time::Instant;

use serde_json::Value;

use crate::load::Request;

/// Everything that was ever said to a bank and by it.
#[derive(Default)]
pub struct Record {
    /// Every write that was ever sent, by its tx_id.
    pub writes: HashMap<String, Write>,
    /// Every answer that showed a position of the log.
    pub shown: Vec<Shown>,
    /// Every balance that was told.
    pub balances: Vec<Told>,
    /// When a write was acknowledged that was done for it: not its repetitions.
    pub acknowledged_at: Vec<Instant>,
    /// Answers that said neither yes nor no, by their code.
    pub without_outcome: HashMap<String, u64>,
}

/// A write and what became of it, as far as was said.
pub struct Write {
    pub request: Request,
    /// When it was sent first.
    pub first_called: Instant,
    /// The answer, as it was the first time.
    pub answer: Option<Answer>,
    /// Whether anything was ever asked under its tx_id that may have been done without an answer.
    pub may_be_done: bool,
}

/// A definite answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Done, or refused and recorded: the reply without the mark of a repetition.
    Reply(Value),
    /// Given up by a `resolve` before it was done.
    Voided,
}

/// A position that an answer showed.
pub struct Shown {
    pub called: Instant,
    pub returned: Instant,
    pub position: u64,
    /// Whether the question was about what is: then it shows all that came before it.
    pub is_reading: bool,
}

/// A balance that was told.
pub struct Told {
    pub user: String,
    pub balance: i64,
    pub as_of: u64,
}

impl Record {
    /// Adds what another client saw.
    pub fn add(&mut self, other: Self) {
        self.writes.extend(other.writes);
        self.shown.extend(other.shown);
        self.balances.extend(other.balances);
        self.acknowledged_at.extend(other.acknowledged_at);
        for (code, count) in other.without_outcome {
            *self.without_outcome.entry(code).or_default() += count;
        }
    }

    /// Keeps a definite answer; another one than before fails the test.
    pub fn answered(&mut self, tx_id: &str, answer: Answer) {
        let write = self.writes.get_mut(tx_id).unwrap();
        match &write.answer {
            Some(first) => assert_eq!(*first, answer, "{tx_id} was answered before"),
            None => write.answer = Some(answer),
        }
    }

    /// The longest time between two acknowledgements, from the last one before `from` on.
    pub fn longest_silence(&self, from: Instant) -> std::time::Duration {
        let mut times = self.acknowledged_at.clone();
        times.sort();
        let begin = times.partition_point(|time| *time < from).saturating_sub(1);
        let gaps = times[begin..].windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().unwrap_or_default()
    }
}
