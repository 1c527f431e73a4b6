//! Runs one command under a time limit, shows its output as it comes, and counts the tests in it.
//! Not here: which commands (`steps`), what a summary line looks like (`tally`).
//!
//! **Invariant:** `run` returns: a command that hangs is ended with everything it started, and a
//! process that outlives its command, holding the output open, is a failure and not a wait.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tally::Tally;

/// How long the output may stay open after the command has ended.
const OUTPUT_GRACE: Duration = Duration::from_secs(10);

/// What became of a command.
#[derive(Debug)]
pub struct Finished {
    /// Whether it exited with 0, in time, and left nothing running that holds its output.
    pub success: bool,
    /// The tests that its summary lines count.
    pub tally: Tally,
}

enum Signal {
    Exited(io::Result<ExitStatus>),
    Ended(Tally),
}

/// Runs `command` for at most `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Result<Finished> {
    run_into(command, limit, io::stdout, io::stderr)
}

fn run_into<O: Write + 'static, E: Write + 'static>(
    command: &mut Command,
    limit: Duration,
    to_stdout: fn() -> O,
    to_stderr: fn() -> E,
) -> Result<Finished> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {:?}", command.get_program()))?;
    let (sender, signals) = mpsc::channel();
    let stdout = child.stdout.take().context("stdout is piped")?;
    let stderr = child.stderr.take().context("stderr is piped")?;
    forward(stdout, to_stdout, &sender);
    forward(stderr, to_stderr, &sender);
    let id = child.id();
    thread::spawn(move || send(&sender, Signal::Exited(child.wait())));

    let mut deadline = Instant::now() + limit;
    let mut status = None;
    let mut streams_open = 2_usize;
    let mut success = true;
    let mut tally = Tally::default();
    while status.is_none() || streams_open > 0 {
        match signals.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Signal::Exited(ended)) => {
                status = Some(ended?);
                deadline = Instant::now() + OUTPUT_GRACE;
            }
            Ok(Signal::Ended(part)) => {
                tally += part;
                streams_open -= 1;
            }
            Err(RecvTimeoutError::Timeout) if status.is_none() && success => {
                eprintln!("error: not finished after {} s: ended", limit.as_secs());
                success = false;
                kill_tree(id)?;
                deadline = Instant::now() + OUTPUT_GRACE;
            }
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("error: a process outlived the command and holds its output open");
                success = false;
                break;
            }
            Err(RecvTimeoutError::Disconnected) => bail!("the threads that watch it ended"),
        }
    }
    success &= status.is_some_and(|status| status.success());
    Ok(Finished { success, tally })
}

/// Copies a stream line by line from a thread of its own, and counts what passes.
fn forward<R: Read + Send + 'static, W: Write + 'static>(
    stream: R,
    to: fn() -> W,
    sender: &Sender<Signal>,
) {
    let sender = sender.clone();
    thread::spawn(move || {
        let mut tally = Tally::default();
        let mut line = Vec::new();
        let mut lines = BufReader::new(stream);
        while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line);
            tally += Tally::of_line(text.trim_end()).unwrap_or_default();
            let mut to = to();
            if to.write_all(&line).and_then(|()| to.flush()).is_err() {
                break; // our own reader went away: the command meets a closed pipe, as it would alone
            }
            line.clear();
        }
        send(&sender, Signal::Ended(tally));
    });
}

fn send(sender: &Sender<Signal>, signal: Signal) {
    // The receiver is gone only when `run` has already given its verdict.
    drop(sender.send(signal));
}

/// Ends a process and all that descend from it.
fn kill_tree(id: u32) -> Result<()> {
    let parents = parents().unwrap_or_default();
    let mut family = vec![id];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(parents.iter().filter(|entry| *entry.1 == parent).map(|entry| entry.0));
        next += 1;
    }
    Command::new("kill")
        .arg("-KILL")
        .args(family.iter().map(u32::to_string))
        .stderr(Stdio::null()) // some have ended by themselves meanwhile
        .status()
        .context("kill")?;
    Ok(())
}

/// Which process started which, as Linux tells; empty elsewhere, where only the command itself is
/// ended.
fn parents() -> io::Result<HashMap<u32, u32>> {
    let mut parents = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // "123 (name, which may hold spaces and parentheses) S 1 …": proc(5).
        let after_name = stat.rsplit_once(')').map_or("", |(_, after)| after);
        if let Some(parent) = after_name.split(' ').nth(2).and_then(|id| id.parse().ok()) {
            parents.insert(id, parent);
        }
    }
    Ok(parents)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{Finished, Tally, run_into};

    /// Keeps the script's output to itself: its summary lines must not be counted again outside.
    fn run(script: &str, limit: Duration) -> Finished {
        run_into(Command::new("sh").args(["-c", script]), limit, io::sink, io::sink).unwrap()
    }

    #[test]
    fn both_streams_are_counted() {
        let script = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; \
                      echo '     Summary [ 1.0s] 3 tests run: 3 passed, 0 skipped' >&2";
        let finished = run(script, Duration::from_secs(30));
        assert!(finished.success);
        assert_eq!(finished.tally, Tally { passed: 5, failed: 0 });
    }

    #[test]
    fn a_failing_command_is_no_success() {
        assert!(!run("exit 3", Duration::from_secs(30)).success);
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_its_children() {
        let started = Instant::now();
        // The shell waits for a child of its own, which holds the output as a hung test would.
        let finished = run("sleep 300; true", Duration::from_millis(200));
        assert!(!finished.success);
        assert!(started.elapsed() < Duration::from_secs(100), "it waited for the child");
    }
}
