//! One life of the server: steps that the seed chooses, until it crashes, its journal stops, or it
//! is stopped.

use std::sync::Arc;

use engine::embedded::{Checkpoint, Core, Parts};
use engine::{Outcome, Request};
use journal::disk::{Call, Fault, SimDisk};
use journal::{CheckpointError, Finished, Genesis, JournalError, Writer};
use ledger::Seq;

use crate::image::Image;
use crate::invariants::{answers, stopped};
use crate::run::{Run, Trouble};
use crate::told::Reply;
use crate::violation::{Broken, Holds};
use crate::workload::Asked;

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
    Checkpoint,
    CleanStop,
}

/// A checkpoint on its way.
enum Stage<'c> {
    Idle,
    Copying { checkpoint: Box<Checkpoint<'c, SimDisk>>, seq: Seq },
    Written { finished: Finished<SimDisk>, seq: Seq },
}

/// A step went well, or it ended this life.
type Step = Result<Option<Ending>, Broken>;

struct Life<'r, 'c> {
    run: &'r mut Run,
    core: &'c Core,
    writer: Writer<SimDisk>,
    genesis: Genesis,
    /// What the server knows to be durable: what its last commit said.
    durable: Seq,
    /// Replies that wait for it to be.
    waiting: Vec<Reply>,
    stage: Stage<'c>,
    /// How many failing calls there had been when this life began.
    faults_met: u64,
}

/// Plays one life over what was opened.
pub(crate) fn play(run: &mut Run, parts: Parts<SimDisk>) -> Result<Ending, Broken> {
    let Parts { core, writer, report, lock: _lock } = parts;
    plan_trouble(run);
    let mut life = Life::new(run, &core, writer, report.genesis, report.last);
    let ending = life.steps()?;
    life.leave();
    Ok(ending)
}

/// Plays a last life: every client asks again for what it never heard of, and the server is stopped
/// in order. A fault planned earlier may still end it: then there is one more.
pub(crate) fn settle(run: &mut Run, parts: Parts<SimDisk>) -> Result<Ending, Broken> {
    let Parts { core, writer, report, lock: _lock } = parts;
    let mut life = Life::new(run, &core, writer, report.genesis, report.last);
    while let Some(request) = life.run.workload.settle_one() {
        life.ask(request)?;
    }
    let ending = life.close()?;
    life.leave();
    Ok(ending)
}

/// Puts a crash, failing calls or a full disk somewhere on the way, as the seed chooses.
fn plan_trouble(run: &mut Run) {
    let Run { random, disk, trouble, .. } = run;
    let now = disk.operations();
    if random.happens(1, 2) {
        disk.crash_at(now + random.between(1, 150));
    }
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
        core: &'c Core,
        writer: Writer<SimDisk>,
        genesis: Genesis,
        durable: Seq,
    ) -> Self {
        run.life += 1;
        let faults_met = run.disk.faults_met();
        let (waiting, stage) = (Vec::new(), Stage::Idle);
        Self { run, core, writer, genesis, durable, waiting, stage, faults_met }
    }

    /// What the clients still wait for when the server is gone: they will ask again.
    fn leave(self) {
        self.run.stats.faults_met += self.run.disk.faults_met() - self.faults_met;
        for reply in self.waiting {
            if let Request::Write { command, tx_id, tx_id_given } = reply.request {
                self.run.workload.unanswered(Asked { command, tx_id, tx_id_given });
            }
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
                0..40 => self.batch()?,
                40..76 => self.commit()?,
                76..80 => self.seal_idle()?,
                80..98 => self.checkpoint()?,
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

    /// Some requests of some clients, one after the other.
    fn batch(&mut self) -> Step {
        let many = self.run.random.happens(1, 8);
        let most = if many { 12 } else { 2 };
        for _ in 0..self.run.random.between(1, most) {
            let Run { random, workload, bank, .. } = &mut *self.run;
            let request = workload.next(random, bank);
            self.ask(request)?;
        }
        Ok(None)
    }

    /// Executes one request, holds what came of it against the model, and answers it if it may be.
    fn ask(&mut self, request: Request<'static>) -> Holds {
        let run = &mut *self.run;
        run.stats.requests += 1;
        // A clock that is set back must not take the journal's time back.
        run.now_us += run.random.between(0, 50);
        if run.random.happens(1, 50) {
            run.now_us -= 1_000;
        }
        let outcome = self.core.execute(request.clone(), run.now_us, self.durable);
        let reply = Reply { request, outcome };
        let staged =
            answers::follow_from_the_order(&mut run.bank, &run.history, &reply, self.durable)?;
        if let Some((tx_id, event)) = staged {
            run.stage(tx_id, event);
        }
        self.waiting.push(reply);
        self.answer();
        Ok(())
    }

    /// Gives the replies that rest on nothing but what is durable.
    fn answer(&mut self) {
        let (durable, run) = (self.durable, &mut *self.run);
        for reply in self.waiting.extract_if(.., |reply| reply.rests_on() <= durable) {
            run.stats.replies += 1;
            match &reply.outcome {
                Outcome::Done { duplicate: true, .. } => run.stats.duplicates += 1,
                Outcome::Done { .. } => run.stats.acknowledged += 1,
                Outcome::Refused { seq, duplicate, .. } => {
                    run.stats.refusals += 1;
                    run.stats.acknowledged += u64::from(seq.is_some() && !duplicate);
                }
                Outcome::Conflict { .. } => run.stats.conflicts += 1,
                Outcome::Balance { .. }
                | Outcome::Balances { .. }
                | Outcome::Unavailable(_)
                | Outcome::Unknown { .. } => {}
            }
            run.told.push(reply);
        }
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
                self.durable = committed.seq_durable;
                self.answer();
                Ok((None, true))
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
            let soon = self.run.random.between(1, 45);
            self.run.disk.crash_at(self.run.disk.operations() + soon);
        }
        self.core.staging().stop();
        loop {
            match self.commit_some()? {
                (Some(ending), _) => return Ok(ending),
                (None, true) => {}
                (None, false) => break,
            }
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
        match self.writer.close() {
            Ok(()) => {
                self.run.stats.clean_stops += 1;
                Ok(Ending::Closed)
            }
            Err(error) => Ok(self.ended(Doing::CleanStop, &error)?.unwrap_or(Ending::Stopped)),
        }
    }

    fn checkpoint_ended(&mut self, doing: Doing, error: &CheckpointError) -> Step {
        match error {
            // The snapshot before still serves; production tries again later.
            CheckpointError::Write(_) if !self.run.disk.is_down() => {
                self.must_have_a_cause(&error.to_string())?;
                Ok(None)
            }
            CheckpointError::Write(_) => self.went_down(doing),
            CheckpointError::Fatal(_) if self.run.disk.is_down() => self.went_down(doing),
            CheckpointError::Fatal(error) => {
                self.core.staging().stop();
                self.stopped(error)
            }
        }
    }

    /// A call failed and the journal with it.
    fn ended(&mut self, doing: Doing, error: &JournalError) -> Step {
        if self.run.disk.is_down() {
            return self.went_down(doing);
        }
        stopped::writes_nothing_more(&mut self.writer)?;
        self.stopped(error)
    }

    fn stopped(&mut self, error: &JournalError) -> Step {
        self.must_have_a_cause(&error.to_string())?;
        stopped::takes_nothing_more(self.core, self.run.now_us, self.durable)?;
        self.run.stats.journal_stops += 1;
        self.run.stats.disks_full += u64::from(matches!(error, JournalError::DiskFull { .. }));
        Ok(Some(Ending::Stopped))
    }

    fn must_have_a_cause(&self, error: &str) -> Holds {
        let full = self.run.trouble == Trouble::FullDisk;
        if full || self.run.disk.faults_met() > self.faults_met {
            return Ok(());
        }
        Err(Broken::new("the journal stops for a failing call alone", error))
    }

    fn went_down(&mut self, doing: Doing) -> Step {
        let Run { stats, disk, .. } = &mut *self.run;
        let names = disk.names();
        let has = |name: &str| names.iter().any(|known| known == name);
        let rotating = has("transactions.log.new") || !has("transactions.log");
        *match doing {
            Doing::Commit if rotating => &mut stats.down_in_rotation,
            Doing::Commit => &mut stats.down_in_commit,
            Doing::IdleSeal => &mut stats.down_in_idle_seal,
            Doing::Checkpoint => &mut stats.down_in_checkpoint,
            Doing::CleanStop => &mut stats.down_in_clean_stop,
        } += 1;
        Ok(Some(Ending::Crashed))
    }
}
