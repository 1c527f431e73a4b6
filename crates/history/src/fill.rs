//! Fills the filter from the ids of runs: at the start, and when a larger one takes its place.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use journal::disk::Disk;

use crate::error::HistoryError;
use crate::filter::Filter;
use crate::run::Run;
use crate::stream::EntryStream;

/// Pages of ids per thread at least: below that, starting a thread costs more than it saves, and
/// a simulation keeps its one order of calls to the disk.
const PAGES_PER_THREAD: u64 = 4_096;

/// Inserts every hash of `runs`, on as many cores as there are. Each thread has a range of hashes
/// of its own, so that no two write to the same block.
pub(crate) fn fill<D: Disk>(filter: &Filter, runs: &[Arc<Run<D>>]) -> Result<(), HistoryError> {
    let pages: u64 = runs.iter().map(|run| run.footer().sections.ids.pages).sum();
    let threads_max = usize::try_from(pages / PAGES_PER_THREAD).unwrap_or(usize::MAX).max(1);
    if threads_max == 1 {
        return fill_part(filter, runs, 0, 1);
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(threads_max);
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| scope.spawn(move || fill_part(filter, runs, part, threads)))
            .collect();
        parts.into_iter().try_for_each(|part| match part.join() {
            Ok(filled) => filled,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

fn fill_part<D: Disk>(
    filter: &Filter,
    runs: &[Arc<Run<D>>],
    part: usize,
    parts: usize,
) -> Result<(), HistoryError> {
    let blocks = filter.part(part, parts);
    let lowest = filter.lowest_hash(blocks.start);
    for run in runs {
        let section = run.footer().sections.ids;
        let mut ids = EntryStream::<crate::entry::Id, D>::from_page(
            run,
            section,
            run.id_page(lowest) as u64,
            0,
        )?;
        loop {
            for id in ids.page() {
                if blocks.contains(&filter.block(id.hash)) {
                    filter.insert(id.hash);
                }
            }
            let is_behind = ids.page().last().is_none_or(|id| filter.block(id.hash) >= blocks.end);
            if is_behind || !ids.next_page()? {
                break;
            }
        }
    }
    Ok(())
}
