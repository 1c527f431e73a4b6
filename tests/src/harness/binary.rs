//! Which binary is tested.

use std::env;
use std::path::PathBuf;

/// The path of the `saldo` under test: `SALDO_BIN`, or what a release build leaves in the
/// workspace.
pub fn saldo() -> PathBuf {
    let path = env::var_os("SALDO_BIN").map_or_else(in_workspace, PathBuf::from);
    assert!(
        path.is_file(),
        "there is no saldo at {}: build it with `cargo build --release -p saldo`, or name another in SALDO_BIN",
        path.display()
    );
    path
}

fn in_workspace() -> PathBuf {
    repository().join("target/release/saldo")
}

/// The root folder of the repository.
pub fn repository() -> PathBuf {
    // Cargo names the package's folder at run time, so that a moved checkout works.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    PathBuf::from(package).parent().expect("tests/ stands in the repository").to_path_buf()
}
