//! What may stand at the cursor: verbs, flags and their values from the parser's definition, names of
//! accounts from the server.

use std::time::{Duration, Instant};

use client::request::history::Page;
use client::{Address, Client};
use reedline::{Completer, CompletionResult, Span, Suggestion};

use super::line::{COMMANDS, REFUSED};
use crate::cli;
use crate::runtime;
use crate::server::Server;
use crate::shell;

/// Longest wait for names: whoever types must not be kept.
const PATIENCE: Duration = Duration::from_millis(300);

/// Most names that are offered.
const NAMES_MAX: usize = 20;

/// For how long names that the server gave are offered again without asking.
const FRESH: Duration = Duration::from_secs(2);

/// The words for what is an account, as the parser's definition calls its places.
const ACCOUNTS: [&str; 3] = ["NAME", "FROM", "TO"];

/// Completes lines.
pub struct Words {
    command: clap::Command,
    server: Address,
    /// The last prefix that was asked for, its names, and when.
    asked: Option<(String, Vec<String>, Instant)>,
}

impl Words {
    /// With the names of this server's accounts.
    pub fn for_server(server: &Server) -> Self {
        Self { command: cli::built(), server: server.address.clone(), asked: None }
    }

    /// What may stand at the end of this, each with its description; and where that word begins.
    fn offers(&mut self, line: &str) -> (usize, Vec<(String, Option<String>)>) {
        let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (before, word) = line.split_at(start);
        let mut before: Vec<&str> = before.split_whitespace().collect();
        match before.first() {
            Some(&"saldo") => drop(before.remove(0)),
            Some(&r"\watch") if before.len() > 1 => drop(before.drain(..2)),
            Some(&r"\o") => {
                let formats = ["table", "tsv", "csv", "json", "jsonl", "auto"];
                return (start, starting(formats.map(plain), word));
            }
            Some(own) if own.starts_with('\\') => return (start, Vec::new()),
            _ => {}
        }
        let offers = match Place::find(&self.command, &before, word) {
            Place::Words(words) => starting(words, word),
            Place::Account => {
                let names = self.names(word).into_iter().map(|name| (shell::quoted(&name), None));
                names.collect()
            }
        };
        (start, offers)
    }

    /// Names of accounts that begin so; none where the server does not answer at once.
    fn names(&mut self, prefix: &str) -> Vec<String> {
        if let Some((asked, names, at)) = &self.asked
            && asked == prefix
            && at.elapsed() < FRESH
        {
            return names.clone();
        }
        let page = Page { limit: Some(NAMES_MAX), cursor: None };
        let mut client = Client::new(self.server.clone(), PATIENCE);
        let asked = runtime::block_on(async { Ok(client.accounts(prefix, false, page).await) });
        let found = asked.ok().and_then(Result::ok).and_then(|reply| reply.answer.ok());
        let names: Vec<String> = found
            .map(|accounts| accounts.items.iter().map(|one| one.account.to_string()).collect())
            .unwrap_or_default();
        self.asked = Some((prefix.to_owned(), names.clone(), Instant::now()));
        names
    }
}

/// What is meant at the cursor.
enum Place {
    /// One of these words.
    Words(Vec<(String, Option<String>)>),
    /// The name of an account.
    Account,
}

impl Place {
    fn find(command: &clap::Command, before: &[&str], word: &str) -> Self {
        let mut command = command;
        let mut words = before.iter();
        let mut places = command.get_positionals();
        // A flag whose value comes next.
        let mut waiting: Option<&clap::Arg> = None;
        for word in words.by_ref() {
            if waiting.take().is_some() {
                continue;
            }
            if let Some(flag) = flag(command, word) {
                waiting = Some(flag).filter(|flag| flag.get_action().takes_values());
            } else if let Some(below) = command.find_subcommand(word) {
                command = below;
                places = command.get_positionals();
            } else if !word.starts_with('-') {
                places.next();
            }
        }
        if let Some(flag) = waiting {
            return Self::of(flag);
        }
        if word.starts_with('-') {
            let flags = command.get_arguments().filter(|flag| !flag.is_hide_set());
            let flags =
                flags.filter_map(|flag| Some((format!("--{}", flag.get_long()?), about(flag))));
            return Self::Words(flags.collect());
        }
        if command.has_subcommands() {
            return Self::Words(verbs(command, before.is_empty()));
        }
        // The last place of a verb may take many words.
        let last = command.get_positionals().last();
        let many =
            last.filter(|last| last.get_num_args().is_some_and(|count| count.max_values() > 1));
        places.next().or(many).map_or(Self::Words(Vec::new()), Self::of)
    }

    fn of(arg: &clap::Arg) -> Self {
        let name = arg.get_value_names().and_then(|names| names.first());
        if name.is_some_and(|name| ACCOUNTS.contains(&name.as_str())) && arg.is_positional() {
            return Self::Account;
        }
        let values = arg.get_possible_values();
        Self::Words(values.iter().map(|value| (value.get_name().to_owned(), None)).collect())
    }
}

fn flag<'c>(command: &'c clap::Command, word: &str) -> Option<&'c clap::Arg> {
    command.get_arguments().find(|arg| match word.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => word
            .strip_prefix('-')
            .is_some_and(|short| arg.get_short().is_some_and(|letter| short == letter.to_string())),
    })
}

fn verbs(command: &clap::Command, with_own: bool) -> Vec<(String, Option<String>)> {
    let verbs = command.get_subcommands().filter(|verb| !REFUSED.contains(&verb.get_name()));
    let mut verbs: Vec<_> = verbs
        .map(|verb| (verb.get_name().to_owned(), verb.get_about().map(ToString::to_string)))
        .collect();
    if with_own {
        let name = |usage: &str| usage.split_whitespace().next().unwrap_or_default().to_owned();
        verbs.extend(COMMANDS.map(|(usage, about)| (name(usage), Some(about.to_owned()))));
    }
    verbs
}

fn about(arg: &clap::Arg) -> Option<String> {
    arg.get_help().map(ToString::to_string)
}

fn plain(word: &str) -> (String, Option<String>) {
    (word.to_owned(), None)
}

fn starting(
    words: impl IntoIterator<Item = (String, Option<String>)>,
    prefix: &str,
) -> Vec<(String, Option<String>)> {
    words.into_iter().filter(|(word, _)| word.starts_with(prefix)).collect()
}

impl Completer for Words {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let (start, offers) = self.offers(line.get(..pos).unwrap_or(line));
        let suggestions: Vec<Suggestion> = offers
            .into_iter()
            .map(|(value, description)| Suggestion {
                value,
                description,
                span: Span { start, end: pos },
                append_whitespace: true,
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(line: &str) -> Vec<String> {
        // Nobody listens there, and nobody is asked by these lines.
        let server = Address::parse("127.0.0.1:1").unwrap();
        let mut words = Words { command: cli::built(), server, asked: None };
        words.offers(line).1.into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn verbs_flags_and_values_are_offered_where_they_may_stand() {
        assert_eq!(offered("bal"), ["balance"]);
        assert_eq!(offered(r"\w"), [r"\watch"]);
        assert_eq!(offered("saldo tran"), ["transfer"]);
        assert_eq!(offered("transfer alice --tx"), ["--tx-id"]);
        assert_eq!(offered("balance alice -o js"), ["json", "jsonl"]);
        assert_eq!(offered("help exit"), ["exit-codes"]);
        assert_eq!(offered("config c"), ["check"]);
        assert_eq!(offered(r"\o js"), ["json", "jsonl"]);
        assert_eq!(offered(r"\watch 2 bal"), ["balance"]);
        assert_eq!(offered("serv"), Vec::<String>::new(), "not at the prompt");
    }

    #[test]
    fn accounts_are_asked_for_where_their_names_stand() {
        let command = cli::built();
        let is_account =
            |before: &[&str]| matches!(Place::find(&command, before, "a"), Place::Account);
        for before in [
            &["balance"][..],
            &["balance", "alice"],
            &["transfer"],
            &["transfer", "alice"],
            &["transfer", "--tx-id", "t", "alice"],
            &["statement"],
        ] {
            assert!(is_account(before), "{before:?}");
        }
        for before in [&["transfer", "alice", "bob"][..], &["transfer", "--tx-id"], &["tx"], &[]] {
            assert!(!is_account(before), "{before:?}");
        }
    }
}
