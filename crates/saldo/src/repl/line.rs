//! What one line asks for: a verb of the command line, or one of the prompt's own commands.

use std::time::Duration;

use clap::ValueEnum as _;

use super::words;
use crate::duration;
use crate::failure::Failure;
use crate::output::{Format, text};

/// The prompt's own commands, with what they do.
pub const COMMANDS: [(&str, &str); 6] = [
    (r"\timing [on|off]", "say after each line how long it took"),
    (r"\watch 2 balance alice", "the same again every 2 seconds, until Ctrl-C"),
    (r"\o FORMAT", "answer in this format: table, tsv, csv, json, jsonl or auto"),
    (r#"\raw {"cmd":…}"#, "send a line as it is, and show the reply"),
    (r"\?", "this list"),
    (r"\q", "leave; Ctrl-D does as well"),
];

/// Verbs that make no sense inside: they run for as long as they like, or ask for a terminal of
/// their own.
pub const REFUSED: [&str; 2] = ["serve", "repl"];

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing.
    Empty,
    /// This verb, with its words.
    Verb(Vec<String>),
    /// Times on, off, or the other way round.
    Timing(Option<bool>),
    /// These words, again and again.
    Watch(Duration, Vec<String>),
    /// Answers in this format; `None`: by the stream.
    Format(Option<Format>),
    /// This line for the server.
    Raw(String),
    /// The list of commands.
    Commands,
    /// The end.
    Quit,
}

/// Reads a line. Errors: it is none.
pub fn read(line: &str) -> Result<Line, Failure> {
    let line = line.trim();
    if let Some(raw) = line.strip_prefix(r"\raw") {
        return raw_line(raw.trim());
    }
    // A backslash at the beginning is the prompt's own; elsewhere it is the shell's.
    let (own, rest) = match line.strip_prefix('\\') {
        Some(own) => match own.split_once(char::is_whitespace) {
            Some((name, rest)) => (Some(name), rest),
            None => (Some(own), ""),
        },
        None => (None, line),
    };
    let words = words::split(rest).map_err(|fault| Failure::usage(fault.to_string()))?;
    let Some(own) = own else { return Ok(verb(words)) };
    let only: Vec<&str> = words.iter().map(String::as_str).collect();
    match (own, only.as_slice()) {
        ("q", []) => Ok(Line::Quit),
        ("?" | "h", []) => Ok(Line::Commands),
        ("timing", []) => Ok(Line::Timing(None)),
        ("timing", ["on"]) => Ok(Line::Timing(Some(true))),
        ("timing", ["off"]) => Ok(Line::Timing(Some(false))),
        ("o", ["auto"]) => Ok(Line::Format(None)),
        ("o", [format]) => match Format::from_str(format, false) {
            Ok(format) => Ok(Line::Format(Some(format))),
            Err(_) => {
                Err(Failure::usage(format!(r"\o {}: {}", text::quoted(format), Format::NEEDED)))
            }
        },
        ("watch", [every, rest @ ..]) if !rest.is_empty() => {
            let every = pause(every).ok_or_else(|| {
                Failure::usage(format!(
                    r"\watch {}: give seconds, or {}",
                    text::quoted(every),
                    duration::NEEDED
                ))
            })?;
            let Line::Verb(words) = verb(words.into_iter().skip(1).collect()) else {
                return Err(misused(own));
            };
            Ok(Line::Watch(every, words))
        }
        _ => Err(misused(own)),
    }
}

fn misused(own: &str) -> Failure {
    let is_known = COMMANDS.iter().any(|(usage, _)| {
        usage.split_whitespace().next().and_then(|name| name.strip_prefix('\\')) == Some(own)
    });
    let name = text::name(own);
    let text = match is_known {
        true => format!(r"\{own} is used in another way"),
        false => format!("there is no command \\{name}"),
    };
    Failure::usage(text).hint(r"\? lists the commands of the prompt, help those of saldo")
}

/// A number alone is seconds.
fn pause(text: &str) -> Option<Duration> {
    duration::parse(text).or_else(|| duration::parse(&format!("{text}s")))
}

fn raw_line(json: &str) -> Result<Line, Failure> {
    if json.is_empty() {
        return Err(misused("raw"));
    }
    Ok(Line::Raw(json.to_owned()))
}

/// A verb; the program's own name before it, as a hint has it, is left out.
fn verb(mut words: Vec<String>) -> Line {
    if words.first().is_some_and(|word| word == "saldo") {
        words.remove(0);
    }
    if words.is_empty() { Line::Empty } else { Line::Verb(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_line_is_a_verb_or_a_command_of_the_prompt() {
        let two = Duration::from_secs(2);
        let balance = || words(&["balance", "alice"]);
        for (line, expected) in [
            ("", Line::Empty),
            ("  # nothing", Line::Empty),
            ("balance alice", Line::Verb(balance())),
            ("saldo balance alice", Line::Verb(balance())),
            (r"\timing", Line::Timing(None)),
            (r"\timing off", Line::Timing(Some(false))),
            (r"\watch 2 balance alice", Line::Watch(two, balance())),
            (r"\watch 2s saldo balance alice", Line::Watch(two, balance())),
            (r"\o json", Line::Format(Some(Format::Json))),
            (r"\o auto", Line::Format(None)),
            (r#"\raw {"cmd": "x'"}"#, Line::Raw(r#"{"cmd": "x'"}"#.to_owned())),
            (r"\?", Line::Commands),
            (r"\q", Line::Quit),
        ] {
            assert_eq!(read(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn what_is_neither_says_so() {
        for (line, said) in [
            (r"\x", r"there is no command \x"),
            (r"\timing maybe", r"\timing is used in another way"),
            (r"\watch balance", r"\watch is used in another way"),
            (r"\watch soon balance alice", r"\watch "),
            (r"\o xml", r"\o "),
            (r"\raw", r"\raw is used in another way"),
            ("balance 'a", "the quotation mark ' is not closed"),
        ] {
            let failure = read(line).unwrap_err();
            assert!(failure.text().starts_with(said), "{line}: {}", failure.text());
        }
    }
}
