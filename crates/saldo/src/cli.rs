//! What can be typed: the verbs, in the groups in which `saldo help` shows them.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::proof::{inspect, verify};
use crate::serve;
use crate::verbs::{
    accounts, backup, balance, bench, check, completions, config, conformance, copy, deposit,
    doctor, export, help, import, init, man, postgres, repl, resolve, restore, shutdown, statement,
    tls, token, top, totals, transfer, tx, user, version, withdraw,
};

/// A bank: accounts with exact balances, money that moves between them, every answer on disk before
/// it is given.
#[derive(Debug, Parser)]
#[command(
    name = "saldo",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 80,
    help_template = "{about-with-newline}\n{usage-heading} {usage}{after-help}\n\nOptions:\n{options}",
    after_help = overview()
)]
pub struct Cli {
    /// A file of settings, which comes before those of the person and of the machine
    #[arg(long, global = true, value_name = "FILE", env = "SALDO_CONFIG", help_heading = "Output")]
    pub config: Option<PathBuf>,
    /// When to use colour: auto, always or never; it never carries a meaning alone
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        global = true,
        value_name = "WHEN",
        help_heading = "Output",
        hide_possible_values = true,
        env = "SALDO_COLOR"
    )]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Even into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Set opening balances from a file, all or nothing
    Init(init::Args),
    /// Show what accounts hold
    Balance(balance::Args),
    /// Let money enter the bank
    Deposit(deposit::Args),
    /// Let money leave the bank
    Withdraw(withdraw::Args),
    /// Move money from one account to another
    Transfer(transfer::Args),
    /// Settle what became of a tx_id, or give it up for ever
    Resolve(resolve::Args),
    /// Show one transaction
    Tx(tx::Args),
    /// Show what happened to an account
    Statement(statement::Args),
    /// List accounts and what they hold
    Accounts(accounts::Args),
    /// Show how much there is in all
    Totals(totals::Args),
    /// Write all transactions, or all accounts, for other programs
    Export(export::Args),
    /// Send a file of commands, each of which happens once
    Import(import::Args),
    /// Run the bank
    Serve(serve::Serve),
    /// Type verbs at a prompt, or give them line by line
    Repl(repl::Args),
    /// Stop the server in good order
    Shutdown(shutdown::Args),
    /// Measure a server under load, and prove that its money is exact
    Bench(bench::Args),
    /// Tell a monitor whether the server is well
    Check(check::Args),
    /// Watch the server, live
    Top(top::Args),
    /// Make the schema in which a database keeps a bank
    Postgres(postgres::Args),
    /// Try on a database whether it keeps what a bank promises
    Conformance(conformance::Args),
    /// Move a bank between a folder and a database, with its history
    Copy(copy::Args),
    /// Look at folder, disk, machine and ports before there is trouble
    Doctor(doctor::Args),
    /// Back up a bank, beside its running server as well
    Backup(backup::Args),
    /// Put a backup back, whole or up to a point in time
    Restore(restore::Args),
    /// Prove a data folder, a backup or a database, event by event
    Verify(verify::Verify),
    /// Describe a data folder, file by file
    Inspect(inspect::Inspect),
    /// Give programs access, and take it away
    Token(token::Args),
    /// Give people access, and take it away
    User(user::Args),
    /// Make certificates for development
    Tls(tls::Args),
    /// Show where settings come from, and what is wrong in them
    Config(config::Args),
    /// Write what a shell reads to complete words
    Completions(completions::Args),
    /// Write the pages of the manual
    Man(man::Args),
    /// Show help for a verb or a topic
    Help(help::Args),
    /// Show which version this is
    Version(version::Args),
}

/// The verbs by what they are for. A test compares this with the parser.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("Money", &["init", "balance", "deposit", "withdraw", "transfer", "resolve"]),
    ("History", &["tx", "statement", "accounts", "totals", "export", "import"]),
    ("The server", &["serve", "repl", "shutdown", "bench", "check", "top"]),
    ("A database", &["postgres", "conformance"]),
    ("A bank as it is kept", &["copy", "doctor", "backup", "restore", "verify", "inspect"]),
    ("Who may do what", &["token", "user", "tls"]),
    ("This program", &["config", "completions", "man", "help", "version"]),
];

impl Color {
    /// Makes it so for the rest of the run.
    pub fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

impl Verb {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Init(args) => init::run(args),
            Self::Balance(args) => balance::run(args),
            Self::Deposit(args) => deposit::run(args),
            Self::Withdraw(args) => withdraw::run(args),
            Self::Transfer(args) => transfer::run(args),
            Self::Resolve(args) => resolve::run(args),
            Self::Tx(args) => tx::run(args),
            Self::Statement(args) => statement::run(args),
            Self::Accounts(args) => accounts::run(args),
            Self::Totals(args) => totals::run(args),
            Self::Export(args) => export::run(args),
            Self::Import(args) => import::run(args),
            Self::Serve(args) => serve::run(args),
            // It ends with the number of a line; `main` runs it by itself.
            Self::Repl(args) => repl::run(args).map(|_code| ()),
            Self::Shutdown(args) => shutdown::run(args),
            Self::Bench(args) => bench::run(args),
            Self::Check(args) => check::run(args),
            Self::Top(args) => top::run(args),
            Self::Postgres(args) => postgres::run(&args),
            Self::Conformance(args) => conformance::run(args),
            Self::Copy(args) => copy::run(&args),
            Self::Doctor(args) => doctor::run(&args),
            Self::Backup(args) => backup::run(&args),
            Self::Restore(args) => restore::run(&args),
            Self::Verify(args) => verify::run(&args),
            Self::Inspect(args) => inspect::run(&args),
            Self::Config(args) => config::run(&args),
            Self::Completions(args) => completions::run(&args),
            Self::Man(args) => man::run(&args),
            Self::Token(args) => token::run(&args),
            Self::User(args) => user::run(&args),
            Self::Tls(args) => tls::run(&args),
            Self::Help(args) => help::run(&args),
            Self::Version(args) => version::run(&args),
        }
    }

    /// Whether it talks to a server.
    pub fn asks_server(&self) -> bool {
        match self {
            Self::Init(_)
            | Self::Balance(_)
            | Self::Deposit(_)
            | Self::Withdraw(_)
            | Self::Transfer(_)
            | Self::Resolve(_)
            | Self::Tx(_)
            | Self::Statement(_)
            | Self::Accounts(_)
            | Self::Totals(_)
            | Self::Export(_)
            | Self::Import(_)
            | Self::Shutdown(_)
            | Self::Bench(_)
            | Self::Check(_)
            | Self::Top(_) => true,
            Self::Serve(_)
            | Self::Repl(_)
            | Self::Postgres(_)
            | Self::Conformance(_)
            | Self::Copy(_)
            | Self::Doctor(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Verify(_)
            | Self::Inspect(_)
            | Self::Config(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Token(_)
            | Self::User(_)
            | Self::Tls(_)
            | Self::Help(_)
            | Self::Version(_) => false,
        }
    }

    /// Whether its answer, and so its errors, are JSON.
    pub fn answers_in_json(&self) -> bool {
        match self {
            Self::Init(args) => args.output.wants_json(),
            Self::Balance(args) => args.output.wants_json(),
            Self::Deposit(args) => args.output().wants_json(),
            Self::Withdraw(args) => args.output().wants_json(),
            Self::Transfer(args) => args.output.wants_json(),
            Self::Resolve(args) => args.output.wants_json(),
            Self::Tx(args) => args.output.wants_json(),
            Self::Statement(args) => args.output.wants_json(),
            Self::Accounts(args) => args.output.wants_json(),
            Self::Totals(args) => args.output.wants_json(),
            Self::Import(args) => args.output.wants_json(),
            Self::Shutdown(args) => args.output.wants_json(),
            Self::Bench(args) => args.output.wants_json(),
            Self::Check(args) => args.wants_json(),
            Self::Top(args) => args.output.wants_json(),
            Self::Conformance(args) => args.output.wants_json(),
            Self::Copy(args) => args.output.wants_json(),
            Self::Doctor(args) => args.output.wants_json(),
            Self::Backup(args) => args.output.wants_json(),
            Self::Restore(args) => args.output.wants_json(),
            Self::Verify(args) => args.output.wants_json(),
            Self::Inspect(args) => args.output.wants_json(),
            Self::Config(args) => args.output().wants_json(),
            Self::Export(_) | Self::Serve(_) | Self::Repl(_) | Self::Postgres(_) => false,
            Self::Completions(_) | Self::Man(_) | Self::Help(_) => false,
            Self::Token(args) => args.output().wants_json(),
            Self::User(args) => args.output().wants_json(),
            Self::Tls(args) => args.output().wants_json(),
            Self::Version(args) => args.json,
        }
    }
}

/// The verbs in their groups, as `saldo help` lists them, from the parser's own words.
fn overview() -> String {
    // `after_help` is computed while the command is being built: the list of verbs comes from
    // the verbs alone, not from `Cli`.
    let verbs = Verb::augment_subcommands(clap::Command::new("saldo"));
    let mut text = String::new();
    for (group, names) in GROUPS {
        text.push_str(group);
        text.push_str(":\n");
        for name in *names {
            let about = verbs
                .find_subcommand(name)
                .and_then(clap::Command::get_about)
                .map(ToString::to_string)
                .unwrap_or_default();
            text.push_str(&format!("  {name:<13}{about}\n"));
        }
        text.push('\n');
    }
    text.push_str("Topics:\n");
    for topic in crate::help::TOPICS {
        text.push_str(&format!("  help {:<14}{}\n", topic.name, topic.about));
    }
    text.push_str("\nAmounts are whole cents everywhere: 1250 is 12.50.");
    text
}

/// The parser, built: every part knows its name and its usage.
pub fn built() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_stands_in_one_group() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let command = Cli::command();
        let verbs: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(grouped, verbs, "in the order of the parser");
    }

    #[test]
    fn every_verb_but_those_about_this_program_ends_its_help_with_two_examples() {
        let command = built();
        for verb in GROUPS[..GROUPS.len() - 1].iter().flat_map(|(_, names)| *names) {
            let mut verb = command.find_subcommand(verb).unwrap().clone();
            let help = verb.render_long_help().to_string();
            let (_, examples) = help.rsplit_once("Examples:\n").unwrap_or_else(|| {
                panic!("{} has no examples", verb.get_name());
            });
            // The end of one that is wider than the screen stands in a line of its own.
            let name = format!("saldo {}", verb.get_name());
            let count = examples.lines().filter(|line| line.contains(&name)).count();
            assert_eq!(count, 2, "{examples}");
        }
    }

    #[test]
    fn the_overview_fits_a_terminal_of_80_columns() {
        for line in built().render_help().to_string().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn negative_amounts_reach_the_verb_that_refuses_them() {
        assert!(Cli::try_parse_from(["saldo", "deposit", "alice", "-5"]).is_ok());
        assert!(Cli::try_parse_from(["saldo", "balance", "--", "-x"]).is_ok());
    }
}
