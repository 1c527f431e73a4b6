//! `saldo bench`: how fast the bank is on this machine, and that it stays exact meanwhile.

use std::sync::Arc;
use std::time::Duration;

use clap::value_parser;
use rand::Rng;

use crate::act::Act;
use crate::bench::books::{self, BooksFault};
use crate::bench::fault::Fault;
use crate::bench::names::{self, Names};
use crate::bench::progress::{self, Progress, When};
use crate::bench::report::{Money, Report};
use crate::bench::{Load, run};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Answer, Output, OutputArgs, text};
use crate::server::{Server, ServerArgs};
use crate::shell::Command;
use crate::{duration, refused, runtime, unanswered};

/// The flags of `bench`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo bench --secs 30\n  saldo bench --conns 64 --depth 1 --json"
)]
pub struct Args {
    /// How many connections
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = value_parser!(u32).range(1..=10_000))]
    conns: u32,
    /// How many transfers each connection keeps in flight
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = value_parser!(u32).range(1..=65_536))]
    depth: u32,
    /// Between how many accounts money moves; they are made for this run, and stay in the ledger
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = value_parser!(u32).range(2..=1_000_000))]
    accounts: u32,
    /// For how many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = value_parser!(u32).range(1..=3_600))]
    secs: u32,
    /// How many of 100 transfers pay into one and the same account
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = value_parser!(u32).range(0..=100))]
    hot: u32,
    /// Which accounts and amounts are chosen follows from this; without it, from chance
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// When to show progress on stderr: auto, always or never [env: SALDO_PROGRESS]
    #[arg(long, value_name = "WHEN", help_heading = "Output", hide_possible_values = true)]
    progress: Option<When>,
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Opens accounts, moves money between them, counts it, and shows the figures.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let load = Load {
        conns: args.conns,
        depth: args.depth,
        accounts: args.accounts,
        secs: args.secs,
        hot_percent: args.hot,
        seed: args.seed.unwrap_or_else(|| rand::rng().next_u64()),
    };
    let server = args.server.resolve()?;
    let total = Duration::from_secs(u64::from(load.secs));
    let when = progress::settle(args.progress)?;
    let progress = Progress::new(when, output == Output::Bare, total);
    let answer = runtime::block_on(measure(&load, &server, output, progress))?;
    output.print(&answer)
}

async fn measure(
    load: &Load,
    server: &Server,
    output: Output,
    progress: Progress,
) -> Result<Answer, Failure> {
    let run = names::new_run();
    let names = Arc::new(Names::new(&run, load.accounts));
    let again = server.aim(Command::new::<&str>("bench", []));
    let act = Act { noun: "run", again, tx_id: None, debit: None };
    let books = |fault| match fault {
        BooksFault::Unanswered(error) => unanswered::failure(error, server, &act),
        BooksFault::Refused(refusal) => refused::failure(&refusal, server, &act),
        BooksFault::Unnamed => Failure::usage("the accounts of the run cannot be named"),
    };
    let accounts = names.accounts().map_err(|fault| books(fault.into()))?;
    let mut client = server.client();
    let set = books::open(&mut client, &accounts, &run).await.map_err(books)?;
    let done = run::run(load, &server.address, server.timeout, &run, &names, progress)
        .await
        .map_err(|fault| failed(fault, server, &names))?;
    let found = books::count(&mut client, &accounts).await.map_err(books)?;
    if let Some(no) = &done.tally.first_no {
        let count = done.tally.refused;
        output
            .note(&format!("{count} transfers were refused, the first with {}", text::message(no)));
    }
    if found != set {
        let prefix = names.prefix();
        let text = format!(
            "the accounts {prefix}… held {set} before and {found} after: money was made or lost"
        );
        return Err(Failure::new(Exit::Broken, "totals_differ", text)
            .hint("keep the data folder as it is, and prove it with `saldo verify`"));
    }
    let money = Money { set, found };
    let place = server.address.to_string();
    Report::new(place, load, &done.tally, done.elapsed, money).answer()
}

/// What to tell about a run that ended before its time.
fn failed(fault: Fault, server: &Server, names: &Names) -> Failure {
    let place = server.place();
    let prefix = names.prefix();
    let left = format!("the accounts {prefix}… stay as they are; run it again for new ones");
    let unknown = |text: String| {
        Failure::new(Exit::OutcomeUnknown, "outcome_unknown", text).hint(&left).retryable()
    };
    match fault {
        Fault::NotOpened(error) => unanswered::failure(
            client::Error::Unreachable(client::Fault::Io(error)),
            server,
            &Act {
                noun: "run",
                again: Command::new::<&str>("bench", []),
                tx_id: None,
                debit: None,
            },
        ),
        Fault::Lost { cause, unanswered: count, first_no } => {
            let cause = match cause {
                Some(error) => unanswered::cause_of_io(&error),
                None => "the server closed the connection".to_owned(),
            };
            let said = match first_no {
                Some(no) => format!("; it had said {}", text::message(&no)),
                None => String::new(),
            };
            unknown(format!(
                "{count} transfers on one connection to {place} were sent and not answered: {cause}{said}"
            ))
        }
        Fault::NoReply(line) => {
            let text =
                format!("{place} answered {}, which is no reply of a bank", text::quoted(&line));
            Failure::new(Exit::OutcomeUnknown, "bad_reply", text)
        }
        Fault::Stalled(time) => {
            let time = duration::show(time);
            unknown(format!("nothing was answered on any connection to {place} for {time}"))
        }
        Fault::Crashed => unknown("a connection's task ended without a result".to_owned()),
        Fault::NoRoom => Failure::usage("there is no room for the figures of so many connections"),
    }
}
