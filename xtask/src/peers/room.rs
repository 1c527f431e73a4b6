//! A throw-away folder with one server in it, on loopback. When the room is closed, or left
//! because of an error, the server is stopped and the folder removed.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, kill_process};

use super::guard::{End, Guard};

/// How long a server may take until it answers.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// How long a server may take to go once it was told.
const STOP_TIME_MAX: Duration = Duration::from_secs(20);

/// Lines of a server's log that an error message repeats.
const LOG_LINES_SHOWN: usize = 8;

/// A folder and the server in it.
#[derive(Debug)]
pub struct Room {
    path: PathBuf,
    /// Gone once the room is cleared.
    guard: Option<Guard>,
    server: Option<(Child, End)>,
}

impl Room {
    /// Makes an empty folder in `parent`.
    pub fn open(parent: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        let path = parent.join(format!("{name}-{}", process::id()));
        let guard = Guard::post(&path)?;
        let room = Self { path, guard: Some(guard), server: None };
        fs::create_dir(&room.path).with_context(|| room.path.display().to_string())?;
        fs::create_dir(room.data())?;
        Ok(room)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in it for the server's data alone, empty at first.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// A free port of loopback. Somebody else may take it before the server does; then the server
    /// says so and the run ends.
    pub fn free_address() -> Result<SocketAddr> {
        Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
    }

    /// Starts a server and waits until it takes connections at `address`.
    pub fn start(&mut self, mut command: Command, end: End, address: SocketAddr) -> Result<()> {
        let program = command.get_program().to_string_lossy().into_owned();
        let log = File::create(self.log_path())?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0) // its end is the guard's affair, not that of Ctrl-C
            .spawn()
            .with_context(|| program.clone())?;
        if let Some(guard) = &mut self.guard {
            guard.watch(child.id(), end)?;
        }
        let started = Instant::now();
        let ended = loop {
            if TcpStream::connect(address).is_ok() {
                break None;
            }
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if started.elapsed() > START_TIME_MAX {
                self.server = Some((child, end));
                bail!("{program} does not answer after {START_TIME_MAX:?}{}", self.log_end());
            }
            thread::sleep(Duration::from_millis(20));
        };
        self.server = Some((child, end));
        if let Some(status) = ended {
            bail!("{program} did not start: {status}{}", self.log_end());
        }
        Ok(())
    }

    /// Whether the server is still there; an error with the end of its log when it is not.
    pub fn must_be_running(&mut self) -> Result<()> {
        let gone = match &mut self.server {
            Some((child, _)) => child.try_wait()?,
            None => None,
        };
        ensure!(gone.is_none(), "the server ended in the middle{}", self.log_end());
        Ok(())
    }

    /// Stops the server and removes the folder.
    pub fn close(mut self) -> Result<()> {
        self.clear()
    }

    fn clear(&mut self) -> Result<()> {
        if let Some((mut child, end)) = self.server.take() {
            stop(&mut child, end)?;
        }
        if let Some(guard) = self.guard.take() {
            fs::remove_dir_all(&self.path).with_context(|| self.path.display().to_string())?;
            guard.dismiss()?;
        }
        Ok(())
    }

    fn log_path(&self) -> PathBuf {
        self.path.join("server.out")
    }

    /// The last lines of the server's log, each on a line of its own.
    fn log_end(&self) -> String {
        let text = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines.len().saturating_sub(LOG_LINES_SHOWN);
        lines.iter().skip(shown).map(|line| format!("\n  {line}")).collect()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            eprintln!("warning: {error:#}");
        }
    }
}

/// Ends a server and waits for it; the data is thrown away, so it need not go in good order.
fn stop(child: &mut Child, end: End) -> Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    let pid = Pid::from_raw(i32::try_from(child.id())?).context("a process has a number")?;
    kill_process(pid, end.signal())?;
    let told = Instant::now();
    while child.try_wait()?.is_none() {
        if told.elapsed() > STOP_TIME_MAX {
            child.kill()?;
            child.wait()?;
            bail!("the server did not go within {STOP_TIME_MAX:?} and was killed");
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
