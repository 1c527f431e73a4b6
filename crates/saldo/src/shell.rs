//! Commands that a person can paste into a shell, whatever the names in them are.

use crate::output::text::is_deceptive;

/// A `saldo` command: the verb, what it is about, and its options.
#[derive(Clone, Debug)]
pub struct Command {
    verb: &'static str,
    about: Vec<String>,
    options: Vec<(&'static str, Option<String>)>,
}

impl Command {
    /// `saldo verb about…`
    pub fn new<T: ToString>(verb: &'static str, about: impl IntoIterator<Item = T>) -> Self {
        let about = about.into_iter().map(|word| word.to_string()).collect();
        Self { verb, about, options: Vec::new() }
    }

    /// With `--flag value`.
    pub fn option(mut self, flag: &'static str, value: impl Into<String>) -> Self {
        self.options.push((flag, Some(value.into())));
        self
    }

    /// With `--flag`.
    pub fn flag(mut self, flag: &'static str) -> Self {
        self.options.push((flag, None));
        self
    }

    /// The command as one line for a shell. What it is about stands before the options, unless a
    /// word of it would be taken for an option.
    pub fn line(&self) -> String {
        let about: Vec<String> = self.about.iter().map(|word| quoted(word)).collect();
        let options = self.options.iter().flat_map(|(flag, value)| {
            std::iter::once((*flag).to_owned()).chain(value.as_deref().map(quoted))
        });
        let head = ["saldo".to_owned(), self.verb.to_owned()];
        let words: Vec<String> = if self.about.iter().any(|word| word.starts_with('-')) {
            let separator = ["--".to_owned()];
            head.into_iter().chain(options).chain(separator).chain(about).collect()
        } else {
            head.into_iter().chain(about).chain(options).collect()
        };
        words.join(" ")
    }
}

/// The word as a POSIX shell reads it back. A word with characters that deceive the eye is written
/// with their numbers, as bash, zsh and ksh read them.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    if !word.contains(is_deceptive) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut quoted = String::from("$'");
    for character in word.chars() {
        match character {
            '\'' | '\\' => quoted.extend(['\\', character]),
            _ if is_deceptive(character) => {
                quoted.push_str(&format!(r"\U{:08X}", u32::from(character)));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_as_they_are() {
        let command = Command::new("transfer", ["alice", "bob", "777"])
            .option("--tx-id", "0193f1c2-aaaa")
            .option("--server", "127.0.0.1:5000");
        assert_eq!(
            command.line(),
            "saldo transfer alice bob 777 --tx-id 0193f1c2-aaaa --server 127.0.0.1:5000"
        );
    }

    #[test]
    fn names_that_begin_with_a_dash_are_no_options() {
        let command = Command::new("balance", ["-rf"]).option("--server", "h:1");
        assert_eq!(command.line(), "saldo balance --server h:1 -- -rf");
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let names = [
            "",
            "o'brien",
            "a b",
            "$HOME",
            "`id`",
            "a\"b",
            r"a\b",
            "~",
            "*",
            "#x",
            "josé",
            "a;rm -rf /",
            "x\u{202e}y'\\z",
            "\u{200b}",
        ];
        let line = Command::new("balance", names).line();
        let words = line.strip_prefix("saldo balance ").unwrap();
        let echoed = std::process::Command::new("bash")
            .args(["-c", &format!(r"LC_ALL=C.UTF-8; printf '%s\0' {words}")])
            .output()
            .unwrap();
        let read: Vec<&str> =
            std::str::from_utf8(&echoed.stdout).unwrap().split_terminator('\0').collect();
        assert_eq!(read, names);
    }

    #[test]
    fn what_deceives_the_eye_is_written_by_number() {
        assert_eq!(quoted("x\u{202e}y"), r"$'x\U0000202Ey'");
    }
}
