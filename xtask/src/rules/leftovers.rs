//! What a change leaves behind by mistake: promises, debug prints, switched-off tests, dead code.

use super::Faults;
use crate::repository::Repository;

/// Written in two halves, so that this file passes its own rule.
const LEFTOVERS: &[&str] = &[
    concat!("tod", "o!("),
    concat!("unimplem", "ented!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("db", "g!("),
    concat!("#[ig", "nore"),
    concat!("allow(dead", "_code"),
];

/// No source may hold one.
pub fn check(repository: &Repository) -> Faults {
    let mut faults = Faults::new();
    for (path, text) in repository.sources() {
        for (index, line) in text.lines().enumerate() {
            for leftover in LEFTOVERS {
                if line.contains(leftover) {
                    faults.push(format!("{path}:{}: {leftover}", index + 1));
                }
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{LEFTOVERS, check};
    use crate::repository::Repository;

    #[test]
    fn each_leftover_fails_with_its_line() {
        for leftover in LEFTOVERS {
            let text = format!("fn main() {{\n    {leftover}\n}}\n");
            let repository = Repository::of(&[("a.rs", &text), ("notes.md", &text)]);
            assert_eq!(check(&repository), [format!("a.rs:2: {leftover}")]);
        }
    }

    #[test]
    fn a_clean_file_passes() {
        assert!(check(&Repository::of(&[("a.rs", "fn main() {}\n")])).is_empty());
    }
}
