//! The naive bank beside an engine: it is asked the same, and every outcome and every reading must
//! be its own.

use std::collections::HashMap;

use ledger::model::{Answer, Happened, Model, When};
use ledger::{AccountId, Seq};

use super::ask::{answer_of, ask, held_of, read};
use crate::mirror::difference;
use crate::query::{PAGE_MAX, Query, Reading, Span};
use crate::seam::{Engine, Outcome, Request};

/// A time that no clock shows yet, in microseconds since the Unix epoch; JSON holds it exactly.
pub(super) const FAR_US: u64 = (1 << 53) - 1;

/// A deadline that has passed, whatever the clock says.
pub(super) const PAST_US: u64 = 1;

/// The naive bank.
#[derive(Default)]
pub(super) struct Books {
    pub(super) model: Model,
}

impl Books {
    /// Runs a batch on both and compares what comes of it.
    pub(super) async fn ask(&mut self, engine: &dyn Engine, batch: Vec<Request<'static>>) {
        let first = Seq::new(self.model.seq()).next();
        let outcomes = ask(engine, batch.clone()).await;
        let times = self.times(engine, first).await;
        for (request, outcome) in batch.iter().zip(&outcomes) {
            let at_us = seq_made(outcome).and_then(|seq| times.get(&seq)).copied();
            self.compare(request, outcome, at_us);
        }
        let span = Span { from: first, to: None, limit: PAGE_MAX };
        self.check(engine, Query::Transactions(span)).await;
    }

    /// Asks both about history and compares.
    pub(super) async fn check(&self, engine: &dyn Engine, query: Query<'static>) -> Reading {
        let reading = read(engine, query.clone()).await;
        let difference = difference(&self.model, &query, &reading, FAR_US);
        assert!(difference.is_none(), "{}", difference.unwrap_or_default());
        reading
    }

    /// When the events from `first` on happened, by their seqs: the engine's clock is its own.
    async fn times(&self, engine: &dyn Engine, first: Seq) -> HashMap<Seq, u64> {
        let mut times = HashMap::new();
        let mut from = Some(first);
        while let Some(first) = from {
            let span = Span { from: first, to: None, limit: PAGE_MAX };
            let Reading::Transactions { transactions, next, .. } =
                read(engine, Query::Transactions(span)).await
            else {
                panic!("transactions were asked for")
            };
            times.extend(transactions.iter().map(|one| (one.seq, one.at_us)));
            from = next;
        }
        times
    }

    /// Takes a request into the naive bank; `at_us`: when the event happened that it made.
    pub(super) fn compare(
        &mut self,
        request: &Request<'_>,
        outcome: &Outcome<'_>,
        at_us: Option<u64>,
    ) {
        let last_us = self.model.events().last().map_or(PAST_US + 1, |last| last.at_us);
        let now_us = at_us.unwrap_or(last_us);
        match request {
            Request::Write { command, tx_id, tx_id_given, not_after_us, by } => {
                let when = When { now_us, not_after_us: *not_after_us };
                let model = self.model.on_behalf_of(by.as_ref());
                let expected = model.execute_at(command, tx_id.as_str(), *tx_id_given, when);
                assert_eq!(answer_of(outcome), expected, "{request:?}");
                if let Answer::Refused { seq: None, balance: Some(_), .. } = expected {
                    self.compare_position(command.accounts(), outcome.rests_on());
                }
            }
            Request::Resolve { tx_id, by } => {
                let model = self.model.on_behalf_of(by.as_ref());
                let (expected, settled) = model.resolve(tx_id.as_str(), now_us);
                assert!(tells(outcome, &expected, settled), "{expected:?} is told by {outcome:?}");
            }
            Request::Balance(asked) => {
                let (held, as_of) = held_of(outcome);
                assert_eq!(held, self.expected([asked]), "{request:?}");
                self.compare_position([asked], as_of);
            }
            Request::Balances(asked) => {
                let (held, as_of) = held_of(outcome);
                assert_eq!(held, self.expected(asked), "{request:?}");
                self.compare_position(asked, as_of);
            }
        }
    }

    fn expected<'n>(&self, names: impl IntoIterator<Item = &'n AccountId<'n>>) -> Vec<Option<i64>> {
        let held = names.into_iter().map(|name| self.model.balance(name.as_str()));
        held.map(|held| held.map(|held| i64::try_from(held).expect("in its range"))).collect()
    }

    /// No lower than the last change of what it shows, and of nothing that is yet to come.
    fn compare_position<'n>(&self, names: impl IntoIterator<Item = &'n AccountId<'n>>, as_of: Seq) {
        let changes = names.into_iter().flat_map(|name| self.model.statement(name.as_str()));
        let lowest = changes.map(|line| line.seq).max().unwrap_or(0);
        assert!((lowest..=self.model.seq()).contains(&as_of.get()), "as of {as_of}");
    }
}

/// Whether `outcome` answers a resolve with `expected`.
fn tells(outcome: &Outcome<'_>, expected: &Happened, settled: bool) -> bool {
    matches!(outcome, Outcome::Resolved { transaction, duplicate }
        if expected.is_told_by(transaction) && *duplicate == settled)
}

/// The seq of the event that was made for this outcome, if one was.
fn seq_made(outcome: &Outcome<'_>) -> Option<Seq> {
    match outcome {
        Outcome::Done { seq, duplicate: false, .. } => Some(*seq),
        Outcome::Refused { seq, duplicate: false, .. } => *seq,
        Outcome::Resolved { transaction, duplicate: false } => Some(transaction.seq),
        Outcome::Done { .. }
        | Outcome::Refused { .. }
        | Outcome::Resolved { .. }
        | Outcome::Balance { .. }
        | Outcome::Balances { .. }
        | Outcome::Conflict { .. }
        | Outcome::Unavailable(_)
        | Outcome::Unknown { .. } => None,
    }
}
