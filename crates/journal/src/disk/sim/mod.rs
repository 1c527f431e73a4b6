//! A simulated disk, for tests: it keeps apart what reads see and what would survive, and loses,
//! tears and reorders the difference on cue. A run is a function of its seeds and its calls.
//!
//! What it promises is what a careful reading of POSIX promises, and no more:
//! * `sync_data` makes the written bytes durable, and the length as far as they need it; a length
//!   set after the last write takes `sync_all`. Neither makes a name durable.
//! * `sync_dir` makes names durable. Until then a power cut may take them back: the last ones first
//!   ([`PowerLoss::Ordered`]) or any of them ([`PowerLoss::Strict`]). A rename is whole or did not
//!   happen; where it did not, the file that had the name before still has it.
//! * Of each write that was not synced, a power cut keeps or loses each sector of 512 bytes by
//!   itself; one cut in eight tears inside a sector. A lost sector shows what was there before, or
//!   NUL where the file grew.
//! * A failed sync drops a random part of what was not durable, and the next one succeeds; but every
//!   other handle that was open on the file then is told of it once, at its next sync (fsync(2)).
//!
//! Not here: a clock, and schedules of threads. While [`SimDisk::hold_syncs`] is on, a sync blocks
//! its thread for real, and so does a read behind [`SimDisk::hold_reads`]; a schedule explorer cannot
//! see that.

mod content;
mod control;
mod directory;
mod plan;
mod random;
mod state;
mod survival;

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::io::Errno;

pub use control::PowerLoss;
pub use plan::{Call, Fault, Operation};

use super::{Disk, name, name::LOCK};
use directory::FileId;
use plan::{Asked, Fate};
use state::{Dead, State};

/// A simulated disk. A clone is a handle on the same disk, as another process has it: a crash that
/// is called on one handle leaves that handle alive and makes every other one fail, so what is left
/// over of a dead process cannot touch the disk of the next. A fresh clone of the living handle
/// belongs to the living.
#[derive(Debug)]
pub struct SimDisk {
    machine: Arc<Machine>,
    /// The life that this handle belongs to; see `State::life`.
    life: AtomicU64,
}

/// An open file of a [`SimDisk`]. After a crash every call on it fails.
#[derive(Debug)]
pub struct SimFile {
    machine: Arc<Machine>,
    life: u64,
    file: FileId,
    /// What it was called when it was opened.
    name: String,
    access: Access,
    /// How many failed syncs of the file this handle was told of, or came after.
    failures_told: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    ReadWrite,
    /// Reading and writing, and the folder's lock until it is dropped.
    Lock,
}

#[derive(Debug)]
struct Machine {
    state: Mutex<State>,
    /// Syncs or reads are no longer held, one more waits, or the machine went down.
    changed: Condvar,
}

impl Machine {
    /// A panic elsewhere has failed its test already; the others may go on.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and finds its fate. Blocks while it is held.
    fn begin(&self, life: u64, asked: &Asked<'_>) -> io::Result<(MutexGuard<'_, State>, Fate)> {
        let mut state = self.state();
        state.must_live(life)?;
        let fate = state.plan.next(asked);
        if matches!(fate, Fate::Dies) {
            state.is_down = true;
            self.changed.notify_all();
        } else if asked.call.is_sync() && state.holds_syncs {
            state = self.wait_for_release(life, state)?;
        } else if asked.call == Call::ReadAt && state.reads_to_hold > 0 {
            state = self.wait_for_reads(life, state)?;
        }
        Ok((state, fate))
    }

    fn wait_for_reads<'a>(
        &'a self,
        life: u64,
        mut state: MutexGuard<'a, State>,
    ) -> Result<MutexGuard<'a, State>, Dead> {
        let releases = state.reads_releases;
        state.reads_to_hold -= 1;
        state.reads_waiting += 1;
        self.changed.notify_all();
        let is_held =
            |state: &mut State| state.reads_releases == releases && state.must_live(life).is_ok();
        let state = self.changed.wait_while(state, is_held);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.reads_waiting -= 1;
        state.must_live(life)?;
        Ok(state)
    }

    fn wait_for_release<'a>(
        &'a self,
        life: u64,
        mut state: MutexGuard<'a, State>,
    ) -> Result<MutexGuard<'a, State>, Dead> {
        let releases = state.releases;
        state.syncs_waiting += 1;
        self.changed.notify_all();
        let is_held =
            |state: &mut State| state.releases == releases && state.must_live(life).is_ok();
        let mut state =
            self.changed.wait_while(state, is_held).unwrap_or_else(PoisonError::into_inner);
        if state.life == life {
            state.syncs_waiting -= 1;
        }
        state.must_live(life)?;
        Ok(state)
    }

    /// A call that changes nothing.
    fn look<T>(
        &self,
        life: u64,
        asked: &Asked<'_>,
        act: impl FnOnce(&mut State, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        match self.begin(life, asked)? {
            (mut state, Fate::Runs) => act(&mut state, false),
            (mut state, Fate::RunsShort) => act(&mut state, true),
            (_, Fate::Fails(error)) => Err(error),
            (_, Fate::Dies) => Err(Dead::Down.into()),
        }
    }

    /// A call that changes the cached state, or fails and changes nothing. At the crash it has
    /// happened, and nobody hears of it.
    fn change<T>(
        &self,
        life: u64,
        asked: &Asked<'_>,
        act: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        match self.begin(life, asked)? {
            (mut state, Fate::Runs | Fate::RunsShort) => act(&mut state),
            (_, Fate::Fails(error)) => Err(error),
            (mut state, Fate::Dies) => {
                drop(act(&mut state));
                Err(Dead::Down.into())
            }
        }
    }

    /// A call that makes something durable. At the crash it has not happened.
    fn sync(
        &self,
        life: u64,
        asked: &Asked<'_>,
        act: impl FnOnce(&mut State) -> io::Result<()>,
        fail: impl FnOnce(&mut State),
    ) -> io::Result<()> {
        match self.begin(life, asked)? {
            (mut state, Fate::Runs | Fate::RunsShort) => act(&mut state),
            (mut state, Fate::Fails(error)) => {
                fail(&mut state);
                Err(error)
            }
            (_, Fate::Dies) => Err(Dead::Down.into()),
        }
    }
}

impl SimDisk {
    fn life(&self) -> u64 {
        self.life.load(Ordering::Relaxed)
    }

    /// Opens a handle by a call that names a file.
    fn handle(
        &self,
        call: Call,
        name: &str,
        access: Access,
        act: impl FnOnce(&mut State) -> io::Result<FileId>,
    ) -> io::Result<SimFile> {
        name::check(name)?;
        let life = self.life();
        let opened = |state: &mut State| {
            let file = act(state)?;
            Ok((file, AtomicU64::new(state.sync_failures(file))))
        };
        let (file, failures_told) = self.machine.change(life, &Asked::of(call, name), opened)?;
        let machine = Arc::clone(&self.machine);
        Ok(SimFile { machine, life, file, name: name.to_owned(), access, failures_told })
    }
}

impl Clone for SimDisk {
    fn clone(&self) -> Self {
        Self { machine: Arc::clone(&self.machine), life: AtomicU64::new(self.life()) }
    }
}

impl SimFile {
    fn asked(&self, call: Call) -> Asked<'_> {
        Asked::of(call, &self.name)
    }

    fn sync(
        &self,
        call: Call,
        act: impl FnOnce(&mut State, FileId) -> io::Result<()>,
    ) -> io::Result<()> {
        let tell = |state: &State| {
            let failures = state.sync_failures(self.file);
            self.failures_told.swap(failures, Ordering::Relaxed) != failures
        };
        self.machine.sync(
            self.life,
            &self.asked(call),
            |state| {
                act(state, self.file)?;
                if tell(state) { Err(Errno::IO.into()) } else { Ok(()) }
            },
            |state| {
                state.fail_sync(self.file);
                tell(state);
            },
        )
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.machine.state();
        if state.life == self.life {
            state.close(self.file, self.access == Access::Lock);
        }
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn create(&self, name: &str) -> io::Result<SimFile> {
        self.handle(Call::Create, name, Access::ReadWrite, |state| state.create(name))
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        self.handle(Call::Open, name, Access::ReadWrite, |state| state.open(name))
    }

    fn open_read(&self, name: &str) -> io::Result<SimFile> {
        self.handle(Call::OpenRead, name, Access::Read, |state| state.open(name))
    }

    fn len(&self, file: &SimFile) -> io::Result<u64> {
        file.machine.look(file.life, &file.asked(Call::Len), |state, _| state.len(file.file))
    }

    fn read_at(&self, file: &SimFile, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let asked = Asked::transfer(Call::ReadAt, &file.name, offset, bytes.len());
        file.machine.look(file.life, &asked, |state, stops_early| {
            let count = if stops_early { state.short_of(bytes.len()) } else { bytes.len() };
            let (bytes, _) = bytes.split_at_mut(count);
            state.read_at(file.file, bytes, offset)
        })
    }

    fn write_at(&self, file: &SimFile, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let asked = Asked::transfer(Call::WriteAt, &file.name, offset, bytes.len());
        let (mut state, fate) = file.machine.begin(file.life, &asked)?;
        if file.access == Access::Read {
            return Err(Errno::BADF.into());
        }
        match fate {
            Fate::Runs => state.write_at(file.file, bytes, offset),
            Fate::RunsShort => {
                let (bytes, _) = bytes.split_at(state.short_of(bytes.len()));
                state.write_at(file.file, bytes, offset)
            }
            Fate::Fails(error) => Err(error),
            Fate::Dies => {
                state.write_part_at(file.file, bytes, offset);
                Err(Dead::Down.into())
            }
        }
    }

    fn set_len(&self, file: &SimFile, bytes: u64) -> io::Result<()> {
        let asked = Asked { length_bytes: bytes, ..file.asked(Call::SetLen) };
        file.machine.change(file.life, &asked, |state| {
            if file.access == Access::Read {
                return Err(Errno::INVAL.into());
            }
            state.set_len(file.file, bytes)
        })
    }

    fn sync_data(&self, file: &SimFile) -> io::Result<()> {
        file.sync(Call::SyncData, State::sync_data)
    }

    fn sync_all(&self, file: &SimFile) -> io::Result<()> {
        file.sync(Call::SyncAll, State::sync_all)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        name::check(from)?;
        name::check(to)?;
        let asked = Asked::renaming(Call::Rename, from, to);
        self.machine.change(self.life(), &asked, |state| state.rename(from, to))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        name::check(from)?;
        name::check(to)?;
        let asked = Asked::renaming(Call::Link, from, to);
        self.machine.change(self.life(), &asked, |state| state.link(from, to))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        name::check(name)?;
        let asked = Asked::of(Call::Unlink, name);
        self.machine.change(self.life(), &asked, |state| state.unlink(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.machine.look(self.life(), &Asked::of(Call::List, ""), |state, _| Ok(state.list()))
    }

    fn create_quarantine(&self) -> io::Result<()> {
        let asked = Asked::of(Call::CreateQuarantine, "");
        // Durable at once, so at the crash it has not happened.
        self.machine.look(self.life(), &asked, |state, _| {
            state.create_quarantine();
            Ok(())
        })
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.machine.sync(
            self.life(),
            &Asked::of(Call::SyncDir, ""),
            |state| {
                state.sync_dir();
                Ok(())
            },
            State::fail_sync_dir,
        )
    }

    fn lock(&self) -> io::Result<SimFile> {
        self.handle(Call::Lock, LOCK, Access::Lock, State::lock)
    }
}

#[cfg(test)]
mod tests;
