//! A line as words, the way a POSIX shell takes it apart: so that a command that was copied from a
//! shell, or from a hint, means the same here. No variables, no wildcards, no pipes.

/// Why a line is no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This quotation mark is never closed.
    Open(char),
    /// A backslash at the very end.
    Dangling,
    /// In `$'…'`, a number that is no character.
    Number,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(mark) => write!(f, "the quotation mark {mark} is not closed"),
            Self::Dangling => f.write_str("nothing stands behind the last backslash"),
            Self::Number => f.write_str("a number in $'…' is no character"),
        }
    }
}

/// Takes a line apart. A `#` at the beginning of a word hides the rest.
pub fn split(line: &str) -> Result<Vec<String>, Fault> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '#' if word.is_none() => break,
            _ if character.is_ascii_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or(Fault::Open('\''))? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            '"' => double(&mut rest, word.get_or_insert_default())?,
            '$' if rest.peek() == Some(&'\'') => {
                rest.next();
                numbered(&mut rest, word.get_or_insert_default())?;
            }
            '\\' => word.get_or_insert_default().push(rest.next().ok_or(Fault::Dangling)?),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Inside `"…"`: a backslash frees only what has a meaning there.
fn double(rest: &mut impl Iterator<Item = char>, word: &mut String) -> Result<(), Fault> {
    loop {
        match rest.next().ok_or(Fault::Open('"'))? {
            '"' => return Ok(()),
            '\\' => match rest.next().ok_or(Fault::Open('"'))? {
                freed @ ('"' | '\\' | '$' | '`') => word.push(freed),
                other => word.extend(['\\', other]),
            },
            inside => word.push(inside),
        }
    }
}

/// Inside `$'…'`: characters by their numbers, as `shell::quoted` writes them.
fn numbered(rest: &mut impl Iterator<Item = char>, word: &mut String) -> Result<(), Fault> {
    loop {
        match rest.next().ok_or(Fault::Open('\''))? {
            '\'' => return Ok(()),
            '\\' => match rest.next().ok_or(Fault::Open('\''))? {
                'U' => {
                    let digits: String = rest.by_ref().take(8).collect();
                    let number = u32::from_str_radix(&digits, 16).map_err(|_| Fault::Number)?;
                    word.push(char::from_u32(number).ok_or(Fault::Number)?);
                }
                freed => word.push(freed),
            },
            inside => word.push(inside),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::quoted;

    #[test]
    fn words_are_those_of_a_shell() {
        let split = |line| split(line).unwrap();
        assert_eq!(split("transfer  alice\tbob 777 "), ["transfer", "alice", "bob", "777"]);
        assert_eq!(
            split(r#"balance 'a b' "c \"d\" \n" e\ f ''"#),
            ["balance", "a b", "c \"d\" \\n", "e f", ""]
        );
        assert_eq!(split("balance a#b # the rest"), ["balance", "a#b"]);
        assert_eq!(split("   "), Vec::<String>::new());
    }

    #[test]
    fn what_a_hint_has_quoted_is_read_back() {
        for name in
            ["", "o'brien", "a b", "$HOME", "`id`", "a\"b", r"a\b", "#x", "josé", "x\u{202e}y'\\z"]
        {
            assert_eq!(split(&quoted(name)).unwrap(), [name], "{}", quoted(name));
        }
    }

    #[test]
    fn a_line_that_is_no_words_says_why() {
        assert_eq!(split("balance 'a"), Err(Fault::Open('\'')));
        assert_eq!(split("balance \"a"), Err(Fault::Open('"')));
        assert_eq!(split("balance a\\"), Err(Fault::Dangling));
        assert_eq!(split(r"balance $'\UFFFFFFFF'"), Err(Fault::Number));
    }
}
