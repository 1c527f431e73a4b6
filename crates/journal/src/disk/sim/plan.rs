//! The calls of a simulated disk, counted, and what is planned to happen at some of them.

use std::{collections::BTreeMap, fmt, io};

use rustix::io::Errno;

/// A call of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the call of the trait with the same name")]
pub enum Call {
    Create,
    Open,
    OpenRead,
    Len,
    ReadAt,
    WriteAt,
    SetLen,
    SyncData,
    SyncAll,
    Rename,
    Link,
    Unlink,
    List,
    CreateQuarantine,
    SyncDir,
    Lock,
}

impl Call {
    pub(super) const fn is_sync(self) -> bool {
        matches!(self, Self::SyncData | Self::SyncAll | Self::SyncDir)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Open => "open",
            Self::OpenRead => "open_read",
            Self::Len => "len",
            Self::ReadAt => "read_at",
            Self::WriteAt => "write_at",
            Self::SetLen => "set_len",
            Self::SyncData => "sync_data",
            Self::SyncAll => "sync_all",
            Self::Rename => "rename",
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::List => "list",
            Self::CreateQuarantine => "create_quarantine",
            Self::SyncDir => "sync_dir",
            Self::Lock => "lock",
        })
    }
}

/// What a call meets instead of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// EIO.
    Io,
    /// ENOSPC.
    NoSpace,
    /// EINTR.
    Interrupted,
    /// EMFILE.
    TooManyFiles,
    /// A write or a read of two bytes or more stops early; other calls are as ever.
    Short,
}

impl Fault {
    /// The error that a call returns for it; `None` for a short transfer, which is no error.
    fn error(self) -> Option<io::Error> {
        let errno = match self {
            Self::Io => Errno::IO,
            Self::NoSpace => Errno::NOSPC,
            Self::Interrupted => Errno::INTR,
            Self::TooManyFiles => Errno::MFILE,
            Self::Short => return None,
        };
        Some(errno.into())
    }
}

/// One call as it was made, whatever came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its place among all calls, from 1.
    pub number: u64,
    /// Which call.
    pub call: Call,
    /// The file's name when it was opened, or the name given; empty where the call has none.
    pub name: String,
    /// The new name of a rename or link.
    pub new_name: Option<String>,
    /// Where a read or write starts, in bytes.
    pub offset: u64,
    /// The bytes asked for by a read or write, or the new length of the file.
    pub length_bytes: u64,
}

impl fmt::Display for Operation {
    /// One line for a golden script, without the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        if let Some(new_name) = &self.new_name {
            write!(f, " -> {new_name}")?;
        }
        match self.call {
            Call::ReadAt | Call::WriteAt => {
                write!(f, " at {}, {} bytes", self.offset, self.length_bytes)
            }
            Call::SetLen => write!(f, " {} bytes", self.length_bytes),
            Call::Create
            | Call::Open
            | Call::OpenRead
            | Call::Len
            | Call::SyncData
            | Call::SyncAll
            | Call::Rename
            | Call::Link
            | Call::Unlink
            | Call::List
            | Call::CreateQuarantine
            | Call::SyncDir
            | Call::Lock => Ok(()),
        }
    }
}

/// A call with what it was asked, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) call: Call,
    pub(super) name: &'a str,
    pub(super) new_name: Option<&'a str>,
    pub(super) offset: u64,
    pub(super) length_bytes: u64,
}

impl<'a> Asked<'a> {
    pub(super) const fn of(call: Call, name: &'a str) -> Self {
        Self { call, name, new_name: None, offset: 0, length_bytes: 0 }
    }

    pub(super) const fn renaming(call: Call, name: &'a str, new_name: &'a str) -> Self {
        Self { call, name, new_name: Some(new_name), offset: 0, length_bytes: 0 }
    }

    pub(super) const fn transfer(call: Call, name: &'a str, offset: u64, count: usize) -> Self {
        Self { call, name, new_name: None, offset, length_bytes: count as u64 }
    }
}

/// What becomes of one call.
#[derive(Debug)]
pub(super) enum Fate {
    Runs,
    /// A read or write that stops early.
    RunsShort,
    Fails(io::Error),
    /// The machine goes down at this call.
    Dies,
}

/// Counts calls and knows their fates.
#[derive(Debug, Default)]
pub(super) struct Plan {
    count: u64,
    count_by_call: BTreeMap<Call, u64>,
    crash_at: Option<u64>,
    faults: BTreeMap<u64, Fault>,
    faults_by_call: BTreeMap<(Call, u64), Fault>,
    faults_met: u64,
    paused: bool,
    log: Option<Vec<Operation>>,
}

impl Plan {
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn count_of(&self, call: Call) -> u64 {
        self.count_by_call.get(&call).copied().unwrap_or(0)
    }

    pub(super) const fn faults_met(&self) -> u64 {
        self.faults_met
    }

    pub(super) fn fail_at(&mut self, number: u64, fault: Fault) {
        self.faults.insert(number, fault);
    }

    pub(super) fn fail_call_at(&mut self, call: Call, number: u64, fault: Fault) {
        self.faults_by_call.insert((call, number), fault);
    }

    pub(super) const fn pause(&mut self, on: bool) {
        self.paused = on;
    }

    pub(super) const fn set_crash(&mut self, number: Option<u64>) {
        self.crash_at = number;
    }

    pub(super) fn record(&mut self) {
        self.log = Some(Vec::new());
    }

    /// What was recorded since the last time. Recording goes on, if it was on.
    pub(super) fn take_log(&mut self) -> Vec<Operation> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Counts a call and says what becomes of it.
    pub(super) fn next(&mut self, asked: &Asked<'_>) -> Fate {
        if self.paused {
            return Fate::Runs;
        }
        self.count += 1;
        let count_of_call = self.count_by_call.entry(asked.call).or_insert(0);
        *count_of_call += 1;
        if let Some(log) = &mut self.log {
            log.push(Operation {
                number: self.count,
                call: asked.call,
                name: asked.name.to_owned(),
                new_name: asked.new_name.map(str::to_owned),
                offset: asked.offset,
                length_bytes: asked.length_bytes,
            });
        }
        if self.crash_at == Some(self.count) {
            return Fate::Dies;
        }
        let by_number = self.faults.remove(&self.count);
        let by_call = self.faults_by_call.remove(&(asked.call, *count_of_call));
        let Some(fault) = by_number.or(by_call) else {
            return Fate::Runs;
        };
        self.faults_met += 1;
        fault.error().map_or(Fate::RunsShort, Fate::Fails)
    }
}
