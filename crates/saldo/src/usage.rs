//! What was typed and cannot be understood. clap knows what is wrong and what is near; this puts it
//! into the form of every other error.

use std::env;
use std::process::ExitCode;

use clap::ValueEnum as _;
use clap::error::ErrorKind;

use crate::cli::Color;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output;

/// Shows help and version where they were asked for. Errors: the mistake otherwise.
pub fn shown(error: &clap::Error) -> Result<(), Failure> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return output::print_styled(&error.render());
    }
    Err(understood(error.kind(), &error.render().to_string()))
}

/// Shows help and version where they were asked for, and the mistake otherwise.
pub fn report(error: &clap::Error) -> ExitCode {
    let kind = error.kind();
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        output::complain_styled(&error.render());
        return ExitCode::from(Exit::Usage.code());
    }
    match shown(error) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if is_for_a_monitor(typed()) => {
            failure.ending_with(Exit::NothingDone).report(wants_json(typed()))
        }
        Err(failure) => failure.report(wants_json(typed())),
    }
}

/// What the parser says is wrong, in a line.
pub fn problem(error: &clap::Error) -> String {
    understood(error.kind(), &error.render().to_string()).text().to_owned()
}

/// The failure in clap's words: its first paragraph, and its tip or else where help stands.
fn understood(kind: ErrorKind, rendered: &str) -> Failure {
    let (problem, rest) = match rendered.split_once("\n\n") {
        Some((problem, rest)) => (problem, rest),
        None => (rendered, ""),
    };
    let problem = problem.strip_prefix("error: ").unwrap_or(problem);
    let problem: Vec<&str> = problem.split_whitespace().collect();
    let tip = rest.lines().find_map(|line| line.trim_start().strip_prefix("tip: "));
    let usage = rest.lines().find_map(|line| line.strip_prefix("Usage: "));
    let failure = Failure::usage(problem.join(" "));
    let verb = usage.and_then(|usage| usage.split_whitespace().nth(1));
    match (tip, usage, verb) {
        (Some(tip), _, _) => failure.hint(tip),
        (None, Some(usage), _) if kind == ErrorKind::MissingRequiredArgument => failure.hint(usage),
        (None, _, Some(verb)) if !verb.starts_with(['[', '<']) => {
            failure.hint(format!("saldo help {verb}"))
        }
        (None, _, _) => failure.hint("saldo help"),
    }
}

/// What was typed behind the program's name, whatever bytes it has.
pub fn typed() -> impl Iterator<Item = String> {
    env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())
}

/// Whether the verb is the one whose numbers mean something else: to a monitor 2 is critical, and 3 is
/// what could not be found out.
fn is_for_a_monitor(words: impl Iterator<Item = String>) -> bool {
    // The values of --color are no verbs.
    words.into_iter().find(|word| !word.starts_with('-') && Color::from_str(word, false).is_err())
        == Some("check".to_owned())
}

/// Whether JSON was asked for, as far as words that could not be understood tell.
pub fn wants_json(words: impl Iterator<Item = String>) -> bool {
    let words: Vec<String> = words.take_while(|word| word != "--").collect();
    let pair = |flag: &str| {
        words
            .windows(2)
            .any(|pair| matches!(pair, [name, value] if name == flag && value == "json"))
    };
    words
        .iter()
        .any(|word| matches!(word.as_str(), "--json" | "-ojson" | "-o=json" | "--output=json"))
        || pair("-o")
        || pair("--output")
        || words.iter().any(|word| word == "--format=json")
        || pair("--format")
        || env::var("SALDO_OUTPUT").is_ok_and(|format| format == "json")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn mistake(words: &[&str]) -> Failure {
        let error = Cli::try_parse_from(words).unwrap_err();
        understood(error.kind(), &error.render().to_string())
    }

    #[test]
    fn a_verb_that_is_nearly_one_is_suggested() {
        let failure = mistake(&["saldo", "balanse", "alice"]);
        let (exit, code, text, hint) = failure.parts();
        assert_eq!((exit, code), (2, "usage"));
        assert_eq!(text, "unrecognized subcommand 'balanse'");
        assert_eq!(hint, Some("a similar subcommand exists: 'balance'"));
    }

    #[test]
    fn what_is_missing_is_named_with_the_usage() {
        let failure = mistake(&["saldo", "transfer", "alice"]);
        let (_, _, text, hint) = failure.parts();
        assert_eq!(text, "the following required arguments were not provided: <TO> <CENTS>");
        assert_eq!(hint, Some("saldo transfer <FROM> <TO> <CENTS>"));
    }

    #[test]
    fn other_mistakes_say_where_help_stands() {
        let failure = mistake(&["saldo", "balance", "alice", "--json", "-q"]);
        let (_, _, text, hint) = failure.parts();
        assert_eq!(text, "the argument '--json' cannot be used with '--quiet'");
        assert_eq!(hint, Some("saldo help balance"));
    }

    #[test]
    fn a_mistake_in_the_words_of_a_monitor_is_unknown_to_it() {
        let is = |words: &[&str]| is_for_a_monitor(words.iter().map(ToString::to_string));
        assert!(is(&["check", "--fly"]));
        assert!(is(&["--color", "never", "check", "--fly"]));
        assert!(!is(&["help", "check"]));
        assert!(!is(&["--fly"]));
    }

    #[test]
    fn json_is_seen_in_words_that_make_no_sense() {
        let wants = |words: &[&str]| wants_json(words.iter().map(ToString::to_string));
        assert!(wants(&["fly", "--json"]));
        assert!(wants(&["fly", "-o", "json"]));
        assert!(wants(&["--output=json"]));
        assert!(!wants(&["fly", "-o", "tsv", "--", "--json"]));
    }
}
