//! `saldo help [TOPIC]`: the overview, one verb, or a topic that belongs to no verb.

use clap::builder::PossibleValuesParser;

use crate::cli::{self, GROUPS};
use crate::failure::Failure;
use crate::help::TOPICS;
use crate::output;

/// The flags of `help`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  saldo help transfer\n  saldo help exit-codes")]
pub struct Args {
    /// A verb, or a topic
    #[arg(value_name = "TOPIC", value_parser = PossibleValuesParser::new(names()))]
    topic: Option<String>,
}

/// Everything that there is help for.
fn names() -> impl Iterator<Item = &'static str> {
    let verbs = || GROUPS.iter().flat_map(|(_, names)| *names).copied();
    let topics = TOPICS.iter().map(|topic| topic.name);
    verbs().chain(topics.filter(move |topic| !verbs().any(|verb| verb == *topic)))
}

/// Shows it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut command = cli::built();
    let Some(wanted) = args.topic.as_deref() else {
        return output::print_styled(&command.render_help());
    };
    let topic = TOPICS.iter().find(|topic| topic.name == wanted);
    match (command.find_subcommand_mut(wanted), topic) {
        // A name can be both; then each tells what the other does not.
        (Some(verb), Some(topic)) => {
            output::print_styled(&verb.render_long_help())?;
            output::print(&format!("\n{}", topic.text))
        }
        (Some(verb), None) => output::print_styled(&verb.render_long_help()),
        (None, Some(topic)) => output::print(topic.text),
        // The parser lets nothing else through.
        (None, None) => Err(Failure::usage(format!("there is no help for {wanted}"))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn there_is_help_for_every_verb_and_topic_and_a_suggestion_for_a_slip() {
        for name in names() {
            assert!(Cli::try_parse_from(["saldo", "help", name]).is_ok(), "{name}");
        }
        let error = Cli::try_parse_from(["saldo", "help", "exitcodes"]).unwrap_err();
        assert!(error.to_string().contains("'exit-codes'"), "{error}");
    }
}
