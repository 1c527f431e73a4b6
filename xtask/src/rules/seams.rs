//! Two seams cross crates, `Disk` and `Engine`. A third trait waits for its second real
//! implementation and a decision record.

use super::Faults;
use crate::repository::Repository;

/// Public traits, with the crate that owns each and its reason.
const LISTED: &[(&str, &str, &str)] = &[
    ("crates/journal/", "Disk", "the disk: real and simulated"),
    ("crates/engine/", "Engine", "what keeps the money: one folder, or many machines"),
];

/// A `pub trait` in a crate's sources must be listed.
pub fn check(repository: &Repository) -> Faults {
    let mut faults = Faults::new();
    for (path, text) in repository.sources() {
        if !(path.starts_with("crates/") && path.contains("/src/")) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            let Some(name) = public_trait(line) else {
                continue;
            };
            if !LISTED.iter().any(|entry| path.starts_with(entry.0) && entry.1 == name) {
                faults.push(format!("{path}:{}: pub trait {name} is not listed", index + 1));
            }
        }
    }
    faults
}

fn public_trait(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = rest.strip_prefix("unsafe ").unwrap_or(rest).strip_prefix("trait ")?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;

    #[test]
    fn the_two_seams_pass_where_they_live() {
        let repository = Repository::of(&[
            ("crates/journal/src/disk/mod.rs", "pub trait Disk: Send {\n"),
            ("crates/engine/src/seam.rs", "pub trait Engine: Send {\n"),
            ("crates/engine/src/table.rs", "trait Inner {}\npub(crate) trait Shard {}\n"),
        ]);
        assert!(check(&repository).is_empty());
    }

    #[test]
    fn a_third_public_trait_fails_and_so_does_a_seam_in_another_crate() {
        let repository = Repository::of(&[
            ("crates/engine/src/clock.rs", "\npub trait Clock<T> {\n"),
            ("crates/server/src/engine.rs", "pub trait Engine {\n"),
        ]);
        assert_eq!(
            check(&repository),
            [
                "crates/engine/src/clock.rs:2: pub trait Clock is not listed",
                "crates/server/src/engine.rs:1: pub trait Engine is not listed"
            ]
        );
    }
}
