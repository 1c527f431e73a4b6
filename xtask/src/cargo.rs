//! How cargo is called from here: in the repository's root, with an environment that a test cannot
//! trip over.

use std::env;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Variables of ours that a person may set to size the tests; every other `SALDO_…` would point
/// the tests at a bank that is not theirs.
pub const TIER_VARIABLES: [&str; 5] =
    ["SALDO_KILLS", "SALDO_SEEDS", "SALDO_PG_FAULTS", "SALDO_FAILOVERS", "SALDO_SCHEMATHESIS"];

/// The repository's root folder.
pub fn root() -> Result<PathBuf> {
    // The crate's own folder, which cargo names at run time, so that a moved checkout works.
    let own = env::var_os("CARGO_MANIFEST_DIR").context("call this as `cargo xtask`")?;
    let root = Path::new(&own).parent().context("xtask stands in the root folder")?;
    Ok(root.to_path_buf())
}

/// A cargo command in `root`: the same cargo that started us, without the variables that describe
/// xtask itself.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let describes_xtask = name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        let points_elsewhere = name.starts_with("SALDO_") && !TIER_VARIABLES.contains(&name);
        if describes_xtask || points_elsewhere {
            command.env_remove(name);
        }
    }
    if io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none() {
        // Its output passes through a pipe of ours, where it would not dare.
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// The folder that cargo builds into, wherever the person's configuration puts it.
pub fn target_folder(root: &Path) -> Result<PathBuf> {
    let output = cargo(root)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output()
        .context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let folder = metadata.get("target_directory").and_then(|folder| folder.as_str());
    Ok(PathBuf::from(folder.context("cargo metadata names no target folder")?))
}
