//! The programs that run an operation so many times, and the counting of their instructions.
//!
//! They are examples and not benches: cargo builds examples as it builds the product, with the same
//! flags and `panic = "abort"`, where a bench would be compiled to unwind.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::VALGRIND;
use crate::cargo;

/// The built programs.
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds the example `count_…` of each package, with the settings of a release.
    pub fn build<'p>(root: &Path, packages: impl Iterator<Item = &'p str>) -> Result<Self> {
        let mut packages: Vec<&str> = packages.collect();
        packages.dedup();
        let mut command = cargo::cargo(root);
        command.args(["build", "--locked", "--release"]);
        for package in packages {
            command.args(["--package", package, "--example", &program(package)]);
        }
        let status = command.status().context("cargo build")?;
        ensure!(status.success(), "the programs that are counted do not build");
        Ok(Self { folder: cargo::target_folder(root)?.join("release/examples") })
    }

    /// Instructions of one run of the operation, rounded to whole ones.
    pub fn count(&self, package: &str, operation: &str, times: u64) -> Result<u64> {
        let path = self.folder.join(program(package));
        let once = total(&path, operation, times)?;
        let twice = total(&path, operation, 2 * times)?;
        let difference = twice.checked_sub(once).context("twice as many took fewer")?;
        ensure!(difference >= times, "nothing was counted");
        Ok((difference + times / 2) / times)
    }
}

fn program(package: &str) -> String {
    format!("count_{package}")
}

/// All instructions of the program.
fn total(path: &Path, operation: &str, times: u64) -> Result<u64> {
    let output = Command::new(VALGRIND.program)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(path)
        .args([operation, &times.to_string()])
        .output()
        .context(VALGRIND.program)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{operation} failed under {}:\n{said}", VALGRIND.program);
    }
    collected(&said).with_context(|| format!("{} told no count:\n{said}", VALGRIND.program))
}

/// The figure behind `Collected :` in what callgrind says at its end.
fn collected(said: &str) -> Option<u64> {
    let (_, behind) = said.rsplit_once("Collected :")?;
    behind.split_whitespace().next()?.parse().ok()
}

/// The kind of processor, as far as libraries choose their code by it.
pub fn machine() -> String {
    let mut machine = std::env::consts::ARCH.to_owned();
    #[cfg(target_arch = "x86_64")]
    for (name, is_there) in [
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("sse4.1", std::is_x86_feature_detected!("sse4.1")),
    ] {
        if is_there {
            machine = format!("{machine}, {name}");
        }
    }
    machine
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_count_is_what_callgrind_says_last() {
        let said = "==7== Events    : Ir\n==7== Collected : 345334034\n==7== \n==7== I   refs: 1\n";
        assert_eq!(collected(said), Some(345_334_034));
        assert_eq!(collected("==7== no such file"), None);
    }
}
