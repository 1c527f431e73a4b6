//! The names of a simulated disk: those that calls see, those on the platter, and the operations
//! between the two, in order. One order for the data folder and `quarantine`, as both lie in one
//! filesystem with one journal.

use std::collections::BTreeMap;

use super::{PowerLoss, random::Random, survival::Survival};

/// Which file a name stands for; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(pub(super) u64);

type Entries = BTreeMap<String, FileId>;

/// An operation on names that no sync has made durable yet. It carries its file, so that it means
/// the same after an earlier one was lost.
#[derive(Debug)]
enum Change {
    Enter { name: String, file: FileId },
    Rename { from: String, to: String, file: FileId },
    Leave { name: String, file: FileId },
}

#[derive(Debug, Default)]
pub(super) struct Directory {
    cached: Entries,
    durable: Entries,
    pending: Vec<Change>,
}

impl Directory {
    pub(super) fn find(&self, name: &str) -> Option<FileId> {
        self.cached.get(name).copied()
    }

    pub(super) fn find_durable(&self, name: &str) -> Option<FileId> {
        self.durable.get(name).copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.cached.keys().map(String::as_str)
    }

    pub(super) fn durable_names(&self) -> impl Iterator<Item = &str> {
        self.durable.keys().map(String::as_str)
    }

    /// Whether a name that calls see stands for the file.
    pub(super) fn shows(&self, file: FileId) -> bool {
        self.cached.values().any(|named| *named == file)
    }

    /// Whether the file has a name, or may have one after a power cut.
    pub(super) fn may_name(&self, file: FileId) -> bool {
        let is_pending = |change: &Change| match change {
            Change::Enter { file: named, .. }
            | Change::Rename { file: named, .. }
            | Change::Leave { file: named, .. } => *named == file,
        };
        self.shows(file)
            || self.durable.values().any(|named| *named == file)
            || self.pending.iter().any(is_pending)
    }

    /// Gives a file a name.
    pub(super) fn enter(&mut self, name: &str, file: FileId) {
        self.change(Change::Enter { name: name.to_owned(), file });
    }

    /// Gives a file a name that a power cut cannot take.
    pub(super) fn enter_durably(&mut self, name: &str, file: FileId) {
        self.enter(name, file);
        self.sync();
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, file: FileId) {
        self.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), file });
    }

    pub(super) fn leave(&mut self, name: &str, file: FileId) {
        self.change(Change::Leave { name: name.to_owned(), file });
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.cached, &change);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    /// Makes some of the operations durable, in order, and forgets the others: calls go on seeing
    /// them, and the next sync has nothing to complain about.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        self.settle_prefix(random);
    }

    /// Leaves the durable names and those pending operations that chance kept.
    pub(super) fn lose_power(&mut self, random: &mut Random, mode: PowerLoss) {
        match mode {
            PowerLoss::Ordered => self.settle_prefix(random),
            PowerLoss::Strict => {
                let survival = Survival::choose(random, self.pending.len());
                for (place, change) in self.pending.drain(..).enumerate() {
                    if survival.keeps(place, random) {
                        apply(&mut self.durable, &change);
                    }
                }
            }
        }
        self.cached.clone_from(&self.durable);
    }

    fn settle_prefix(&mut self, random: &mut Random) {
        let kept = random.below(self.pending.len() + 1);
        for change in self.pending.drain(..).take(kept) {
            apply(&mut self.durable, &change);
        }
    }
}

/// A name that stands for another file by now is not taken away: that file is none of this
/// change's business.
fn apply(entries: &mut Entries, change: &Change) {
    match change {
        Change::Enter { name, file } => {
            entries.insert(name.clone(), *file);
        }
        Change::Rename { from, to, file } => {
            take_away(entries, from, *file);
            entries.insert(to.clone(), *file);
        }
        Change::Leave { name, file } => take_away(entries, name, *file),
    }
}

fn take_away(entries: &mut Entries, name: &str, file: FileId) {
    if entries.get(name) == Some(&file) {
        entries.remove(name);
    }
}
