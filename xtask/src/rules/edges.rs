//! The table of rooms: which crate of ours may depend on which.
//!
//! **Invariant:** tests of a crate keep to its edges too; a test that needs more belongs further up.

use super::Faults;
use super::manifest;
use crate::repository::Repository;

/// A crate and those of ours that it may name. It grows by decision record.
const EDGES: &[(&str, &[&str])] = &[
    ("ledger", &[]),
    ("journal", &["ledger"]),
    ("history", &["ledger", "journal"]),
    ("engine", &["ledger", "journal", "history"]),
    ("postgres", &["ledger", "journal", "engine"]),
    ("protocol", &["ledger"]),
    ("access", &["ledger"]),
    ("server", &["ledger", "engine", "protocol", "access"]),
    ("web", &["ledger", "engine", "protocol", "server", "access"]),
    ("client", &["ledger", "protocol"]),
    (
        "saldo",
        &[
            "ledger", "journal", "engine", "postgres", "protocol", "server", "web", "client",
            "access",
        ],
    ),
    ("sim", &["ledger", "journal", "history", "engine"]),
    ("tests", &["ledger", "protocol", "client"]),
    ("xtask", &[]),
];

/// Every member must stand in the table, and name none of ours beyond its row.
pub fn check(repository: &Repository) -> Faults {
    let members = match repository.members() {
        Ok(members) => members,
        Err(fault) => return vec![fault],
    };
    let ours: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let mut faults = Faults::new();
    for member in &members {
        let Some((_, allowed)) = EDGES.iter().find(|row| row.0 == member.name) else {
            faults.push(format!("{}: not in the table of rooms", member.manifest_path));
            continue;
        };
        for dependency in manifest::dependencies(member) {
            let name = dependency.name.as_str();
            if ours.contains(&name) && !allowed.contains(&name) {
                faults.push(format!(
                    "{}: {} must not depend on {name}",
                    member.manifest_path, member.name
                ));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;

    const LEDGER: (&str, &str) = ("crates/ledger/Cargo.toml", "[package]\nname = \"ledger\"\n");

    #[test]
    fn an_arrow_of_the_table_passes() {
        let journal = "[package]\nname = \"journal\"\n[dependencies]\nledger.workspace = true\n";
        let repository = Repository::of(&[LEDGER, ("crates/journal/Cargo.toml", journal)]);
        assert!(check(&repository).is_empty());
    }

    #[test]
    fn an_arrow_against_the_table_fails_also_for_tests() {
        let engine = ("crates/engine/Cargo.toml", "[package]\nname = \"engine\"\n");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let journal =
                format!("[package]\nname = \"journal\"\n[{section}]\nengine.workspace = true\n");
            let repository =
                Repository::of(&[LEDGER, engine, ("crates/journal/Cargo.toml", &journal)]);
            assert_eq!(
                check(&repository),
                ["crates/journal/Cargo.toml: journal must not depend on engine"],
                "{section}"
            );
        }
    }

    #[test]
    fn a_crate_outside_the_table_fails() {
        let repository =
            Repository::of(&[("crates/misc/Cargo.toml", "[package]\nname = \"misc\"\n")]);
        assert_eq!(check(&repository), ["crates/misc/Cargo.toml: not in the table of rooms"]);
    }
}
