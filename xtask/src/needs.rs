//! The programs that the tests call besides the toolchain: looks for them and installs what is
//! missing where it can.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// A program that tests call.
struct Need {
    /// The command.
    program: &'static str,
    /// The Debian package that brings it.
    package: &'static str,
    /// What it is for.
    purpose: &'static str,
}

const NEEDS: &[Need] = &[
    Need { program: "python3", package: "python3", purpose: "the README's ten-line client" },
    Need {
        program: "nc",
        package: "netcat-openbsd",
        purpose: "the README's client without a program",
    },
    Need { program: "jq", package: "jq", purpose: "the README's reading of the log" },
    Need { program: "strace", package: "strace", purpose: "stalled and failing syncs" },
];

/// Looks for each program; installs the missing ones with apt-get when we are root on a Debian,
/// and otherwise says what to install. `Ok(false)` when something is still missing.
pub fn provide() -> Result<bool> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !is_there(need.program)).collect();
    if missing.is_empty() {
        let programs: Vec<&str> = NEEDS.iter().map(|need| need.program).collect();
        println!("{}: there", programs.join(", "));
        return Ok(true);
    }
    for need in &missing {
        println!("{} is missing; it serves {}", need.program, need.purpose);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if is_there("apt-get") && is_root()? {
        println!("installing: apt-get install {}", packages.join(" "));
        apt_get(&["update", "-qq"])?;
        apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], &*packages].concat())?;
    }
    let missing = missing.iter().any(|need| !is_there(need.program));
    if missing {
        eprintln!("error: programs that the tests call are missing");
        eprintln!("  hint: sudo apt-get install {}", packages.join(" "));
    }
    Ok(!missing)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    // Its failure shows in what is still missing afterwards, with the hint.
    Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .context("apt-get")?;
    Ok(())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("id -u")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// Whether a command is on the search path.
fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| is_file(&folder.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    use super::is_there;

    #[test]
    fn a_program_is_found_on_the_path_and_an_invented_one_is_not() {
        assert!(is_there("sh"));
        assert!(!is_there("no-such-program-as-this"));
    }
}
