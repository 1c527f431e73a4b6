//! The index as its callers have it: it takes groups and answers.
//! Not here: how what was taken gets to the disk (`work`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, TryLockError};
use std::{mem, thread};

use journal::disk::Disk;
use journal::{Head, LedgerId, Plants};
use ledger::Seq;

use crate::chain::{self, Chain};
use crate::chunk::Chunk;
use crate::error::HistoryError;
use crate::fill::fill;
use crate::filter::{Filter, doubled};
use crate::fresh::Fresh;
use crate::key;
use crate::look::{AskedNames, View};
use crate::merge::Merge;
use crate::run::{Run, Wanted};
use crate::{Group, NameOf, NamesPage, Opened, Options, Place, Usage};

/// The index of history.
///
/// Three kinds of threads use it: the journal's appends, one in the background works, and any number
/// look up. The first locks `fresh` alone, the second `state` alone, and both only briefly; who looks
/// up takes a view of both, `state` first.
///
/// **Invariant:** every event up to `appended` is in exactly one run or chunk of `state`, or behind
/// `taken` in `fresh`; `taken` is where `state` ends, and moves under its lock.
/// **Invariant:** the journal's thread never waits for the one in the background, which gives way to
/// every other.
/// **Invariant:** a hash is in the filter before its run is in `state`, and the run is in `state`
/// before `indexed` says so.
pub struct History<D: Disk> {
    pub(crate) disk: Arc<D>,
    pub(crate) ledger: LedgerId,
    pub(crate) options: Options,
    pub(crate) key: u64,
    pub(crate) fresh: Mutex<Fresh>,
    pub(crate) state: Mutex<State<D>>,
    pub(crate) taken: AtomicU64,
    pub(crate) filter: RwLock<Arc<Filter>>,
    pub(crate) indexed: AtomicU64,
    pub(crate) lag_events: AtomicU64,
    pub(crate) worker: Mutex<Worker<D>>,
    pub(crate) plants: Plants,
}

pub(crate) struct State<D: Disk> {
    /// Oldest first, from seq 1 without a gap.
    pub(crate) runs: Arc<[Arc<Run<D>>]>,
    /// Closed chunks behind the runs, oldest first.
    pub(crate) chunks: Vec<Arc<Chunk>>,
}

/// What only the background has.
pub(crate) struct Worker<D: Disk> {
    /// Chunks that were closed, oldest first.
    pub(crate) closed: Receiver<Arc<Chunk>>,
    pub(crate) merge: Option<Merge<D>>,
    /// Hashes in the filter.
    pub(crate) keys: u64,
}

impl<D: Disk> History<D> {
    /// Opens the index in the folder of `disk`, which is the index's alone, for one ledger.
    ///
    /// Whatever is in the folder, this succeeds: files that are not whole, or not of this ledger,
    /// are removed with all behind them, and `indexed` says from where on the caller appends the
    /// journal. Reads every hash, on all cores.
    /// Errors: those of the disk.
    pub fn open(
        disk: Arc<D>,
        ledger: LedgerId,
        options: Options,
    ) -> Result<(Self, Opened), HistoryError> {
        let mut chain = chain::open(&disk, ledger)?;
        let filter = loop {
            match filled(&chain, &options) {
                Ok(filter) => break filter,
                Err(HistoryError::Damaged { .. }) => chain.cut_damaged(&*disk)?,
                Err(error) => return Err(error),
            }
        };
        let in_runs = chain.runs.first().map(|run| run.footer().key);
        let in_file = key::read(&*disk, ledger)?;
        let key = in_runs.or(in_file).unwrap_or_else(key::random);
        if in_file != Some(key) {
            key::fix_key(&*disk, ledger, key)?;
        }
        let opened = Opened {
            indexed: chain.head(),
            seal: chain.seal(),
            dropped_count: chain.dropped_count,
        };
        let (fresh, closed) = Fresh::behind(opened.indexed);
        let state = State { runs: chain.runs.into(), chunks: Vec::new() };
        let seq = opened.indexed.seq.get();
        let history = Self {
            disk,
            ledger,
            options,
            key,
            fresh: Mutex::new(fresh),
            state: Mutex::new(state),
            taken: AtomicU64::new(seq),
            filter: RwLock::new(Arc::new(filter)),
            indexed: AtomicU64::new(seq),
            lag_events: AtomicU64::new(0),
            worker: Mutex::new(Worker { closed, merge: None, keys: seq }),
            plants: Plants::default(),
        };
        Ok((history, opened))
    }

    /// The same with faults that a test planted.
    pub fn with(self, plants: Plants) -> Self {
        Self { plants, ..self }
    }

    /// The hash of a tx_id in this index: fixed for the life of the folder, keyed.
    #[inline]
    pub fn hash(&self, tx_id: &str) -> u64 {
        key::hash(self.key, tx_id)
    }

    /// Takes a committed group, in memory: a copy of its traces under a short lock.
    ///
    /// Groups come in the order of their seqs, from the one behind [`Opened::indexed`] on; one
    /// without events is passed over. A group that does not follow the last one is a fault of the
    /// caller, and panics: an index with a gap would deny what happened.
    pub fn append(&self, group: Group<'_>) {
        if group.traces.list.is_empty() {
            return;
        }
        let mut fresh = lock(&self.fresh);
        let before = fresh.open().head();
        let last = group.traces.first.get().saturating_add(group.traces.list.len() as u64 - 1);
        assert!(
            group.traces.first == before.seq.next() && group.head.seq.get() == last,
            "the group of seqs {} to {} does not follow seq {}",
            group.traces.first,
            group.head.seq,
            before.seq
        );
        let weight = fresh.append(&group, self.taken());
        // IMPORTANT: before the background may take it, which takes off what it has written.
        self.lag_events.fetch_add(weight, Ordering::AcqRel);
        if fresh.open().weight() >= self.options.chunk_events as u64 {
            fresh.close();
        }
    }

    /// Everything up to here was appended.
    pub fn appended(&self) -> Head {
        lock(&self.fresh).open().head()
    }

    /// What was appended and is in no run yet, in events; one that changes or opens more accounts
    /// than most counts as several. So much is in memory.
    pub fn lag_events(&self) -> u64 {
        self.lag_events.load(Ordering::Acquire)
    }

    /// Everything up to here is in runs and in the filter.
    pub fn indexed(&self) -> Seq {
        Seq::new(self.indexed.load(Ordering::Acquire))
    }

    /// Whether a tx_id with this hash may stand in a run: `false` is certain. One cache line.
    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        match self.filter.read() {
            Ok(filter) => filter.may_hold(hash),
            Err(_) => poisoned(),
        }
    }

    /// The seqs in runs whose tx_ids have this hash, ascending. The caller compares the tx_ids.
    /// Errors: `Disk`, `Damaged`.
    pub fn seqs_of_hash(&self, hash: u64) -> Result<Vec<Seq>, HistoryError> {
        let runs = Arc::clone(&lock(&self.state).runs);
        let mut found = Vec::new();
        for run in runs.iter() {
            run.seqs_of_hash(hash, &mut found)?;
        }
        Ok(found)
    }

    /// The same among what was appended and is in no run yet: a scan. Who wants both asks here
    /// first, because events go from memory into runs and not back.
    pub fn seqs_of_hash_in_memory(&self, hash: u64) -> Vec<Seq> {
        let mut newest = Vec::new();
        let view = self.view(|open| open.seqs_of_hash(hash, &mut newest));
        let mut found = Vec::new();
        for chunk in &view.chunks {
            chunk.seqs_of_hash(hash, &mut found);
        }
        found.extend(newest);
        found
    }

    /// The seqs from `from` to `to`, both included, that changed an account, at most `limit` of
    /// them: the first ones in the order asked for. Errors: `Disk`, `Damaged`.
    pub fn seqs_of_account(
        &self,
        account: u32,
        from: Seq,
        to: Seq,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<Seq>, HistoryError> {
        if from > to {
            return Ok(Vec::new());
        }
        let wanted = Wanted { account, from, to, newest_first, limit };
        let mut newest = Vec::new();
        let view = self.view(|open| open.seqs_of_account(&wanted, &mut newest));
        view.seqs_of_account(&wanted, newest)
    }

    /// A page of the names that begin with `prefix`, in byte order: at most `limit` behind
    /// `after`. `count`: also how many begin with it in all. `name_of` as in [`History::flush`].
    /// Errors: `Disk`, `Damaged`, `Nameless`.
    pub fn names(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        count: bool,
        name_of: NameOf<'_>,
    ) -> Result<NamesPage, HistoryError> {
        let after = after.map(str::as_bytes);
        let asked = AskedNames { prefix: prefix.as_bytes(), after, limit, count };
        let mut opened = 0..0;
        let view = self.view(|open| opened = open.opened());
        view.names(&asked, opened, name_of)
    }

    /// Where to look for an event; `None` when none of that seq was appended. From the place on, the
    /// journal's lines lead to it: at most 15 events before it, and the seals between them.
    /// Errors: `Disk`, `Damaged`.
    pub fn place_of(&self, seq: Seq) -> Result<Option<Place>, HistoryError> {
        let mut newest = None;
        let view = self.view(|open| newest = open.place_of(seq));
        if newest.is_some() { Ok(newest) } else { view.place_of(seq) }
    }

    /// A seq whose time, and that of all before it, is at most `time_us` (microseconds since the
    /// Unix epoch): the last end of a group that the index knows to be so, `Seq::ZERO` if none
    /// is. More of what follows may be as early: 1,024 events and the rest of a group at most, which
    /// the caller finds in the journal.
    pub fn seq_at_time(&self, time_us: u64) -> Seq {
        let mut newest = None;
        let view = self.view(|open| newest = open.time_mark(time_us));
        newest.map_or_else(|| view.time_mark(time_us), |mark| Seq::new(mark.0))
    }

    /// Notes that the run with the event `seq` is not what the journal says, though its pages are
    /// whole: [`History::discard`] takes it away as a damaged one. What is in no run yet is not noted.
    pub fn distrust(&self, seq: Seq) {
        let state = lock(&self.state);
        if let Some(run) = state.runs.iter().find(|run| run.span().contains(seq)) {
            run.damage();
        }
    }

    /// What the index takes, in memory and on the disk.
    pub fn usage(&self) -> Usage {
        let mut open_bytes = 0;
        let view = self.view(|open| open_bytes = open.memory_bytes());
        let chunks_bytes: usize = view.chunks.iter().map(|chunk| chunk.memory_bytes()).sum();
        Usage {
            runs_count: view.runs.len(),
            fences_bytes: view.runs.iter().map(|run| run.memory_bytes()).sum(),
            filter_bytes: self.filter().bytes(),
            chunks_bytes: chunks_bytes + open_bytes,
            disk_bytes: view.runs.iter().map(|run| run.disk_bytes()).sum(),
        }
    }

    /// Puts a filter in the place of the one before.
    pub(crate) fn set_filter(&self, mut filter: Arc<Filter>) {
        loop {
            // IMPORTANT: not in line for the lock. Readers, which is every write of the bank, stand
            // behind a writer that waits, and this one may not run for long.
            match self.filter.try_write() {
                Ok(mut current) => break mem::swap(&mut *current, &mut filter),
                Err(TryLockError::WouldBlock) => thread::yield_now(),
                Err(TryLockError::Poisoned(_)) => poisoned(),
            }
        }
        // The one before is freed here, with no lock held.
    }

    pub(crate) fn filter(&self) -> Arc<Filter> {
        match self.filter.read() {
            Ok(filter) => Arc::clone(&filter),
            Err(_) => poisoned(),
        }
    }

    /// Everything there is at this moment; `look` sees the open chunk at the same one.
    fn view(&self, look: impl FnOnce(&Chunk)) -> View<D> {
        let state = lock(&self.state);
        let mut chunks = state.chunks.clone();
        let fresh = lock(&self.fresh);
        chunks.extend(fresh.closed_behind(self.taken()).cloned());
        look(fresh.open());
        View { runs: Arc::clone(&state.runs), chunks }
    }

    /// Everything up to here is in `state`, and has left `fresh` or is about to.
    fn taken(&self) -> Seq {
        Seq::new(self.taken.load(Ordering::Acquire))
    }
}

/// A filter with all hashes of a chain.
fn filled<D: Disk>(chain: &Chain<D>, options: &Options) -> Result<Filter, HistoryError> {
    let keys_min = 2 * options.run_events.max(1) as u64;
    let keys_max = doubled(keys_min, chain.head().seq.get());
    let filter = Filter::for_keys(keys_max, options.filter_bytes_max);
    fill(&filter, &chain.runs)?;
    Ok(filter)
}

/// Locks `mutex`. A thread that panicked while it held the lock may have left half a change, and
/// serving that is worse than stopping.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        Err(_) => poisoned(),
    }
}

pub(crate) fn poisoned() -> ! {
    panic!("another thread panicked while it held this lock")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use journal::disk::SimDisk;
    use journal::{Hash, Traces};

    use super::*;

    /// Far more than a busy machine needs; reached only when the test fails.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn append(history: &History<SimDisk>, seq: u64) {
        let mut traces = Traces::default();
        traces.push(seq, 100, &[0]);
        let head = Head { seq: Seq::new(seq), at_us: seq, ..Head::default() };
        let traces = traces.slice(0, 1, Seq::new(seq));
        history.append(Group {
            head,
            seal: Hash::ZERO,
            traces,
            file_first: Seq::new(1),
            offset: 100 * seq,
        });
    }

    #[test]
    fn appending_waits_for_nothing_that_the_background_holds() {
        let options = Options { chunk_events: 2, ..Options::default() };
        let disk = Arc::new(SimDisk::new());
        let (history, _) = History::open(disk, LedgerId(1), options).unwrap();
        let (done, is_done) = channel();
        thread::scope(|scope| {
            let held = (lock(&history.worker), lock(&history.state));
            let history = &history;
            scope.spawn(move || {
                (1..=9).for_each(|seq| append(history, seq));
                done.send(()).unwrap();
            });
            let in_time = is_done.recv_timeout(PATIENCE);
            drop(held);
            assert_eq!(in_time, Ok(()), "the journal's thread waits");
        });
        // What was closed meanwhile is found at once, and is taken by the next step.
        let all: Vec<Seq> = (1..=9).map(Seq::new).collect();
        let found = || history.seqs_of_account(0, Seq::ZERO, Seq::new(9), false, 99).unwrap();
        assert_eq!(found(), all);
        history.flush(&|_| None, false).unwrap();
        assert_eq!(lock(&history.state).chunks.len(), 4);
        assert_eq!(found(), all);
    }
}
