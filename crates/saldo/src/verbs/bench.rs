//! `saldo bench`: how fast the bank is on this machine, and that it stays exact meanwhile.
//! Not here: how load is made and measured (`bench`).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{ValueEnum, value_parser};
use client::Client;
use ledger::AccountId;
use rand::Rng;
use tokio::signal::ctrl_c;

use crate::act::Act;
use crate::bench::baseline::Baseline;
use crate::bench::books::{self, BooksFault};
use crate::bench::choice::Dist;
use crate::bench::disk::{self, Disk};
use crate::bench::expected::{Differs, Expected};
use crate::bench::figures::Figures;
use crate::bench::names::{self, Names};
use crate::bench::process::{self, Taken};
use crate::bench::progress::Progress;
use crate::bench::report::{Money, Report};
use crate::bench::run::{self, Field};
use crate::bench::workload::Workload;
use crate::bench::{Load, html};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Output, OutputArgs, text};
use crate::progress::ProgressArgs;
use crate::server::{Server, ServerArgs};
use crate::shell::Command;
use crate::unanswered::cause_of_io;
use crate::{refused, runtime, unanswered};

/// Which share of the choices falls on the hot account when only `--dist hot` is said.
const HOT_PERCENT: u32 = 100;

/// The skew that stores are usually measured with.
const SKEW: f64 = 0.99;

/// The flags of `bench`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo bench --runs 5 --secs 20 --warmup 2 --report bench.html\n  saldo bench --workload mixed --rate 100000 --dist zipf --json"
)]
pub struct Args {
    /// What is asked: transfer, mixed (60 % transfers, 25 % balances, 15 % deposits and
    /// withdrawals), tpcb (per transaction two transfers, branch - teller - account or back, and
    /// one balance) or smallbank (six operations on checking and savings)
    #[arg(
        long,
        value_name = "NAME",
        default_value = "transfer",
        hide_possible_values = true,
        help_heading = "Load"
    )]
    workload: Workload,
    /// How many connections
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = value_parser!(u32).range(1..=10_000), help_heading = "Load")]
    conns: u32,
    /// How many requests each connection keeps in flight; with --rate, how many it may have
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = value_parser!(u32).range(1..=65_536), help_heading = "Load")]
    depth: u32,
    /// Send so many requests a second, whether or not they are answered; latency then counts from
    /// when each was due [default: as many as are answered]
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=100_000_000), help_heading = "Load")]
    rate: Option<u32>,
    /// Between how many accounts money moves; they are made for this run, and stay in the ledger
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = value_parser!(u32).range(2..=1_000_000), help_heading = "Load")]
    accounts: u32,
    /// Which accounts are chosen: uniform, zipf (by --skew) or hot (by --hot, else all of them)
    #[arg(
        long,
        value_name = "NAME",
        default_value = "uniform",
        hide_possible_values = true,
        help_heading = "Load"
    )]
    dist: DistName,
    /// With zipf: the k-th most used account has a share of 1/k^SKEW [default: 0.99]
    #[arg(long, value_name = "SKEW", allow_negative_numbers = true, help_heading = "Load")]
    skew: Option<f64>,
    /// How many of 100 transfers pay into one and the same account
    #[arg(long, value_name = "PERCENT", value_parser = value_parser!(u32).range(0..=100), help_heading = "Load")]
    hot: Option<u32>,
    /// Which accounts and amounts are chosen follows from this; without it, from chance
    #[arg(long, value_name = "NUMBER", help_heading = "Load")]
    seed: Option<u64>,
    /// In how many threads requests are made [default: a quarter of the processors]
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=256), help_heading = "Load")]
    threads: Option<u32>,
    /// For how many seconds it is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = value_parser!(u32).range(1..=3_600), help_heading = "Measuring")]
    secs: u32,
    /// For how many seconds before that it runs unmeasured
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = value_parser!(u32).range(0..=3_600), help_heading = "Measuring")]
    warmup: u32,
    /// How often both; figures are then medians, with the lowest and the highest
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = value_parser!(u32).range(1..=1_000), help_heading = "Measuring")]
    runs: u32,
    /// Measure the disk below this folder first: 500 times 4 KiB written and synced
    #[arg(long, value_name = "FOLDER", help_heading = "Measuring")]
    disk: Option<PathBuf>,
    /// Show memory and processor time of the server, which is this process of this machine
    #[arg(long, value_name = "PID", help_heading = "Measuring")]
    server_pid: Option<u32>,
    /// Compare with what an earlier run wrote with --json
    #[arg(long, value_name = "FILE", help_heading = "Measuring")]
    baseline: Option<PathBuf>,
    /// Write a page with plots, which needs nothing else to be read
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    report: Option<PathBuf>,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Manners of choosing, as they are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DistName {
    /// All alike
    Uniform,
    /// Few of them often
    Zipf,
    /// One of them
    Hot,
}

/// What all runs together brought.
struct Measured {
    runs: Vec<Figures>,
    first_no: Option<String>,
    money: Money,
    is_interrupted: bool,
}

/// Opens accounts, moves money between them, counts it, and shows the figures.
pub fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    let load = args.load()?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    let page = args.report.as_deref().map(open_page).transpose()?;
    let pid = args.server_pid;
    pid.map(look).transpose()?;
    let server = args.server.resolve()?;
    let total = Duration::from_secs(u64::from(load.warmup_secs + load.secs) * u64::from(load.runs));
    let when = args.progress.resolve()?;
    let noun = if load.workload == Workload::Transfer { "transfers" } else { "requests" };
    let progress = Progress::new(when, output == Output::Bare, total, noun);
    let disk = args.disk.as_deref().map(measure_disk).transpose()?;
    let measured = runtime::block_on(measure(&load, &server, pid, progress))?;
    let is_interrupted = measured.is_interrupted;
    if measured.runs.is_empty() {
        return Err(interrupted("before anything was measured"));
    }
    let first_no = measured.first_no;
    let mut report = Report::new(server.address.to_string(), &load, measured.runs, measured.money);
    if let Some(disk) = disk {
        report.beside_disk(disk);
    }
    if let Some(baseline) = &baseline {
        let (rate, p99_us) = (report.operations_per_second, report.latency_us.p99);
        report.baseline = Some(baseline.compare(rate, p99_us));
        let other = baseline.differences(&report);
        if !other.is_empty() {
            output.note(&format!("the baseline was measured with {other}"));
        }
    }
    tell(output, &report, first_no.as_deref());
    if let Some((mut file, path)) = page {
        let text = html::page(&report, baseline.as_ref());
        let written = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(|error| cannot("write", path, &cause_of_io(&error)))?;
    }
    output.print(&report.answer()?)?;
    if is_interrupted {
        Err(interrupted("the figures are of what had run until then"))
    } else {
        Ok(())
    }
}

/// What a person has to know beside the figures.
fn tell(output: Output, report: &Report, first_no: Option<&str>) {
    if let Some(no) = first_no {
        let count: u64 = report.runs.iter().map(|run| run.refused).sum();
        output
            .note(&format!("{count} requests were refused, the first with {}", text::message(no)));
    }
    let missed = report.runs.iter().filter(|run| run.open_loop.is_some_and(|open| !open.reached));
    let (missed, rate) = (missed.count(), report.rate.unwrap_or_default());
    if missed > 0 {
        let runs = report.runs.len();
        output.note(&format!("the rate of {rate}/s was not reached in {missed} of {runs} runs"));
    }
}

async fn measure(
    load: &Load,
    server: &Server,
    pid: Option<u32>,
    mut progress: Progress,
) -> Result<Measured, Failure> {
    let run = names::new_run();
    let names = Arc::new(Names::new(&run, load.workload.accounts_in_all(load.accounts)));
    let books = |fault| books_failure(fault, server);
    let accounts = names.accounts().map_err(|fault| books(fault.into()))?;
    let choice = Workload::choice(load)
        .map_err(|_| Failure::usage("--skew has to be a number that is not below 0"))?;
    let mut client: Client = server.client();
    let set = tokio::select! {
        opened = books::open(&mut client, &accounts, &run) => opened.map_err(books)?,
        _ = ctrl_c() => return Err(interrupted("while the accounts were opened")),
    };
    let field = Field {
        load,
        route: server.route(),
        patience: server.timeout,
        run: &run,
        names: Arc::clone(&names),
        choice: choice.clone(),
    };
    let mut expected = Some(Expected::opened(accounts.len()));
    let mut measured = Measured {
        runs: Vec::new(),
        first_no: None,
        money: Money { set, into: 0, out: 0, found: 0, accounts_compared: None },
        is_interrupted: false,
    };
    for number in 0..load.runs {
        let before = pid.map(look).transpose()?;
        let done = run::run(&field, number, &mut progress)
            .await
            .map_err(|fault| fault.failure(server, &names))?;
        let after = pid.map(look).transpose()?;
        let whole = Duration::from_secs(u64::from(load.warmup_secs)) + done.elapsed;
        progress.end_run(whole, done.tally.answered_in_all());
        measured.money.into += done.tally.money_in();
        measured.money.out += done.tally.money_out();
        measured.is_interrupted = done.is_interrupted;
        if done.tally.has_refused {
            expected = None;
        }
        if let Some(expected) = &mut expected {
            done.sent.iter().for_each(|sent| expected.book(load, &choice, *sent));
        }
        if done.is_measured {
            let mut figures = Figures::of(&done.tally, done.elapsed, load.rate);
            figures.interrupted = done.is_interrupted;
            if let (Some(before), Some(after)) = (before, after) {
                figures = figures.beside(before, after);
            }
            measured.runs.push(figures);
        }
        measured.first_no = measured.first_no.or(done.tally.first_no);
        if measured.is_interrupted {
            break;
        }
    }
    progress.finish();
    let held = tokio::select! {
        counted = books::count(&mut client, &accounts) => counted.map_err(books)?,
        _ = ctrl_c() => return Err(interrupted("while the money was counted")),
    };
    measured.money.found = held.iter().map(|cents| i128::from(*cents)).sum();
    if measured.money.found != measured.money.needed() {
        return Err(differs(&measured.money, &names));
    }
    if let Some(expected) = expected {
        if let Some(difference) = expected.first_difference(&held) {
            return Err(account_differs(difference, &accounts));
        }
        measured.money.accounts_compared = Some(held.len() as u64);
    }
    Ok(measured)
}

impl Args {
    /// What is meant. Errors: flags that do not fit together.
    fn load(&self) -> Result<Load, Failure> {
        let needed = self.workload.accounts_min();
        if self.accounts < needed {
            let (name, given) = (self.workload.name(), self.accounts);
            let text = format!("--workload {name} needs at least {needed} accounts, not {given}");
            return Err(Failure::usage(text));
        }
        if self.skew.is_some() && self.dist != DistName::Zipf {
            let text = "--skew belongs to --dist zipf";
            return Err(Failure::usage(text).hint("saldo bench --dist zipf --skew 0.99"));
        }
        let (dist, hot_percent) = match self.dist {
            DistName::Uniform => (Dist::Uniform, 0),
            DistName::Zipf => (Dist::Zipf { skew: self.skew.unwrap_or(SKEW) }, 0),
            DistName::Hot => (Dist::Uniform, HOT_PERCENT),
        };
        Ok(Load {
            workload: self.workload,
            conns: self.conns,
            depth: self.depth,
            rate: self.rate,
            accounts: self.accounts,
            dist,
            hot_percent: self.hot.unwrap_or(hot_percent),
            warmup_secs: self.warmup,
            secs: self.secs,
            runs: self.runs,
            threads: self.threads.unwrap_or_else(threads),
            seed: self.seed.unwrap_or_else(|| rand::rng().next_u64()),
        })
    }
}

/// A quarter of the processors: the server needs the rest.
fn threads() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(processors / 4).unwrap_or(1).clamp(1, 256)
}

fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    Baseline::read(path).map_err(|reason| {
        cannot("read", path, &reason).hint("a baseline is what `saldo bench --json` wrote")
    })
}

/// Opens the page before the runs, whose figures must not be lost to a wrong path.
fn open_page(path: &Path) -> Result<(File, &Path), Failure> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    opened.map(|file| (file, path)).map_err(|error| cannot("write", path, &cause_of_io(&error)))
}

fn measure_disk(folder: &Path) -> Result<Disk, Failure> {
    disk::measure(folder, ".saldo-bench", disk::SYNCS)
        .map_err(|error| cannot("measure", folder, &cause_of_io(&error)))
}

fn look(pid: u32) -> Result<Taken, Failure> {
    process::look(pid).map_err(|error| {
        let cause = cause_of_io(&error);
        Failure::usage(format!("--server-pid {pid} cannot be looked at: {cause}"))
    })
}

fn cannot(what: &str, path: &Path, cause: &str) -> Failure {
    let path = text::quoted(&path.display().to_string());
    Failure::usage(format!("cannot {what} {path}: {cause}"))
}

fn interrupted(when: &str) -> Failure {
    Failure::new(Exit::Interrupted, "interrupted", format!("interrupted; {when}"))
}

fn books_failure(fault: BooksFault, server: &Server) -> Failure {
    let again = server.aim(Command::new::<&str>("bench", []));
    let act = Act { noun: "run", again, tx_id: None, debit: None };
    match fault {
        BooksFault::Unanswered(error) => unanswered::failure(error, server, &act),
        BooksFault::Refused(refusal) => refused::failure(&refusal, server, &act),
        BooksFault::Unnamed => Failure::usage("the accounts of the run cannot be named"),
    }
}

fn account_differs(difference: Differs, accounts: &[AccountId<'static>]) -> Failure {
    let Differs { place, expected, held } = difference;
    let name = accounts.get(place).map_or("?", AccountId::as_str);
    let text = format!(
        "account {} holds {held}, and the requests that were answered make {expected}: a request was \
         answered and not done, or done twice",
        text::quoted(name)
    );
    Failure::new(Exit::Broken, "balances_differ", text)
        .hint("keep the data folder as it is, and prove it with `saldo verify`")
}

fn differs(money: &Money, names: &Names) -> Failure {
    let Money { set, into, out, found, accounts_compared: _ } = *money;
    let prefix = names.prefix();
    let moved = if into == 0 && out == 0 {
        String::new()
    } else {
        format!(", {into} came in, {out} went out,")
    };
    let text = format!(
        "the accounts {prefix}… held {set} before{moved} and {found} after: money was made or lost"
    );
    Failure::new(Exit::Broken, "totals_differ", text)
        .hint("keep the data folder as it is, and prove it with `saldo verify`")
}
