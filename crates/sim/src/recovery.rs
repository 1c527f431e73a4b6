//! From a crash to the next life: the machine comes back, the folder is opened, as often as it
//! takes, and everything is judged on what is there.

use std::sync::Arc;

use engine::embedded::{self, Core, Parts, Recaller};
use engine::{Reading, chain};
use history::Work;
use journal::disk::{PowerLoss, SimDisk};
use journal::{SNAPSHOT, SNAPSHOT_PREVIOUS};
use ledger::model::Model;

use crate::image::Image;
use crate::invariants::balances::State;
use crate::invariants::quarantine::Torn;
use crate::invariants::{
    acknowledged, balances, durable, index, one_answer, opening, prefix, quarantine, rebuilt,
    replay, shown, snapshot, tx_ids, verified,
};
use crate::life::Ending;
use crate::order::Surviving;
use crate::questions;
use crate::random::Random;
use crate::run::{Run, Trouble, new_index_disk};
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
        make_room(run);
    }
    if ending.is_some() {
        harm_index(run)?;
    }
    let mut interruptions = 0;
    loop {
        let image = Image::seen(&run.disk);
        let left = Surviving::read(&image)?;
        prefix::survives(&left, &run.order)?;
        one_answer::was_given(&left, &run.told)?;
        acknowledged::survive(&left, &run.told)?;
        shown::survives(&left, &run.order, &run.told)?;
        let torn = Torn::of(&left, &image);

        if run.may_trouble() && interruptions < 4 && run.random.happens(2, 5) {
            let of_index = run.random.happens(1, 3);
            let disk = if of_index { &run.index_disk } else { &run.disk };
            let soon = run.random.between(1, if of_index { 30 } else { 70 });
            disk.crash_at(disk.operations() + soon);
        }
        let faults_met = run.faults_met();
        let (disk, index_disk) = (run.disk.clone(), run.index_disk.clone());
        let opened = embedded::open(Arc::new(disk), Arc::new(index_disk), &run.options);
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
            Err(_) if run.is_down() => {
                run.stats.down_in_recovery += 1;
                interruptions += 1;
            }
            Err(error) => {
                let has_cause = is_full || run.faults_met() > faults_met;
                opening::fails_for_a_cause_alone(&error, has_cause)?;
                run.stats.faults_met += run.faults_met() - faults_met;
                run.stats.openings_failed += 1;
                make_room(run);
                is_full = false;
            }
        }
        crash(run);
    }
}

fn make_room(run: &Run) {
    run.disk.set_capacity(None);
    run.index_disk.set_capacity(None);
}

/// The power goes, or the process dies; and the machine comes back with both its disks.
fn crash(run: &mut Run) {
    let Run { random, disk, index_disk, stats, .. } = run;
    let (seed, index_seed) = (random.number(), random.number());
    let mode = match random.between(0, 9) {
        0..3 => {
            stats.process_crashes += 1;
            disk.process_crash();
            index_disk.process_crash();
            return;
        }
        3..8 => {
            stats.power_cuts_ordered += 1;
            PowerLoss::Ordered
        }
        _ => {
            stats.power_cuts_strict += 1;
            PowerLoss::Strict
        }
    };
    disk.power_loss(seed, mode);
    index_disk.power_loss(index_seed, mode);
}

/// While the server is down its index is taken away, or one of its files is cut or rots: it is
/// derived from the journal, so nothing is lost.
fn harm_index(run: &mut Run) -> Holds {
    const INVARIANT: &str = "an index on a disk can be harmed";
    let Run { random, options, index_disk, stats, .. } = run;
    let harm = random.between(0, 23);
    // Not the key: without it and without runs, the next one would not follow from the seed.
    let names: Vec<String> =
        index_disk.names().into_iter().filter(|name| name.starts_with("run.")).collect();
    if harm > 2 || names.is_empty() {
        return Ok(());
    }
    if harm == 0 {
        stats.index_wiped += 1;
        *index_disk = new_index_disk(random, options);
        return Ok(());
    }
    let name = random.pick(&names).cloned().unwrap_or_default();
    let bytes = index_disk.cached_bytes(&name).unwrap_or_default();
    let Some(last) = bytes.len().checked_sub(1) else { return Ok(()) };
    let at = random.between(0, last as u64);
    let harmed = if harm == 1 {
        let kept = usize::try_from(at).ok().and_then(|at| bytes.get(..at)).unwrap_or_default();
        index_disk.set_file(&name, kept)
    } else {
        let bit = u8::try_from(random.between(0, 7)).unwrap_or(0);
        index_disk.flip_bit(&name, at, bit)
    };
    stats.index_damaged += 1;
    run.index_harmed.push(name);
    harmed.map_err(|error| Broken::new(INVARIANT, error.to_string()))
}

/// The harm is gone with the file, which an opening has dropped, or a merge replaced; and only once
/// no power cut can bring it back.
fn forget_harm(run: &mut Run) {
    let Run { index_disk, index_harmed, .. } = run;
    let (seen, durable) = (index_disk.names(), index_disk.durable_names());
    index_harmed.retain(|harmed| seen.contains(harmed) || durable.contains(harmed));
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
    run.order.cut(left.last());
    let mut bank = Model::new();
    balances::feed(&mut bank, left)?;

    let state = State::of(core);
    balances::agree(&state, &bank, &run.order)?;
    balances::read_together_as_one_by_one(core, &state)?;
    let recaller = parts.recaller(Arc::new(run.disk.clone()));
    let dropped_count = parts.index_report.dropped_count;
    // A sync of the folder that failed may have forgotten the name of a run.
    if run.trouble != Trouble::Faults {
        index::drops_nothing(dropped_count, !run.index_harmed.is_empty())?;
    }
    forget_harm(run);
    let readings =
        run.in_peace(|| read_all(run, core, &recaller, &bank, !run.index_harmed.is_empty()))?;
    if readings.is_some() {
        let mut random = Random::new(run.random.number());
        run.in_peace(|| tx_ids::answer_again(core, &recaller, &run.order, &mut random))?;
    }

    let image = Image::durable(&run.disk);
    let served = Surviving::read(&image)?;
    durable::is_all_that_was_served(&served, left)?;
    quarantine::is_reported(torn, report, &image)?;
    snapshot::is_used(report, &run.checkpoints)?;
    if clean {
        snapshot::covers_a_clean_stop(report)?;
    }
    verified::agrees(&image, &served, &bank, &run.order)?;

    // Opening twice more is what a run spends most of its time on.
    if run.random.happens(1, 4) {
        let index_image = Image::durable(&run.index_disk);
        let again = opened_apart(run, &image, |_| true, &index_image)?;
        durable::recovers_alike(&state, &State::of(&again.parts.core))?;
    }
    if run.random.happens(1, if report.snapshot.is_some() { 2 } else { 4 }) {
        let is_journal = |name: &str| name != SNAPSHOT && name != SNAPSHOT_PREVIOUS;
        let anew = opened_apart(run, &image, is_journal, &Image::default())?;
        replay::of_the_journal_alone_agrees(&state, &State::of(&anew.parts.core))?;
        if let Some(readings) = readings {
            rebuilt::answers_alike(&readings, &anew.read_all(run, &bank)?)?;
        }
    }

    match report.snapshot {
        // Recovery has made its name durable, unless a failed sync had forgotten it before.
        Some((_, seq)) if run.trouble != Trouble::Faults => run.checkpoints.publish(seq),
        Some(_) | None => {}
    }
    run.bank = bank;
    Ok(())
}

/// What the engine answers to all questions; each is the naive bank's answer. `None` when the index
/// is damaged, which `may_be_damaged` allows.
fn read_all(
    run: &Run,
    core: &Core<SimDisk>,
    recaller: &Recaller<SimDisk>,
    bank: &Model,
    may_be_damaged: bool,
) -> Result<Option<Vec<Reading>>, Broken> {
    let mut readings = Vec::new();
    for query in questions::all(&run.order) {
        let reading = index::answer(core, recaller, &query, run.now_us, may_be_damaged)?;
        let Some(reading) = reading else { return Ok(None) };
        index::answers_as(bank, &query, &reading, run.now_us)?;
        readings.push(reading);
    }
    Ok(Some(readings))
}

/// An engine on disks of its own.
struct Apart {
    disk: SimDisk,
    parts: Parts<SimDisk>,
}

impl Apart {
    /// What it answers to all questions, once everything is in runs.
    fn read_all(&self, run: &Run, bank: &Model) -> Result<Vec<Reading>, Broken> {
        const INVARIANT: &str = "an index can be built anew";
        let Parts { core, history, .. } = &self.parts;
        let name_of = |number| core.name_of(number).map(str::to_owned);
        let work = || history.work(&name_of, true);
        while work().map_err(|error| Broken::new(INVARIANT, chain(&error)))? != Work::Idle {}
        let recaller = self.parts.recaller(Arc::new(self.disk.clone()));
        Ok(read_all(run, core, &recaller, bank, false)?.unwrap_or_default())
    }
}

/// An engine that opens a copy of the files that `keeps` says yes to, beside an index with the files
/// of `index_image`.
fn opened_apart(
    run: &Run,
    image: &Image,
    keeps: impl Fn(&str) -> bool,
    index_image: &Image,
) -> Result<Apart, Broken> {
    const INVARIANT: &str = "a copy of what recovery left can be opened";
    let copied = |image: &Image, keeps: &dyn Fn(&str) -> bool| {
        image.disk(keeps).map_err(|error| Broken::new(INVARIANT, error.to_string()))
    };
    let (disk, index_disk) = (copied(image, &keeps)?, copied(index_image, &|_| true)?);
    let parts = embedded::open(Arc::new(disk.clone()), Arc::new(index_disk), &run.options)
        .map_err(|error| Broken::new(INVARIANT, chain(&error)))?;
    Ok(Apart { disk, parts })
}

fn note(run: &mut Run, left: &Surviving<'_>, parts: &Parts<SimDisk>) {
    let (stats, report) = (&mut run.stats, &parts.report);
    let told = run.told.iter().map(crate::told::Reply::rests_on).max().unwrap_or_default();
    stats.recoveries += 1;
    stats.snapshots_used += u64::from(report.snapshot.is_some());
    stats.index_dropped += parts.index_report.dropped_count as u64;
    stats.torn_tails += u64::from(report.torn_tail.is_some());
    stats.torn_rotations += u64::from(left.survey.active_missing && !report.is_new);
    stats.events_lost += run.order.last().get() - left.last().get();
    stats.events_kept_untold += left.last().get().saturating_sub(told.get());
}
