//! Which libraries of others a room may name. A library enters by decision record, in the
//! workspace's table of versions first and then here.
//!
//! **Invariant:** version and features of every dependency stand once, in the workspace.

use super::Faults;
use super::manifest::{self, Kind};
use crate::repository::Repository;

/// A crate and the libraries that it may name.
const FENCES: &[(&str, &[&str])] = &[
    ("ledger", &[]),
    ("protocol", &["serde", "serde_json", "itoa", "memchr", "thiserror"]),
    // No runtime, no clock, no log: it returns reports.
    ("journal", &["blake3", "itoa", "memchr", "serde", "serde_json", "rustix", "thiserror"]),
    // No runtime, no clock, no log here either; crc32fast and xxhash-rust: decision 0010.
    ("history", &["crc32fast", "xxhash-rust", "thiserror"]),
    // No runtime and no socket; argon2 and getrandom: decision 0019.
    ("access", &["argon2", "blake3", "getrandom", "serde", "serde_json", "thiserror", "tracing"]),
    (
        "engine",
        &["boxcar", "compact_str", "foldhash", "memchr", "blake3", "thiserror", "tracing", "tokio"],
    ),
    // rcgen for its tests alone; rustls-webpki: the names in a client's certificate.
    (
        "server",
        &[
            "rcgen",
            "rustls",
            "rustls-webpki",
            "tokio-rustls",
            "tokio",
            "tokio-util",
            "bytes",
            "tracing",
            "blake3",
            "uuid",
            "serde",
            "serde_json",
            "thiserror",
        ],
    ),
    (
        "web",
        &[
            "askama",
            "axum",
            "axum-server",
            "blake3",
            "futures-util",
            "getrandom",
            "jiff",
            "percent-encoding",
            "prometheus-client",
            "rustix",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tower-http",
            "tracing",
            "utoipa",
            "utoipa-axum",
            "uuid",
        ],
    ),
    // rcgen and rustix for its tests alone, which make authorities, and stop and kill servers; sha2:
    // decision 0014.
    (
        "postgres",
        &[
            "blake3",
            "futures-util",
            "percent-encoding",
            "rand",
            "rcgen",
            "rustix",
            "rustls",
            "rustls-native-certs",
            "sha2",
            "thiserror",
            "tokio",
            "tokio-postgres",
            "tokio-postgres-rustls",
            "tracing",
            "uuid",
        ],
    ),
    (
        "client",
        &[
            "tokio",
            "uuid",
            "backon",
            "rustls",
            "rustls-native-certs",
            "tokio-rustls",
            "thiserror",
            "serde",
            "serde_json",
        ],
    ),
    (
        "saldo",
        &[
            "rustix",
            "rustls",
            "clap",
            "clap_complete",
            "clap_mangen",
            "reedline",
            "toml",
            "anyhow",
            "comfy-table",
            "indicatif",
            "jiff",
            "csv",
            "anstream",
            "anstyle",
            "hdrhistogram",
            // decision 0022
            "http-body-util",
            "hyper",
            "hyper-util",
            "rand",
            "rand_distr",
            "rcgen",
            "ratatui",
            "blake3",
            "serde",
            "serde_json",
            "tokio",
            "tracing",
            "tracing-subscriber",
            "zstd",
        ],
    ),
    ("sim", &["rand", "thiserror"]),
    ("tests", &["blake3", "rustix", "serde_json"]),
    ("xtask", &["anyhow", "rustix", "sha2", "tempfile", "toml", "serde_json"]),
];

/// What any room's tests may name. As an optional dependency these also stand behind a feature of
/// test builds: the schedule explorer replaces the locks of the code under test.
const TEST_LIBRARIES: &[&str] = &["proptest", "shuttle", "tempfile"];

/// Every library that a member names must stand inside its fence and come from the workspace.
pub fn check(repository: &Repository) -> Faults {
    let members = match repository.members() {
        Ok(members) => members,
        Err(fault) => return vec![fault],
    };
    let ours: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let mut faults = Faults::new();
    for member in &members {
        let path = member.manifest_path;
        let Some((_, fence)) = FENCES.iter().find(|row| row.0 == member.name) else {
            faults.push(format!("{path}: no fence is written for {}", member.name));
            continue;
        };
        for dependency in manifest::dependencies(member) {
            let name = dependency.name.as_str();
            if !dependency.from_workspace {
                faults.push(format!("{path}: {name} must say `workspace = true`"));
            }
            let for_tests = dependency.kind != Kind::Normal && TEST_LIBRARIES.contains(&name);
            if !ours.contains(&name) && !fence.contains(&name) && !for_tests {
                faults.push(format!("{path}: {name} is outside the fence of {}", member.name));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;

    fn faults(dependencies: &str) -> Vec<String> {
        let manifest = format!("[package]\nname = \"ledger\"\n{dependencies}");
        check(&Repository::of(&[("crates/ledger/Cargo.toml", &manifest)]))
    }

    #[test]
    fn the_ledger_takes_a_test_library_and_nothing_else() {
        assert!(faults("[dev-dependencies]\nproptest.workspace = true\n").is_empty());
        let outside = "crates/ledger/Cargo.toml: serde is outside the fence of ledger";
        assert_eq!(faults("[dependencies]\nserde.workspace = true\n"), [outside]);
        assert_eq!(faults("[dev-dependencies]\nserde.workspace = true\n"), [outside]);
    }

    #[test]
    fn a_test_library_in_the_product_fails_unless_a_feature_hides_it() {
        let outside = "crates/ledger/Cargo.toml: shuttle is outside the fence of ledger";
        assert_eq!(faults("[dependencies]\nshuttle.workspace = true\n"), [outside]);
        let optional = "[dependencies]\nshuttle = { workspace = true, optional = true }\n";
        assert!(faults(optional).is_empty());
    }

    #[test]
    fn a_version_of_its_own_fails() {
        assert_eq!(
            faults("[dev-dependencies]\nproptest = \"1\"\n"),
            ["crates/ledger/Cargo.toml: proptest must say `workspace = true`"]
        );
    }

    #[test]
    fn a_crate_without_a_fence_fails() {
        let manifest = ("crates/misc/Cargo.toml", "[package]\nname = \"misc\"\n");
        assert_eq!(
            check(&Repository::of(&[manifest])),
            ["crates/misc/Cargo.toml: no fence is written for misc"]
        );
    }
}
