//! Programs run to their end, with everything that they said.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::{DEADLINE, Server, saldo};

/// What a program that has ended left.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// A run of `saldo`, about to begin, without any setting of the person who runs the tests.
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
}

/// Runs a verb with these arguments.
pub fn run(arguments: &[&str]) -> Ended {
    Run::new(arguments).end()
}

impl Run {
    /// `saldo` with these arguments.
    pub fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(saldo());
        command.args(arguments);
        clean(&mut command);
        Self { command, stdin: Vec::new() }
    }

    /// With these arguments as well.
    pub fn and(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Against this server.
    pub fn at(self, server: &Server) -> Self {
        let address = server.address.to_string();
        self.env("SALDO_SERVER", &address)
    }

    /// With this variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With this on stdin.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = text.as_bytes().to_vec();
        self
    }

    /// In this folder.
    pub fn within(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it to its end.
    pub fn end(mut self) -> Ended {
        end(&mut self.command, &self.stdin)
    }
}

/// Takes every setting of the program out of the environment.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SALDO_") {
            command.env_remove(name);
        }
    }
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
}

/// Runs a command to its end with `stdin`, within the deadline.
pub fn end(command: &mut Command, stdin: &[u8]) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let shown = format!("{command:?}");
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
    let mut input = child.stdin.take().unwrap();
    let given = stdin.to_vec();
    // A program may end without reading what it was given.
    thread::spawn(move || drop(input.write_all(&given)));
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let status = wait(&mut child, &shown);
    Ended {
        code: status.code(),
        stdout: stdout.recv_timeout(DEADLINE).unwrap(),
        stderr: stderr.recv_timeout(DEADLINE).unwrap(),
    }
}

fn collect(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        // The receiver is gone when the test has failed already.
        drop(sender.send(String::from_utf8_lossy(&bytes).into_owned()));
    });
    receiver
}

/// Waits for the end of a process; kills it at the deadline.
pub fn wait(child: &mut Child, shown: &str) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() >= DEADLINE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{shown} did not end within {DEADLINE:?}");
        }
        thread::sleep(std::time::Duration::from_millis(1));
    }
}

impl Ended {
    /// Checks the exit code; shows everything when it is another one.
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Its stdout as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
