//! The repository works on any machine and speaks of itself alone: no home folders, no build
//! folders of one machine, no talk about how a change came to be.

use super::Faults;
use crate::repository::Repository;

/// Compared in lower case; written in two halves, so that this file passes its own rule.
const FORBIDDEN: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/tmp/", "target"),
    concat!(".lib", "rary/"),
    concat!("sub", "agent"),
    concat!("ai ", "assistant"),
    concat!("as an ", "ai"),
    concat!("language ", "model"),
];

/// Followed by a number: a ticket of some tracker, which a reader of the code cannot see.
const TICKET: &str = concat!("iss", "ue ");

/// No text file may hold one.
pub fn check(repository: &Repository) -> Faults {
    let mut faults = Faults::new();
    for (path, text) in repository.files() {
        for (index, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            for word in FORBIDDEN {
                if line.contains(word) {
                    faults.push(format!("{path}:{}: {word}", index + 1));
                }
            }
            if names_a_ticket(&line) {
                faults.push(format!("{path}:{}: {TICKET}with a number", index + 1));
            }
        }
    }
    faults
}

fn names_a_ticket(line: &str) -> bool {
    line.match_indices(TICKET).any(|(start, _)| {
        let after = line.get(start + TICKET.len()..).unwrap_or_default();
        after.trim_start_matches('#').starts_with(|first: char| first.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::{FORBIDDEN, TICKET, check};
    use crate::repository::Repository;

    #[test]
    fn each_word_fails_in_any_text_file_and_any_case() {
        for word in FORBIDDEN {
            let text = format!("see {}x\n", word.to_uppercase());
            assert_eq!(
                check(&Repository::of(&[("docs/a.md", &text)])),
                [format!("docs/a.md:1: {word}")]
            );
        }
    }

    #[test]
    fn a_ticket_number_fails_and_the_plain_word_does_not() {
        let text = format!("an {TICKET}of shares\nas in {TICKET}#12\n");
        let faults = check(&Repository::of(&[("docs/a.md", &text)]));
        assert_eq!(faults, [format!("docs/a.md:2: {TICKET}with a number")]);
    }
}
