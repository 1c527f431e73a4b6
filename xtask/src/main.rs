//! `cargo xtask`: the one test command, the fixer, the repository's own rules, the comparison with
//! other banks, and the counts of instructions.
//!
//! **Invariant:** `test` and `rules` change no file of the repository; only `fix` does, and `peers`,
//! `replicated` and `counts --record` the pages that keep their figures.

mod cargo;
mod counts;
mod database;
mod fix;
mod needs;
mod peers;
mod repository;
mod rules;
mod runner;
mod services;
mod steps;
mod tally;
mod test;

use std::env;
use std::process::ExitCode;

use steps::Tier;

const USAGE: &str = "\
cargo xtask test [--all]   every check and test; --all adds the slow tiers
cargo xtask fix            formats, and applies what clippy can repair by itself
cargo xtask rules          the repository's own rules alone
cargo xtask counts         instructions of the hottest operations, beside the recorded ones
    [--record]             makes them the recorded ones
cargo xtask peers          Saldo beside Redis, PostgreSQL and the original's design
    [--rounds 3] [--secs 5] [--accounts 10000] [--only saldo,redis,postgres,original]
    [--tigerbeetle PATH]   a whole run is kept in docs/performance.md
cargo xtask replicated     Saldo over a PostgreSQL with a synchronous standby, beside pgbench on the
    [--rounds 3] [--secs 8]  same database; kept in docs/operating-postgres.md
";

/// Usage error, as in the exit codes of `saldo`.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => test::run(Tier::Usual),
        ["test", "--all"] => test::run(Tier::All),
        ["fix"] => fix::run(),
        ["rules"] => rules::run(),
        ["counts"] => counts::run(counts::Purpose::Check),
        ["counts", "--record"] => counts::run(counts::Purpose::Record),
        ["peers", rest @ ..] => peers::run(rest),
        ["replicated", rest @ ..] => peers::replicated::run(rest),
        [peers::guard::VERB] => peers::guard::stand(),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(true)
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
