//! The guard: a second process of this program that outlives it, and clears away what it left
//! running. It is told what was started over a pipe; when the pipe breaks without a goodbye, because
//! of Ctrl-C, a kill or a panic, it ends the servers and removes their folders.
//!
//! Not here: stopping in good order (`room`), after which the guard has nothing to do.

use std::env;
use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// The verb under which this program is its own guard.
pub const VERB: &str = "peers-guard";

/// How long an ended server may take to go.
const GOING_TIME_MAX: Duration = Duration::from_secs(10);

/// How a server is ended at once, with all that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is one process, and its folder is thrown away.
    Kill,
    /// It has processes of its own, which it ends itself when told to quit.
    Quit,
}

impl End {
    /// The signal.
    pub fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Quit => Signal::QUIT,
        }
    }
}

/// The guard, seen from the program that it guards.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    pipe: ChildStdin,
}

impl Guard {
    /// Posts a guard over `folder`, which is removed when the guard must act.
    pub fn post(folder: &Path) -> Result<Self> {
        let mut child = Command::new(env::current_exe().context("this program's own file")?)
            .arg(VERB)
            .stdin(Stdio::piped())
            .process_group(0) // Ctrl-C is for those in front
            .spawn()
            .context("starting the guard")?;
        let pipe = child.stdin.take().context("the guard has no pipe")?;
        let mut guard = Self { child, pipe };
        guard.tell(&format!("folder {}", folder.display()))?;
        Ok(guard)
    }

    /// Puts a process under guard.
    pub fn watch(&mut self, pid: u32, end: End) -> Result<()> {
        let end = match end {
            End::Kill => "kill",
            End::Quit => "quit",
        };
        self.tell(&format!("{end} {pid}"))
    }

    /// Sends the guard home: all was cleared away.
    pub fn dismiss(mut self) -> Result<()> {
        self.tell("done")?;
        drop(self.pipe); // it listens to the end
        self.child.wait().context("the guard")?;
        Ok(())
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        self.pipe.write_all(format!("{line}\n").as_bytes()).context("the guard does not listen")
    }
}

/// What a guard was told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Charge {
    folder: Option<PathBuf>,
    processes: Vec<(i32, End)>,
    done: bool,
}

/// The guard itself: waits for the end of the pipe, and acts unless all is done.
pub fn stand() -> Result<bool> {
    let charge = listen(io::stdin().lock());
    if !charge.done {
        clear(&charge);
    }
    Ok(true)
}

/// Reads to the end. A line that is cut was never told.
fn listen(mut pipe: impl BufRead) -> Charge {
    let mut charge = Charge::default();
    let mut line = String::new();
    while pipe.read_line(&mut line).is_ok_and(|count| count > 0) {
        if let Some((word, rest)) =
            line.strip_suffix('\n').map(|told| told.split_once(' ').unwrap_or((told, "")))
        {
            match (word, rest.parse()) {
                ("folder", _) => charge.folder = Some(PathBuf::from(rest)),
                ("kill", Ok(pid)) => charge.processes.push((pid, End::Kill)),
                ("quit", Ok(pid)) => charge.processes.push((pid, End::Quit)),
                ("done", _) => charge.done = true,
                _ => {}
            }
        }
        line.clear();
    }
    charge
}

/// Ends the processes, waits until they are gone, and removes the folder.
fn clear(charge: &Charge) {
    for (pid, end) in &charge.processes {
        let Some(pid) = Pid::from_raw(*pid) else { continue };
        if kill_process(pid, end.signal()).is_err() {
            continue; // gone already
        }
        let told = Instant::now();
        while test_kill_process(pid).is_ok() && told.elapsed() < GOING_TIME_MAX {
            thread::sleep(Duration::from_millis(20));
        }
    }
    if let Some(folder) = &charge.folder
        && let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        eprintln!("warning: {} is left behind: {error}", folder.display());
    }
}

#[cfg(test)]
mod tests {
    use super::{Charge, End, listen};

    #[test]
    fn a_guard_hears_folder_processes_and_goodbye_and_no_line_that_is_cut() {
        let told = "folder /a/b c\nkill 12\nquit 13\nkill x\n";
        let mut expected = Charge {
            folder: Some("/a/b c".into()),
            processes: vec![(12, End::Kill), (13, End::Quit)],
            done: false,
        };
        assert_eq!(listen(format!("{told}kill 1").as_bytes()), expected);
        expected.done = true;
        assert_eq!(listen(format!("{told}done\n").as_bytes()), expected);
    }
}
