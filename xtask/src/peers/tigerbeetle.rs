//! TigerBeetle, when the user has its binary: its own benchmark, whose requests are batches of
//! thousands of transfers. It does not stand in the rows of the others.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::room::Room;

/// What its benchmark said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Benchmark {
    /// As it names itself.
    pub version: String,
    /// Transfers per second that it accepted.
    pub per_second: u64,
}

/// Runs `PROGRAM benchmark` in a folder of its own below `parent`.
pub fn run(program: &Path, parent: &Path) -> Result<Benchmark> {
    let room = Room::open(parent, "tigerbeetle")?;
    let benchmark = run_in(room.path(), program)?;
    room.close()?;
    Ok(benchmark)
}

/// It formats a file in the folder that it is called in, starts a server and loads it by itself.
fn run_in(folder: &Path, program: &Path) -> Result<Benchmark> {
    let call = |argument: &str| {
        Command::new(program)
            .arg(argument)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{} {argument}", program.display()))
    };
    let version = call("version")?;
    let output = call("benchmark")?;
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "tigerbeetle benchmark: {}\n{printed}", output.status);
    let per_second = accepted(&printed)
        .with_context(|| format!("no transfers per second in what it printed:\n{printed}"))?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    Ok(Benchmark { version, per_second })
}

/// The transfers per second in what the benchmark printed: the line `load accepted`, with or
/// without separators between the thousands.
fn accepted(printed: &str) -> Option<u64> {
    let line = printed.lines().find_map(|line| line.trim().strip_prefix("load accepted"))?;
    let value = line.trim_start().strip_prefix(['=', ':'])?.trim_start();
    let whole = value.split(['.', ' ']).next()?;
    let digits: String = whole.chars().filter(|each| !matches!(each, ',' | '_')).collect();
    digits.parse().ok().filter(|rate| *rate > 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{Benchmark, accepted, run_in};

    const SAMPLE: &str = "\
Benchmark running...
1222 batches in 38.41 s
load offered = 1000000 tx/s
load accepted = 260320 tx/s
batch latency p00 = 4 ms
batch latency p100 = 301 ms

100 queries in 9.99 s
";

    #[test]
    fn the_rate_is_found_in_what_the_benchmark_prints() {
        assert_eq!(accepted(SAMPLE), Some(260_320));
        assert_eq!(accepted("  load accepted = 260,320.5 tx/s\n"), Some(260_320));
        assert_eq!(accepted("load accepted: 260_320 tx/s"), Some(260_320));
    }

    #[test]
    fn what_says_no_rate_gives_none_and_never_a_wrong_one() {
        for printed in
            ["", "load offered = 1000000 tx/s", "load accepted = soon", "load accepted = 0 tx/s"]
        {
            assert_eq!(accepted(printed), None, "{printed}");
        }
    }

    #[test]
    fn the_binary_is_run_and_a_failure_is_told_with_what_it_printed() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("tigerbeetle");
        let write = |script: &str| {
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        };
        write("test $1 = version && echo 1.2.3 || echo load accepted = 5 tx/s >&2");
        let expected = Benchmark { version: "1.2.3".into(), per_second: 5 };
        assert_eq!(run_in(folder.path(), &program).unwrap(), expected);
        write("echo no memory; exit 3");
        let error = run_in(folder.path(), &program).unwrap_err().to_string();
        assert!(error.contains("no memory") && error.contains('3'), "{error}");
    }
}
