//! One thread appends, one works, and others look up, all at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use history::Options;
use journal::disk::SimDisk;
use ledger::Seq;

use crate::against_naive::{TINY, open};
use crate::journal_like::History;
use crate::random::Random;

#[test]
fn a_look_up_finds_each_event_once_while_chunks_become_runs_and_runs_are_merged() {
    let history = History::random(&mut Random(21), 6_000, 5);
    let changed: Vec<u64> = (1..)
        .zip(&history.events)
        .filter(|(_, event)| event.accounts.contains(&0))
        .map(|(seq, _)| seq)
        .collect();
    let options = Options { chunk_events: 8, run_events: 64, ..TINY };
    let (index, _) = open(&Arc::new(SimDisk::new()), options);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while history.append(&index, 1) {}
            is_done.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !is_done.load(Ordering::Acquire) {
                index.work(&|number| history.name_of(number), false).unwrap();
            }
        });
        for newest_first in [false, true] {
            let (index, is_done, changed) = (&index, &is_done, &changed);
            scope.spawn(move || {
                while !is_done.load(Ordering::Acquire) {
                    let to = index.appended().seq;
                    let from = Seq::new(to.get().saturating_sub(300));
                    let found = index.seqs_of_account(0, from, to, newest_first, 1_000).unwrap();
                    let mut found: Vec<u64> = found.iter().map(|seq| seq.get()).collect();
                    if newest_first {
                        found.reverse();
                    }
                    let is_asked = |seq: &u64| (from.get()..=to.get()).contains(seq);
                    let expected: Vec<u64> = changed.iter().copied().filter(is_asked).collect();
                    assert_eq!(found, expected, "{from} to {to}");
                    assert!(index.place_of(to).unwrap().is_some() || to == Seq::ZERO);
                }
            });
        }
    });
}
