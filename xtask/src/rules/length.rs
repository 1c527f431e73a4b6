//! A file has one concern; at 600 lines it is time to think again.

use super::Faults;
use crate::repository::Repository;

const LINES_MAX: usize = 600;

/// Longer files, with the reason why each is one thing. The list may only shrink.
const LISTED: &[(&str, &str)] = &[];

/// A longer file must be listed, and a listed file must still be longer.
pub fn check(repository: &Repository) -> Faults {
    check_with(repository, LISTED)
}

fn check_with(repository: &Repository, listed: &[(&str, &str)]) -> Faults {
    let is_listed = |path: &str| listed.iter().any(|entry| entry.0 == path);
    let mut faults = Faults::new();
    for (path, text) in repository.sources() {
        let lines = text.lines().count();
        if lines > LINES_MAX && !is_listed(path) {
            faults.push(format!("{path}: {lines} lines; split it by concern, or list why not"));
        }
    }
    for (path, _) in listed {
        if !repository.text(path).is_ok_and(|text| text.lines().count() > LINES_MAX) {
            faults.push(format!("{path}: is listed as a long file and is none: take it off"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{check, check_with};
    use crate::repository::Repository;

    #[test]
    fn the_600th_line_passes_and_the_601st_fails() {
        let (fits, passes) = ("x\n".repeat(600), "x\n".repeat(601));
        let repository = Repository::of(&[("a.rs", &fits), ("b.rs", &passes)]);
        assert_eq!(check(&repository), ["b.rs: 601 lines; split it by concern, or list why not"]);
    }

    #[test]
    fn a_listed_file_may_be_long_and_must_be() {
        let repository = Repository::of(&[("long.rs", &"x\n".repeat(700)), ("short.rs", "x\n")]);
        let listed = [("long.rs", "a catalogue"), ("short.rs", "was one once")];
        assert_eq!(
            check_with(&repository, &listed),
            ["short.rs: is listed as a long file and is none: take it off"]
        );
    }
}
