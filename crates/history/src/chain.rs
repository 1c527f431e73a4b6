//! Which of the files in the folder are the index, and what becomes of the others.
//!
//! There is no list of runs but the folder's own. The index is the chain of the widest whole runs
//! from seq 1 on. What a merged run covers was its part, and goes; what is not whole goes; what
//! stands behind a gap goes as well, for the caller appends the journal from the end of the chain.

use std::io;
use std::sync::Arc;

use journal::disk::Disk;
use journal::{Hash, Head, LedgerId};

use crate::folder::{is_ours, span_of};
use crate::page::Span;
use crate::run::Run;

/// The runs of the index, oldest first.
pub(crate) struct Chain<D: Disk> {
    pub(crate) runs: Vec<Arc<Run<D>>>,
    /// Runs that were not whole, not of this index, or behind a gap.
    pub(crate) dropped_count: usize,
}

/// Opens the chain in the folder of `disk` and removes everything else of ours.
pub(crate) fn open<D: Disk>(disk: &Arc<D>, ledger: LedgerId) -> io::Result<Chain<D>> {
    let names = disk.list()?;
    let mut spans: Vec<Span> = names.iter().filter_map(|name| span_of(name)).collect();
    // By first seq, the widest first.
    spans.sort_unstable_by_key(|span| (span.first, std::cmp::Reverse(span.last)));
    let mut runs: Vec<Arc<Run<D>>> = Vec::new();
    let mut dropped_count = 0;
    for span in spans {
        let (head, key) = runs
            .last()
            .map_or((Head::default(), None), |run| (run.footer().head, Some(run.footer().key)));
        if span.last <= head.seq {
            continue;
        }
        let opened = if span.first == head.seq.next() {
            Run::open(disk, span, ledger)?.filter(|run| {
                let footer = run.footer();
                footer.before == head && key.is_none_or(|key| footer.key == key)
            })
        } else {
            None
        };
        match opened {
            Some(run) => runs.push(Arc::new(run)),
            None => dropped_count += 1,
        }
    }
    let mut removed = false;
    for name in names.iter().filter(|name| is_ours(name)) {
        if !runs.iter().any(|run| run.name() == name) {
            disk.unlink(name)?;
            removed = true;
        }
    }
    if removed {
        disk.sync_dir()?;
    }
    Ok(Chain { runs, dropped_count })
}

impl<D: Disk> Chain<D> {
    /// Removes the first damaged run and all behind it.
    pub(crate) fn cut_damaged(&mut self, disk: &D) -> io::Result<()> {
        let whole = self.runs.iter().take_while(|run| !run.is_damaged()).count();
        for run in self.runs.split_off(whole) {
            disk.unlink(run.name())?;
            self.dropped_count += 1;
        }
        disk.sync_dir()
    }

    /// The seal of the group with which the chain ends; `None` when it is empty.
    pub(crate) fn seal(&self) -> Option<Hash> {
        self.runs.last().map(|run| run.footer().seal)
    }

    /// The journal after the last event of the chain.
    pub(crate) fn head(&self) -> Head {
        self.runs.last().map_or(Head::default(), |run| run.footer().head)
    }
}
