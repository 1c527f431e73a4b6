//! The fixer: what the gate complains about and a program can repair.

use anyhow::Result;

use crate::cargo;

/// Formats, applies clippy's own repairs, and formats what those left. `Ok(false)` when a command
/// failed.
pub fn run() -> Result<bool> {
    let root = cargo::root()?;
    let commands: [&[&str]; 3] = [
        &["fmt", "--all"],
        &["clippy", "--fix", "--allow-dirty", "--allow-staged", "--workspace", "--all-targets"],
        &["fmt", "--all"],
    ];
    for arguments in commands {
        println!("cargo {}", arguments.join(" "));
        if !cargo::cargo(&root).args(arguments).status()?.success() {
            return Ok(false);
        }
    }
    Ok(true)
}
