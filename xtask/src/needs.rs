//! The programs that are called besides the toolchain: looks for them and installs what is missing
//! where it can. No service of theirs is started.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::services::NoServices;

/// A program that something here calls.
pub struct Need {
    /// The command.
    pub program: &'static str,
    /// The Debian packages that bring it, a space between two.
    pub package: &'static str,
    /// What it is for.
    pub purpose: &'static str,
}

/// What the tests call.
pub const OF_TESTS: &[Need] = &[
    Need { program: "python3", package: "python3", purpose: "the README's ten-line client" },
    Need {
        program: "nc",
        package: "netcat-openbsd",
        purpose: "the README's client without a program",
    },
    Need { program: "jq", package: "jq", purpose: "the README's reading of the log" },
    Need { program: "strace", package: "strace", purpose: "stalled and failing syncs" },
    Need { program: "hledger", package: "hledger", purpose: "the check of an export" },
    Need { program: "pg_ctl", package: "postgresql", purpose: "the engine over PostgreSQL" },
    Need { program: "etcd", package: "etcd-server", purpose: "a cluster that fails over" },
    Need {
        program: "patroni",
        package: "patroni python3-etcd",
        purpose: "a cluster that fails over",
    },
    Need { program: "curl", package: "curl", purpose: "the start of a cluster" },
];

/// Where Debian keeps the programs of a database server, a folder per version: not on the search
/// path.
const SERVER_PROGRAMS: &str = "/usr/lib/postgresql";

/// Looks for each program; installs the missing ones with apt-get when we are root on a Debian,
/// and otherwise says what to install. `Ok(false)` when something is still missing.
pub fn provide(needs: &[Need]) -> Result<bool> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !is_there(need.program)).collect();
    if missing.is_empty() {
        let programs: Vec<&str> = needs.iter().map(|need| need.program).collect();
        println!("{}: there", programs.join(", "));
        return Ok(true);
    }
    for need in &missing {
        println!("{} is missing; it serves {}", need.program, need.purpose);
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.package.split(' ')).collect();
    if is_there("apt-get") && is_root()? {
        println!("installing: apt-get install {}", packages.join(" "));
        let _no_services = NoServices::hold()?;
        apt_get(&["update", "-qq"])?;
        apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], &*packages].concat())?;
    }
    let missing = missing.iter().any(|need| !is_there(need.program));
    if missing {
        eprintln!("error: programs are missing");
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

/// Whether this process may do everything.
pub fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("id -u")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

fn is_there(program: &str) -> bool {
    find(program).is_some()
}

/// The file of a command: on the search path, else among the programs of the newest database
/// server.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(server_folders(Path::new(SERVER_PROGRAMS)))
        .map(|folder| folder.join(program))
        .find(|file| is_file(file))
}

/// The folders of programs in `of`, the highest version first.
fn server_folders(of: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(of) else { return Vec::new() };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    versions.sort_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, folder)| folder.join("bin")).collect()
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{is_there, server_folders};

    #[test]
    fn a_program_is_found_on_the_path_and_an_invented_one_is_not() {
        assert!(is_there("sh"));
        assert!(!is_there("no-such-program-as-this"));
    }

    #[test]
    fn of_several_database_servers_the_newest_is_taken_by_number_and_not_by_letter() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["9", "15", "common"] {
            fs::create_dir(folder.path().join(version)).unwrap();
        }
        let expected = ["15", "9"].map(|version| folder.path().join(version).join("bin"));
        assert_eq!(server_folders(folder.path()), expected);
    }
}
