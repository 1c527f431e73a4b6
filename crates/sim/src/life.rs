//! One life of the server: steps that the seed chooses, until it crashes, its journal stops, or it
//! is stopped.

mod asking;
mod ending;
mod indexing;

use std::sync::Arc;

use engine::Request;
use engine::embedded::{Checkpoint, Core, Parts, Recall, Recaller};
use history::{Group, History};
use journal::disk::{Call, Fault, SimDisk};
use journal::{Ahead, CheckpointError, Committed, Finished, Genesis, Writer};
use ledger::Seq;

use crate::image::Image;
use crate::invariants::stopped;
use crate::run::{Run, Trouble};
use crate::told::Reply;
use crate::violation::Broken;

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The machine went down, or is about to.
    Crashed,
    /// The journal stopped after a failed call, and the process ends itself.
    Stopped,
    /// In order.
    Closed,
}

/// What the server was at when the machine went down.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Commit,
    IdleSeal,
    Padding,
    Checkpoint,
    Index,
    Reading,
    CleanStop,
}

/// A checkpoint on its way.
enum Stage<'c> {
    Idle,
    Copying { checkpoint: Box<Checkpoint<'c, SimDisk>>, seq: Seq },
    Written { finished: Finished<SimDisk>, seq: Seq },
}

/// So often everybody asks again for what went unanswered, in the last life. Of the failing calls
/// that are left each spoils one round at most.
const SETTLING_ROUNDS: u32 = 100;

/// A step went well, or it ended this life.
type Step = Result<Option<Ending>, Broken>;

struct Life<'r, 'c> {
    run: &'r mut Run,
    core: &'c Core<SimDisk>,
    writer: Writer<SimDisk>,
    /// The helper that pads ahead, which not every life has.
    ahead: Option<Ahead<SimDisk>>,
    index: Arc<History<SimDisk>>,
    recaller: Recaller<SimDisk>,
    /// Failures to write the index since the last run was written.
    index_failures: u32,
    /// Whether a merge of runs failed.
    merge_failed: bool,
    genesis: Genesis,
    /// What the server knows to be durable: what its last commit said.
    durable: Seq,
    /// Replies that wait for it to be.
    waiting: Vec<Reply>,
    /// Requests that must recall, and may once that is durable.
    recalling: Vec<(Request<'static>, Recall)>,
    stage: Stage<'c>,
    /// How many failing calls there had been when this life began.
    faults_met: u64,
}

/// Plays one life over what was opened.
pub(crate) fn play(run: &mut Run, parts: Parts<SimDisk>) -> Result<Ending, Broken> {
    plan_trouble(run);
    let recaller = parts.recaller(Arc::new(run.disk.clone()));
    let Parts { core, writer, history, report, index_report: _, lock: _lock } = parts;
    let mut life = Life::new(run, &core, writer, history, recaller, report.genesis, report.last);
    let ending = life.steps()?;
    life.leave();
    Ok(ending)
}

/// Plays a last life: every client asks again for what it never heard of, and the server is stopped
/// in order. A fault planned earlier may still end it: then there is one more.
pub(crate) fn settle(run: &mut Run, parts: Parts<SimDisk>) -> Result<Ending, Broken> {
    let recaller = parts.recaller(Arc::new(run.disk.clone()));
    let Parts { core, writer, history, report, index_report: _, lock: _lock } = parts;
    let mut life = Life::new(run, &core, writer, history, recaller, report.genesis, report.last);
    let ending = life.settle()?;
    life.leave();
    Ok(ending)
}

/// Puts a crash, failing calls or a full disk somewhere on the way, as the seed chooses.
fn plan_trouble(run: &mut Run) {
    let Run { random, trouble, .. } = run;
    match random.between(0, 7) {
        0..3 => run.disk.crash_at(run.disk.operations() + random.between(1, 150)),
        3 => run.index_disk.crash_at(run.index_disk.operations() + random.between(1, 100)),
        _ => {}
    }
    let is_of_index = random.happens(1, 3);
    let disk = if is_of_index { &run.index_disk } else { &run.disk };
    let now = disk.operations();
    match trouble {
        Trouble::Crashes => {}
        Trouble::Faults => {
            let faults = [
                Fault::Io,
                Fault::Io,
                Fault::Io,
                Fault::NoSpace,
                Fault::Interrupted,
                Fault::TooManyFiles,
                Fault::Short,
            ];
            let fault = random.pick(&faults).copied().unwrap_or(Fault::Io);
            if random.happens(1, 2) {
                let syncs = [Call::SyncData, Call::SyncAll, Call::SyncDir];
                let call = random.pick(&syncs).copied().unwrap_or(Call::SyncData);
                let number = disk.operations_of(call) + random.between(1, 8);
                disk.fail_call_at(call, number, fault);
            } else {
                disk.fail_at(now + random.between(1, 80), fault);
            }
        }
        Trouble::FullDisk => {
            let bytes: usize = Image::seen(disk).files().map(|(_, bytes)| bytes.len()).sum();
            disk.set_capacity(Some(bytes as u64 + random.between(0, 12_000)));
        }
    }
}

impl<'r, 'c> Life<'r, 'c> {
    fn new(
        run: &'r mut Run,
        core: &'c Core<SimDisk>,
        writer: Writer<SimDisk>,
        index: Arc<History<SimDisk>>,
        recaller: Recaller<SimDisk>,
        genesis: Genesis,
        durable: Seq,
    ) -> Self {
        run.life += 1;
        let faults_met = run.faults_met();
        let ahead = run.random.happens(1, 2).then(|| writer.ahead());
        Self {
            run,
            core,
            writer,
            ahead,
            index,
            recaller,
            index_failures: 0,
            merge_failed: false,
            genesis,
            durable,
            waiting: Vec::new(),
            recalling: Vec::new(),
            stage: Stage::Idle,
            faults_met,
        }
    }

    /// What the clients still wait for when the server is gone: they will ask again.
    fn leave(self) {
        self.run.stats.faults_met += self.run.faults_met() - self.faults_met;
        let waiting = self.waiting.into_iter().map(|reply| reply.request);
        let recalling = self.recalling.into_iter().map(|(request, _)| request);
        for request in waiting.chain(recalling) {
            self.run.workload.unanswered(request);
        }
    }

    fn steps(&mut self) -> Result<Ending, Broken> {
        loop {
            if self.run.step == self.run.steps {
                return self.close();
            }
            self.run.step += 1;
            self.run.stats.steps += 1;
            let ending = match self.run.random.between(0, 99) {
                0..36 => self.batch()?,
                36..66 => self.commit()?,
                66..69 => self.seal_idle()?,
                69..73 => self.pad_ahead()?,
                73..83 => self.index_step(false)?,
                83..86 => self.reading()?,
                86..98 => self.checkpoint()?,
                98 => {
                    self.run.stats.down_between_steps += 1;
                    Some(Ending::Crashed)
                }
                _ => return self.close(),
            };
            if let Some(ending) = ending {
                return Ok(ending);
            }
        }
    }

    /// Every client asks again for what it never heard of; then the server is stopped in order.
    fn settle(&mut self) -> Result<Ending, Broken> {
        for _ in 0..SETTLING_ROUNDS {
            while let Some(request) = self.run.workload.settle_one() {
                if let Some(ending) = self.ask(request)? {
                    return Ok(ending);
                }
            }
            loop {
                match self.commit_some()? {
                    (Some(ending), _) => return Ok(ending),
                    (None, true) => {}
                    (None, false) => break,
                }
            }
            if let Some(ending) = self.recall_rest()? {
                return Ok(ending);
            }
            if self.run.workload.is_settled() {
                return self.close();
            }
        }
        let found = format!("{SETTLING_ROUNDS} rounds were not enough");
        Err(Broken::new("a client that asks again and again is answered", found))
    }

    /// Some requests of some clients, one after the other.
    fn batch(&mut self) -> Step {
        if self.index.lag_events() > self.run.options.index_lag_events_max {
            // Clients wait until the index has caught up.
            return self.index_step(false);
        }
        let many = self.run.random.happens(1, 8);
        let most = if many { 12 } else { 2 };
        for _ in 0..self.run.random.between(1, most) {
            let Run { random, workload, bank, now_us, .. } = &mut *self.run;
            let request = workload.next(random, bank, *now_us);
            if let Some(ending) = self.ask(request)? {
                return Ok(Some(ending));
            }
        }
        Ok(None)
    }

    /// Commits one group and answers whom it answers; now and then it is the last of this life.
    fn commit(&mut self) -> Step {
        if self.run.random.happens(1, 15) {
            // A plain group is a write and a sync; with padding and rotation there are more.
            let calls = if self.run.random.happens(1, 4) { 16 } else { 2 };
            let call = self.run.disk.operations() + self.run.random.between(1, calls);
            self.run.disk.crash_at(call);
        }
        self.commit_some().map(|(ending, _)| ending)
    }

    /// Commits one group; also says whether there was one.
    fn commit_some(&mut self) -> Result<(Option<Ending>, bool), Broken> {
        let renames = self.run.disk.operations_of(Call::Rename);
        let committed = self.writer.commit();
        // A rotation renames twice.
        let renamed = self.run.disk.operations_of(Call::Rename) - renames;
        self.run.stats.rotations += u64::from(committed.is_ok() && renamed == 2);
        match committed {
            Ok(None) => Ok((None, false)),
            Ok(Some(committed)) => {
                self.run.stats.commits += 1;
                self.durable = committed.head.seq;
                let Committed { head, seal, traces, file_first, offset, .. } = committed;
                self.index.append(Group { head, seal, traces, file_first, offset });
                self.answer();
                Ok((self.recall_due()?, true))
            }
            Err(error) => Ok((self.ended(Doing::Commit, &error)?, false)),
        }
    }

    fn seal_idle(&mut self) -> Step {
        match self.writer.seal_idle() {
            Ok(_) => Ok(None),
            Err(error) => self.ended(Doing::IdleSeal, &error),
        }
    }

    /// A step of the helper. What failed in it is the writer's to report.
    fn pad_ahead(&mut self) -> Step {
        if let Some(ahead) = &mut self.ahead {
            ahead.step();
        }
        if self.run.is_down() { self.went_down(Doing::Padding) } else { Ok(None) }
    }

    /// The next step of the checkpoint under way, or the first of a new one.
    fn checkpoint(&mut self) -> Step {
        match self.checkpoint_step() {
            Ok(()) => Ok(None),
            Err(error) => self.checkpoint_ended(Doing::Checkpoint, &error),
        }
    }

    fn checkpoint_step(&mut self) -> Result<(), CheckpointError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => {
                let position = self.writer.position().get();
                let disk = Arc::new(self.run.disk.clone());
                let plants = self.run.options.plants;
                let now_us = self.run.now_us;
                let checkpoint =
                    Checkpoint::begin(self.core, disk, &self.genesis, position, now_us, plants)?;
                Stage::Copying { checkpoint: Box::new(checkpoint), seq: position.seq }
            }
            Stage::Copying { mut checkpoint, seq } => {
                let count = usize::try_from(self.run.random.between(1, 8)).unwrap_or(1);
                if checkpoint.copy(count)? {
                    Stage::Copying { checkpoint, seq }
                } else {
                    Stage::Written { finished: checkpoint.finish()?, seq }
                }
            }
            Stage::Written { finished, seq } if finished.seq_max <= self.durable => {
                self.run.checkpoints.attempt(seq);
                finished.publish()?;
                self.run.checkpoints.publish(seq);
                self.run.stats.checkpoints += 1;
                Stage::Idle
            }
            waits @ Stage::Written { .. } => waits,
        };
        Ok(())
    }

    /// Stops in the order of a clean stop: takes nothing more, commits what is staged, makes a last
    /// checkpoint, closes the journal.
    fn close(&mut self) -> Result<Ending, Broken> {
        if self.run.step < self.run.steps && self.run.random.happens(1, 2) {
            let of_index = self.run.random.happens(1, 3);
            let disk = if of_index { &self.run.index_disk } else { &self.run.disk };
            let soon = self.run.random.between(1, if of_index { 25 } else { 45 });
            disk.crash_at(disk.operations() + soon);
        }
        self.core.staging().stop();
        loop {
            match self.commit_some()? {
                (Some(ending), _) => return Ok(ending),
                (None, true) => {}
                (None, false) => break,
            }
        }
        // Everything is durable now, so whoever must recall may; nothing new is taken any more.
        if let Some(ending) = self.recall_rest()? {
            return Ok(ending);
        }
        stopped::answers_all(&self.waiting)?;
        // One that was under way is given up for one of exactly the end.
        self.stage = Stage::Idle;
        let published = self.run.stats.checkpoints;
        while self.run.stats.checkpoints == published {
            if let Err(error) = self.checkpoint_step() {
                if let Some(ending) = self.checkpoint_ended(Doing::CleanStop, &error)? {
                    return Ok(ending);
                }
                break;
            }
        }
        if let Err(error) = self.writer.close() {
            return Ok(self.ended(Doing::CleanStop, &error)?.unwrap_or(Ending::Stopped));
        }
        if let Some(ending) = self.finish_index()? {
            return Ok(ending);
        }
        self.run.stats.clean_stops += 1;
        Ok(Ending::Closed)
    }
}
