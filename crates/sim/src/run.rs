//! One run: lives of the server, one after the other, on one machine with two disks.

use engine::embedded::Options;
use journal::disk::SimDisk;
use ledger::model::Model;
use ledger::{By, Event, TxId};

use crate::checkpoints::Checkpoints;
use crate::config::Config;
use crate::life::Ending;
use crate::order::{History, Staged};
use crate::random::Random;
use crate::stats::Stats;
use crate::told::Reply;
use crate::violation::{Broken, Violation};
use crate::workload::Workload;
use crate::{life, recovery};

/// What a run meets besides crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Crashes alone.
    Crashes,
    /// Calls of the disk that fail.
    Faults,
    /// A disk that fills up.
    FullDisk,
}

/// What a run knows, apart from the server that lives at the moment.
pub(crate) struct Run {
    pub(crate) random: Random,
    pub(crate) options: Options,
    pub(crate) trouble: Trouble,
    pub(crate) disk: SimDisk,
    /// The disk of the index, in the same machine.
    pub(crate) index_disk: SimDisk,
    pub(crate) workload: Workload,
    /// Files of the index that were harmed while the server was down: reading them may fail.
    pub(crate) index_harmed: Vec<String>,
    /// Everything staged so far that no crash took.
    pub(crate) order: History,
    /// What the bank must hold after `order`.
    pub(crate) bank: Model,
    /// Every reply that was given.
    pub(crate) told: Vec<Reply>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) stats: Stats,
    pub(crate) life: u64,
    pub(crate) step: u64,
    pub(crate) steps: u64,
    /// What the server's clock says, in microseconds since the Unix epoch. It goes back at times.
    pub(crate) now_us: u64,
}

/// Runs one seed. Errors: the first promise that was broken.
pub fn run(seed: u64, config: Config) -> Result<Stats, Violation> {
    let mut run = Run::new(seed, config);
    match run.play() {
        Ok(()) => Ok(run.stats),
        Err(Broken { invariant, found }) => {
            Err(Violation { seed, life: run.life, step: run.step, invariant, found })
        }
    }
}

/// An empty disk for an index, whose hashes follow from the seed.
pub(crate) fn new_index_disk(random: &mut Random, options: &Options) -> SimDisk {
    let disk = SimDisk::seeded(random.number());
    let fixed = history::fix_key(&disk, options.genesis_if_new.ledger, random.number());
    fixed.unwrap_or_else(|error| unreachable!("nothing is planned on this disk yet: {error}"));
    disk
}

impl Run {
    fn new(seed: u64, config: Config) -> Self {
        let mut random = Random::new(seed);
        let options = config.options(&mut random);
        let trouble = match random.between(0, 9) {
            0..6 => Trouble::Crashes,
            6..9 => Trouble::Faults,
            _ => Trouble::FullDisk,
        };
        let disk = SimDisk::seeded(random.number());
        let index_disk = new_index_disk(&mut random, &options);
        Self {
            random,
            options,
            trouble,
            disk,
            index_disk,
            index_harmed: Vec::new(),
            workload: Workload::default(),
            order: History::default(),
            bank: Model::new(),
            told: Vec::new(),
            checkpoints: Checkpoints::default(),
            stats: Stats { runs: 1, ..Stats::default() },
            life: 0,
            step: 0,
            steps: config.steps,
            now_us: 1_764_000_000_000_000,
        }
    }

    fn play(&mut self) -> Result<(), Broken> {
        let mut parts = recovery::open(self, None)?;
        while self.step < self.steps {
            let ending = life::play(self, parts)?;
            parts = recovery::open(self, Some(ending))?;
        }
        loop {
            let ending = life::settle(self, parts)?;
            parts = recovery::open(self, Some(ending))?;
            if ending == Ending::Closed {
                return Ok(());
            }
        }
    }

    /// Whether new trouble may be made: not once the run comes to its end.
    pub(crate) fn may_trouble(&self) -> bool {
        self.step < self.steps
    }

    /// Whether either disk has reached a planned crash: then the machine is down.
    pub(crate) fn is_down(&self) -> bool {
        self.disk.is_down() || self.index_disk.is_down()
    }

    /// How many failing calls both disks have met.
    pub(crate) fn faults_met(&self) -> u64 {
        self.disk.faults_met() + self.index_disk.faults_met()
    }

    /// Looks at what is there through the code under test; nothing planned happens meanwhile.
    pub(crate) fn in_peace<T>(&self, look: impl FnOnce() -> T) -> T {
        for disk in [&self.disk, &self.index_disk] {
            disk.pause_plans(true);
        }
        let seen = look();
        for disk in [&self.disk, &self.index_disk] {
            disk.pause_plans(false);
        }
        seen
    }

    /// Notes an event that the engine staged.
    pub(crate) fn stage(
        &mut self,
        tx_id: TxId<'static>,
        by: Option<By<'static>>,
        event: Event<'static>,
    ) {
        let at_us = self.now_us.max(self.order.at_us_last());
        self.order.push(Staged { tx_id, by, event, at_us });
    }
}
