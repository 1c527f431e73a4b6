//! From a crash to the next life: the machine comes back, the folder is opened, as often as it
//! takes, and everything is judged on what is there.

use std::sync::Arc;

use engine::embedded::{self, Parts};
use journal::disk::{PowerLoss, SimDisk};
use journal::{SNAPSHOT, SNAPSHOT_PREVIOUS};
use ledger::model::Model;

use crate::history::Surviving;
use crate::image::Image;
use crate::invariants::balances::State;
use crate::invariants::quarantine::Torn;
use crate::invariants::{
    acknowledged, balances, durable, opening, prefix, quarantine, replay, shown, snapshot, tx_ids,
    verified,
};
use crate::life::Ending;
use crate::run::{Run, Trouble};
use crate::violation::{Broken, Holds};

/// Brings the machine back after `ending` (`None`: it is new) and opens the folder.
pub(crate) fn open(run: &mut Run, ending: Option<Ending>) -> Result<Parts<SimDisk>, Broken> {
    match ending {
        Some(Ending::Crashed | Ending::Stopped) => crash(run),
        // The folder is opened again right away, or the power goes while nobody is at it.
        Some(Ending::Closed) if run.random.happens(1, 2) => crash(run),
        Some(Ending::Closed) | None => {}
    }
    // Now and then the server is started again before anybody has made room.
    let full = run.trouble == Trouble::FullDisk && run.may_trouble();
    let mut is_full = full && run.random.happens(1, 2);
    if !is_full {
        run.disk.set_capacity(None);
    }
    let mut interruptions = 0;
    loop {
        let image = Image::seen(&run.disk);
        let left = Surviving::read(&image)?;
        prefix::survives(&left, &run.history)?;
        acknowledged::survive(&left, &run.told)?;
        shown::survives(&left, &run.history, &run.told)?;
        let torn = Torn::of(&left, &image);

        if run.may_trouble() && interruptions < 4 && run.random.happens(2, 5) {
            let soon = run.random.between(1, 70);
            run.disk.crash_at(run.disk.operations() + soon);
        }
        let faults_met = run.disk.faults_met();
        let opened = embedded::open(Arc::new(run.disk.clone()), &run.options);
        if let Some(torn) = &torn {
            torn.is_kept(&Image::seen(&run.disk), &Image::durable(&run.disk))?;
        }
        match opened {
            Ok(parts) => {
                run.stats.interrupted_twice += u64::from(interruptions >= 2);
                let clean = ending == Some(Ending::Closed);
                judge(run, &left, torn.as_ref(), &parts, clean)?;
                return Ok(parts);
            }
            Err(_) if run.disk.is_down() => {
                run.stats.down_in_recovery += 1;
                interruptions += 1;
            }
            Err(error) => {
                let has_cause = is_full || run.disk.faults_met() > faults_met;
                opening::fails_for_a_cause_alone(&error, has_cause)?;
                run.stats.faults_met += run.disk.faults_met() - faults_met;
                run.stats.openings_failed += 1;
                run.disk.set_capacity(None);
                is_full = false;
            }
        }
        crash(run);
    }
}

/// The power goes, or the process dies; and the machine comes back.
fn crash(run: &mut Run) {
    let Run { random, disk, stats, .. } = run;
    let seed = random.number();
    match random.between(0, 9) {
        0..3 => {
            stats.process_crashes += 1;
            disk.process_crash();
        }
        3..8 => {
            stats.power_cuts_ordered += 1;
            disk.power_loss(seed, PowerLoss::Ordered);
        }
        _ => {
            stats.power_cuts_strict += 1;
            disk.power_loss(seed, PowerLoss::Strict);
        }
    }
}

/// Holds an opened folder against everything that is known. `left` is what the crash left of it.
fn judge(
    run: &mut Run,
    left: &Surviving<'_>,
    torn: Option<&Torn>,
    parts: &Parts<SimDisk>,
    clean: bool,
) -> Holds {
    let Parts { core, report, .. } = parts;
    note(run, left, parts);
    run.history.cut(left.last());
    let mut bank = Model::new();
    balances::feed(&mut bank, left)?;

    let state = State::of(core);
    balances::agree(&state, &bank, &run.history)?;
    balances::read_together_as_one_by_one(core, &state)?;
    tx_ids::answer_again(core, &run.history)?;

    let image = Image::durable(&run.disk);
    let served = Surviving::read(&image)?;
    durable::is_all_that_was_served(&served, left)?;
    quarantine::is_reported(torn, report, &image)?;
    snapshot::is_used(report, &run.checkpoints)?;
    if clean {
        snapshot::covers_a_clean_stop(report)?;
    }
    verified::agrees(&image, &served, &bank, &run.history)?;

    // Without a snapshot both would open the same files: one is enough.
    if report.snapshot.is_none() || run.random.happens(1, 2) {
        durable::recovers_alike(&state, &opened_apart(run, &image, |_| true)?)?;
    }
    if report.snapshot.is_some() {
        let is_journal = |name: &str| name != SNAPSHOT && name != SNAPSHOT_PREVIOUS;
        replay::of_the_journal_alone_agrees(&state, &opened_apart(run, &image, is_journal)?)?;
    }

    match report.snapshot {
        // Recovery has made its name durable, unless a failed sync had forgotten it before.
        Some((_, seq)) if run.trouble != Trouble::Faults => run.checkpoints.publish(seq),
        Some(_) | None => {}
    }
    run.bank = bank;
    Ok(())
}

/// What an engine holds that opens a copy of the files that `keeps` says yes to.
fn opened_apart(run: &Run, image: &Image, keeps: impl Fn(&str) -> bool) -> Result<State, Broken> {
    const INVARIANT: &str = "a copy of what recovery left can be opened";
    let disk = image.disk(keeps).map_err(|error| Broken::new(INVARIANT, error.to_string()))?;
    let parts = embedded::open(Arc::new(disk), &run.options)
        .map_err(|error| Broken::new(INVARIANT, error.to_string()))?;
    Ok(State::of(&parts.core))
}

fn note(run: &mut Run, left: &Surviving<'_>, parts: &Parts<SimDisk>) {
    let (stats, report) = (&mut run.stats, &parts.report);
    let told = run.told.iter().map(crate::told::Reply::rests_on).max().unwrap_or_default();
    stats.recoveries += 1;
    stats.snapshots_used += u64::from(report.snapshot.is_some());
    stats.torn_tails += u64::from(report.torn_tail.is_some());
    stats.torn_rotations += u64::from(left.survey.active_missing && !report.is_new);
    stats.events_lost += run.history.last().get() - left.last().get();
    stats.events_kept_untold += left.last().get().saturating_sub(told.get());
}
