//! The sweep is not deaf: each planted fault is caught within a stated number of seeds, and the
//! same seeds pass when nothing is planted.

use journal::{Planted, Plants};
use sim::{Config, sweep};

/// A fault is caught within so many seeds from 0 on. A rise is a regression of the simulation.
fn is_caught_within(fault: Planted, seeds: u64) {
    let planted = Config { plants: Plants::with(fault), ..Config::default() };
    // One thread: the first seed that catches it is then the lowest.
    let Err(caught) = sweep(0..seeds, 1, planted, |_| {}) else {
        panic!("{fault:?} went unnoticed for {seeds} seeds");
    };
    println!("{fault:?} is caught by seed {}: {caught}", caught.seed());
    if let Err(caught) = sweep(0..caught.seed() + 1, 1, Config::default(), |_| {}) {
        panic!("without {fault:?}: {caught}");
    }
}

#[test]
fn an_answer_before_its_sync_is_caught() {
    is_caught_within(Planted::NoSync, 20);
}

#[test]
fn a_rename_without_a_sync_of_the_folder_is_caught() {
    is_caught_within(Planted::NoFolderSync, 100);
}

#[test]
fn a_seal_that_nobody_checks_is_caught() {
    is_caught_within(Planted::SealUnchecked, 1_000);
}

#[test]
fn a_snapshot_published_before_its_sync_is_caught() {
    is_caught_within(Planted::SnapshotBeforeSync, 200);
}

#[test]
fn tx_ids_forgotten_at_a_restart_are_caught() {
    is_caught_within(Planted::IdsForgotten, 20);
}

#[test]
fn a_recent_tx_id_forgotten_before_the_index_holds_it_is_caught() {
    is_caught_within(Planted::EvictedEarly, 20);
}

#[test]
fn a_void_that_is_not_staged_is_caught() {
    is_caught_within(Planted::VoidNotStaged, 20);
}

#[test]
fn a_run_of_the_index_published_before_its_sync_is_caught() {
    is_caught_within(Planted::RunBeforeSync, 100);
}
