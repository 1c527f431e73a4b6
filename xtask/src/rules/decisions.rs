//! Decision records are read in order and never renumbered: `docs/decisions/NNNN-title.md`.

use super::Faults;
use crate::repository::Repository;

const FOLDER: &str = "docs/decisions/";

/// The numbers must run from 1 without gap or double, each with a title in lower case and a
/// heading.
pub fn check(repository: &Repository) -> Faults {
    let mut faults = Faults::new();
    let mut next = 1;
    for (path, text) in repository.files() {
        let Some(name) = path.strip_prefix(FOLDER) else {
            continue;
        };
        match number(name) {
            None => faults.push(format!("{path}: must be named NNNN-title-in-lower-case.md")),
            // Paths come in order, so a gap or a double shows at the first that is off.
            Some(number) if number != next => {
                faults.push(format!("{path}: the next number is {next:04}"));
                next = number + 1;
            }
            Some(_) => next += 1,
        }
        if !text.starts_with("# ") {
            faults.push(format!("{path}: must begin with a heading"));
        }
    }
    faults
}

fn number(name: &str) -> Option<u32> {
    let (digits, title) = name.strip_suffix(".md")?.split_once('-')?;
    let is_title = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_named = digits.len() == 4 && !title.is_empty() && title.chars().all(is_title);
    if well_named { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;

    fn faults(names: &[&str]) -> Vec<String> {
        let paths: Vec<String> =
            names.iter().map(|name| format!("docs/decisions/{name}")).collect();
        let samples: Vec<(&str, &str)> =
            paths.iter().map(|path| (path.as_str(), "# T\n")).collect();
        check(&Repository::of(&samples))
    }

    #[test]
    fn numbers_from_one_without_gaps_pass() {
        assert!(faults(&["0001-name-index.md", "0002-lints.md"]).is_empty());
    }

    #[test]
    fn a_gap_fails() {
        assert_eq!(
            faults(&["0001-a.md", "0003-c.md", "0004-d.md"]),
            ["docs/decisions/0003-c.md: the next number is 0002"]
        );
    }

    #[test]
    fn a_double_fails() {
        assert_eq!(
            faults(&["0001-a.md", "0001-b.md"]),
            ["docs/decisions/0001-b.md: the next number is 0002"]
        );
    }

    #[test]
    fn another_name_and_a_missing_heading_fail() {
        assert_eq!(
            faults(&["notes.md"]),
            ["docs/decisions/notes.md: must be named NNNN-title-in-lower-case.md"]
        );
        let bare = Repository::of(&[("docs/decisions/0001-a.md", "text\n")]);
        assert_eq!(check(&bare), ["docs/decisions/0001-a.md: must begin with a heading"]);
    }
}
