//! The index of history in one life: its steps in the background, and questions that it answers.

use engine::chain;
use engine::embedded::Reads;
use history::{HistoryError, Work};

use crate::asking::is_damage;
use crate::invariants::index;
use crate::questions;

use super::{Doing, Ending, Life, Step};

/// Failures to write, before anything more is written, with which the server gives up, as in
/// production.
const FAILURES_MAX: u32 = 5;

impl Life<'_, '_> {
    /// One step of the index's work.
    pub(super) fn index_step(&mut self, flush_all: bool) -> Step {
        self.index_work(flush_all).map(|(ending, _)| ending)
    }

    /// One step of the index's work; also says whether there may be more.
    fn index_work(
        &mut self,
        flush_all: bool,
    ) -> Result<(Option<Ending>, bool), crate::violation::Broken> {
        let core = self.core;
        let name_of = |number| core.name_of(number).map(str::to_owned);
        match self.index.flush(&name_of, flush_all) {
            Ok(Work::Idle) => self.index_failures = 0,
            Ok(Work::Flushed(_)) => {
                self.index_failures = 0;
                self.run.stats.index_runs += 1;
                return Ok((None, true));
            }
            Ok(Work::Sorted | Work::Merged) => return Ok((None, true)),
            Err(error) => return Ok((self.flush_failed(&error)?, true)),
        }
        // After a merge that failed production merges nothing for longer than a life has here.
        if flush_all || self.merge_failed {
            return Ok((None, false));
        }
        match self.index.merge() {
            Ok(Work::Idle) => Ok((None, false)),
            Ok(Work::Merged | Work::Sorted | Work::Flushed(_)) => {
                self.run.stats.index_merges += 1;
                Ok((None, true))
            }
            Err(error) => {
                self.merge_failed = true;
                Ok((self.index_failed(&error)?, true))
            }
        }
    }

    fn flush_failed(&mut self, error: &HistoryError) -> Step {
        if let Some(ending) = self.index_failed(error)? {
            return Ok(Some(ending));
        }
        self.index_failures += 1;
        if self.index_failures <= FAILURES_MAX {
            return Ok(None);
        }
        self.core.staging().stop();
        self.run.stats.index_stops += 1;
        Ok(Some(Ending::Stopped))
    }

    fn index_failed(&mut self, error: &HistoryError) -> Step {
        if self.run.is_down() {
            return self.went_down(Doing::Index);
        }
        let is_damage = matches!(error, HistoryError::Damaged { .. });
        if is_damage && !self.run.index_harmed.is_empty() {
            if self.index.discard().is_err() && self.run.is_down() {
                return self.went_down(Doing::Index);
            }
        } else {
            self.must_have_a_cause(&chain(error))?;
        }
        self.run.stats.index_failures += 1;
        Ok(None)
    }

    /// Brings the index up to the journal's end; where that fails, the next start does it.
    pub(super) fn finish_index(&mut self) -> Step {
        loop {
            match self.index_work(true)? {
                (Some(Ending::Crashed), _) => return Ok(Some(Ending::Crashed)),
                (Some(_), _) | (None, false) => return Ok(None),
                (None, true) if self.index_failures > 0 => return Ok(None),
                (None, true) => {}
            }
        }
    }

    /// A question about history, whose answer is the naive bank's.
    pub(super) fn reading(&mut self) -> Step {
        let now_us = self.run.now_us;
        let query = questions::one(&mut self.run.random, &self.run.order, now_us);
        match Reads::new(self.core, &self.recaller).answer(query.clone(), now_us) {
            Ok(reading) => {
                self.run.stats.readings += 1;
                let bank = self.run.bank.until(self.durable.get());
                index::answers_as(&bank, &query, &reading, now_us)?;
                Ok(None)
            }
            Err(error) => self.unreadable(&error),
        }
    }

    /// What follows when something could not be read: nothing was done. Where the index is damaged,
    /// the server is started again and builds it anew.
    pub(super) fn unreadable(&mut self, error: &(dyn std::error::Error + 'static)) -> Step {
        if self.run.is_down() {
            return self.went_down(Doing::Reading);
        }
        if is_damage(error) && !self.run.index_harmed.is_empty() {
            self.run.stats.index_damage_met += 1;
            return Ok(Some(Ending::Stopped));
        }
        self.must_have_a_cause(&chain(error))?;
        Ok(None)
    }
}
