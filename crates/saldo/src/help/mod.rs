//! The topics of `saldo help` that belong to no single verb. Their texts are files beside this one.

/// A topic.
#[derive(Debug)]
pub struct Topic {
    /// As it is typed.
    pub name: &'static str,
    /// In a few words.
    pub about: &'static str,
    /// Its text, with its last newline.
    pub text: &'static str,
}

/// The numbers with which the process ends.
pub const EXIT_CODES: &str = include_str!("exit_codes.txt");

/// Every topic.
pub const TOPICS: &[Topic] = &[
    Topic { name: "exit-codes", about: "What the process ends with", text: EXIT_CODES },
    Topic {
        name: "environment",
        about: "Variables that stand for flags",
        text: include_str!("environment.txt"),
    },
    Topic {
        name: "config",
        about: "Settings in files, and where they come from",
        text: include_str!("config.txt"),
    },
    Topic {
        name: "formats",
        about: "Tables, tab-separated values, JSON",
        text: include_str!("formats.txt"),
    },
    Topic {
        name: "examples",
        about: "From the first deposit to a script",
        text: include_str!("examples.txt"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_fit_a_terminal_of_80_columns() {
        for topic in TOPICS {
            for line in topic.text.lines() {
                assert!(line.chars().count() <= 80, "{}: {line}", topic.name);
            }
            assert!(topic.text.ends_with('\n') && !topic.text.ends_with("\n\n"));
        }
    }
}
