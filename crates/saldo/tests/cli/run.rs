//! Runs the binary with nothing from the environment but what the test gives.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run left behind.
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Its stdout.
    pub out: String,
    /// Its stderr.
    pub err: String,
}

/// The command, ready to be changed.
pub fn saldo(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saldo"));
    command.env_clear().args(words).stdin(Stdio::null());
    command
}

/// Runs these words.
pub fn run(words: &[&str]) -> Ran {
    ran(saldo(words).output().unwrap())
}

/// Runs these words against the server at `address`, with a table as on a terminal.
pub fn table(address: &str, words: &[&str]) -> Ran {
    let command = &mut saldo(words);
    ran(command.env("SALDO_SERVER", address).env("SALDO_OUTPUT", "table").output().unwrap())
}

/// Runs this line in a shell in which `saldo` is the binary.
pub fn shell(line: &str) -> Ran {
    let folder = Path::new(env!("CARGO_BIN_EXE_saldo")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let command = &mut Command::new("bash");
    ran(command.env_clear().env("PATH", path).args(["-c", line]).output().unwrap())
}

/// What the finished process left behind.
pub fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// Whether it failed with this number and these lines, and nothing on stdout.
    pub fn assert_failed(&self, code: i32, err: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (code, "", err));
    }

    /// Whether it succeeded with this on stdout and nothing on stderr.
    pub fn assert_done(&self, out: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (0, out, ""));
    }

    /// The command that the hint tells to run, without the remark behind it.
    pub fn hinted_command(&self) -> &str {
        let (_, hint) = self.err.split_once("  hint: ").unwrap();
        hint.split("   (").next().unwrap().trim_end()
    }

    /// The one JSON object on stderr.
    pub fn error_document(&self) -> Value {
        assert_eq!(self.out, "");
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        serde_json::from_str(&self.err).unwrap()
    }
}
