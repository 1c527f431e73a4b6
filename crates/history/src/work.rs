//! The index's work in the background: chunks become runs, and runs become fewer. The caller brings
//! the thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use journal::disk::Disk;

use crate::chunk::Chunk;
use crate::entry::Id;
use crate::error::HistoryError;
use crate::fill::fill;
use crate::filter::{Filter, doubled};
use crate::flush::flush;
use crate::folder::{MERGED_NEW, RUN_NEW, run_name};
use crate::index::{History, Worker, lock};
use crate::merge::{Merge, Step};
use crate::page::Span;
use crate::plan;
use crate::run::Run;
use crate::{NameOf, Work};

impl<D: Disk> History<D> {
    /// Does one step of background work, the most urgent one: of [`History::flush`], and when there
    /// is nothing to do, of [`History::merge`] unless `flush_all`. To be called until it is `Idle`,
    /// and again after something was appended. For those who have one thread and no pauses: tests,
    /// the simulation, measurements. A server rests between merges and calls the two itself. Errors:
    /// those of both.
    pub fn work(&self, name_of: NameOf<'_>, flush_all: bool) -> Result<Work, HistoryError> {
        let work = self.flush(name_of, flush_all)?;
        if work == Work::Idle && !flush_all { self.merge() } else { Ok(work) }
    }

    /// Sorts a chunk, or writes a run. `Idle`: nothing is due.
    ///
    /// `name_of`: the name of an account by its number, for every account that the appended groups
    /// opened. `all`: what is in memory becomes a run, however little it is; then `Idle` means that
    /// everything appended is in runs, and whoever appends meanwhile may wait for this thread.
    ///
    /// Errors: `Disk`, `Damaged`, `Nameless`. What is in memory and in runs is as before then, the
    /// disk has its room back, and the next call begins the same step anew, in a new file.
    pub fn flush(&self, name_of: NameOf<'_>, all: bool) -> Result<Work, HistoryError> {
        let mut worker = lock(&self.worker);
        if all {
            lock(&self.fresh).close();
        }
        let chunks = self.take_closed(&worker);
        if let Some(chunk) = chunks.iter().find(|chunk| chunk.sorted().is_none()) {
            chunk.sort(name_of)?;
            return Ok(Work::Sorted);
        }
        let mut weight = 0;
        let full = chunks.iter().position(|chunk| {
            weight += chunk.weight();
            weight >= self.options.run_events as u64
        });
        let count = match full {
            Some(last) => last + 1,
            None if all => chunks.len(),
            None => 0,
        };
        let due = chunks.get(..count).unwrap_or_default();
        let flushed = flush(&self.disk, self.ledger, self.key, self.plants, due);
        match flushed.inspect_err(|_| self.put_away(RUN_NEW))? {
            Some((span, ids)) => {
                self.publish(&mut worker, span, &ids, count)?;
                Ok(Work::Flushed(span.last))
            }
            None => Ok(Work::Idle),
        }
    }

    /// Takes the chunks that were closed; returns all that are in no run.
    fn take_closed(&self, worker: &Worker<D>) -> Vec<Arc<Chunk>> {
        let closed: Vec<_> = worker.closed.try_iter().collect();
        let mut state = lock(&self.state);
        if let Some(last) = closed.last() {
            let taken = last.head().seq.get();
            state.chunks.extend(closed);
            // IMPORTANT: under the lock of what it tells of, so that no view misses a chunk or has
            // it twice.
            self.taken.store(taken, Ordering::Release);
        }
        state.chunks.clone()
    }

    /// Merges runs, for about 1 MiB. It is never urgent: look-ups read fewer runs afterwards, and
    /// answer the same. `Idle`: nothing is due. A damaged run and those before it stay as they are.
    ///
    /// Errors: `Disk`, `Damaged`. The runs that were to be merged stand then, the disk has its room
    /// back, and the next call begins the merge anew: let some time pass before it.
    pub fn merge(&self) -> Result<Work, HistoryError> {
        let mut worker = lock(&self.worker);
        let merge = match worker.merge.take() {
            Some(merge) => Ok(Some(merge)),
            None => self.begin_merge(),
        };
        let step = merge.and_then(|merge| merge.map(Merge::step).transpose());
        match step.inspect_err(|_| self.put_away(MERGED_NEW))? {
            None => return Ok(Work::Idle),
            Some(Step::Goes(merge)) => worker.merge = Some(*merge),
            Some(Step::Done(span, parts)) => self.replace(span, &parts)?,
        }
        Ok(Work::Merged)
    }

    /// Removes a file that was not finished. What is derived must not keep the room that the journal
    /// may need; that this fails as well is no news, and the next start removes it.
    fn put_away(&self, name: &str) {
        let is_there = |names: Vec<String>| names.iter().any(|known| known == name);
        if self.disk.list().is_ok_and(is_there) {
            drop(self.disk.unlink(name));
        }
    }

    /// Makes a run that was written the next of the index, in place of the oldest chunks.
    fn publish(
        &self,
        worker: &mut Worker<D>,
        span: Span,
        ids: &[Id],
        chunks_count: usize,
    ) -> Result<(), HistoryError> {
        let run = Arc::new(self.open_run(span)?);
        let runs = Arc::clone(&lock(&self.state).runs);
        let keys = worker.keys.saturating_add(ids.len() as u64);
        let filter = self.filter();
        let is_full = keys > filter.keys_max();
        let filter = if is_full {
            let keys_max = doubled(filter.keys_max(), keys);
            let larger = Filter::for_keys(keys_max, self.options.filter_bytes_max);
            fill(&larger, &runs)?;
            Arc::new(larger)
        } else {
            filter
        };
        for id in ids {
            filter.insert(id.hash);
        }
        worker.keys = keys;
        if is_full {
            self.set_filter(filter);
        }
        let freed: Vec<_> = {
            let mut state = lock(&self.state);
            state.runs = runs.iter().cloned().chain([run]).collect();
            state.chunks.drain(..chunks_count).collect()
        };
        self.indexed.store(span.last.get(), Ordering::Release);
        let weight = freed.iter().map(|chunk| chunk.weight()).sum();
        self.lag_events.fetch_sub(weight, Ordering::AcqRel);
        drop(freed);
        Ok(())
    }

    fn begin_merge(&self) -> Result<Option<Merge<D>>, HistoryError> {
        let runs = Arc::clone(&lock(&self.state).runs);
        let damaged = runs.iter().rposition(|run| run.is_damaged());
        let runs = runs.get(damaged.map_or(0, |last| last + 1)..).unwrap_or_default();
        let weights: Vec<u64> = runs.iter().map(|run| run.weight()).collect();
        let Some(count) = plan::due(&weights, &self.options) else { return Ok(None) };
        let inputs = runs.get(runs.len() - count..).unwrap_or_default().to_vec();
        Merge::begin(&self.disk, self.ledger, inputs)
    }

    /// Puts a merged run in the place of its parts, and only then removes them.
    fn replace(&self, span: Span, parts: &[Arc<Run<D>>]) -> Result<(), HistoryError> {
        let merged = self.open_run(span).inspect_err(|_| self.put_away(&run_name(span)))?;
        let merged = Arc::new(merged);
        {
            let mut state = lock(&self.state);
            // IMPORTANT: under the lock under which a run is distrusted. The merged one would give
            // what is wrong a new name, under which nobody knows of it.
            if parts.iter().any(|part| part.is_damaged()) {
                drop(state);
                self.put_away(&run_name(span));
                return Ok(());
            }
            let is_part = |run: &&Arc<Run<D>>| {
                span.contains(run.span().first) && span.contains(run.span().last)
            };
            let before = state.runs.iter().take_while(|run| !is_part(run)).cloned();
            let behind = state.runs.iter().skip_while(|run| run.span().last <= span.last).cloned();
            state.runs = before.chain([merged]).chain(behind).collect();
        }
        for part in parts {
            self.disk.unlink(part.name())?;
        }
        Ok(self.disk.sync_dir()?)
    }

    /// Opens a run that was just written: what cannot be read back is not published.
    fn open_run(&self, span: Span) -> Result<Run<D>, HistoryError> {
        Run::open(&self.disk, span, self.ledger)?
            .ok_or_else(|| HistoryError::Damaged { run: run_name(span) })
    }

    /// Removes the runs in which a look-up or a merge met damage, and those that are distrusted, so
    /// that the next start builds them, and all behind them, anew. Until then look-ups in them go on
    /// to fail, and those in others go on to work. Returns how many it removed. Errors: those of the
    /// disk.
    pub fn discard(&self) -> Result<usize, HistoryError> {
        let mut worker = lock(&self.worker);
        if worker.merge.take().is_some() {
            self.put_away(MERGED_NEW);
        }
        let runs = Arc::clone(&lock(&self.state).runs);
        let names = self.disk.list()?;
        let damaged: Vec<_> = runs
            .iter()
            .filter(|run| run.is_damaged() && names.iter().any(|name| name == run.name()))
            .collect();
        for run in &damaged {
            self.disk.unlink(run.name())?;
        }
        if !damaged.is_empty() {
            self.disk.sync_dir()?;
        }
        Ok(damaged.len())
    }
}
