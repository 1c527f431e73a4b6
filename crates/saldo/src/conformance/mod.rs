//! Tries the promises of an engine on a database, one by one, each in a process and a database of its
//! own. A case that finds a promise broken panics, and a panic ends a process: so it ends that of the
//! case alone.
//!
//! **Invariant:** every database that is made for a case is dropped when the case has ended, however it
//! ended.

mod case;
mod two_servers;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engine::conformance::CASES;
use postgres::{Address, create_database, drop_database, is_not_allowed};

pub use self::case::{BROKEN, run_case};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::runtime;
use crate::serve::database;

/// The promise that only more than one server can keep or break.
pub const TWO_SERVERS: &str = "two_servers_move_the_same_money_and_every_seq_is_given_once";

/// How long one case may take.
const CASE_PATIENCE: Duration = Duration::from_secs(120);

/// Where to try, and what.
pub struct Trial<'t> {
    /// The address as it was given: the process of a case gets the same.
    pub address: &'t str,
    /// It, read.
    pub place: Address,
    /// The database need not replicate.
    pub is_unreplicated: bool,
}

/// What became of a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It holds.
    Holds,
    /// It does not; why.
    Broken(String),
}

/// The names of all promises, in their order.
pub fn names() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|case| case.name).chain([TWO_SERVERS])
}

impl Trial<'_> {
    /// Whether anything can be tried here: a database can be made, and a bank opened in it. Errors
    /// say what is missing.
    pub fn prepare(&self) -> Result<(), Failure> {
        self.in_a_database(|name| {
            let place = self.place.with_database(name);
            runtime::block_on(async {
                let engine = case::fresh(place, self.is_unreplicated).await;
                let engine = engine.map_err(|error| database::refused(&error))?;
                engine.close().await;
                Ok(())
            })
        })
    }

    /// Tries one promise.
    pub fn run(&self, case: &str) -> Result<Found, Failure> {
        self.in_a_database(|name| {
            let program = std::env::current_exe().map_err(|error| not_started(&error))?;
            let mut command = Command::new(program);
            command.args(["conformance", self.address, "--case", case, "--database", name]);
            if self.is_unreplicated {
                command.arg("--unreplicated");
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let child = command.spawn().map_err(|error| not_started(&error))?;
            ended(child)
        })
    }

    /// Makes a database, uses it, and drops it whatever came of that.
    fn in_a_database<T>(
        &self,
        used: impl FnOnce(&str) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let name = format!("saldo_conformance_{:016x}", rand::random::<u64>());
        let made = runtime::block_on(async {
            create_database(&self.place, &name).await.map(drop).map_err(|error| {
                if is_not_allowed(&error) {
                    let text = format!("{}: {}", self.place, engine::chain(&error));
                    return Failure::new(Exit::Usage, "no_createdb", text).hint(
                        "each promise is tried in a database of its own: ALTER ROLE … CREATEDB",
                    );
                }
                database::refused(&error)
            })
        });
        made?;
        let result = used(&name);
        let dropped = runtime::block_on(async {
            let dropped = drop_database(&self.place, &name).await;
            dropped
                .map_err(|error| database::refused(&error).after(&format!("{name} is left there")))
        });
        let result = result?;
        dropped.map(|()| result)
    }
}

/// What the process of a case found out; one that takes too long is killed.
fn ended(mut child: Child) -> Result<Found, Failure> {
    let began = Instant::now();
    let mut stderr = child.stderr.take();
    // Read beside the waiting, for a process that says much would wait for its reader.
    let reading = std::thread::spawn(move || {
        let mut said = String::new();
        if let Some(from) = &mut stderr {
            drop(std::io::Read::read_to_string(from, &mut said));
        }
        said
    });
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| not_started(&error))? {
            break Some(status);
        }
        if began.elapsed() >= CASE_PATIENCE {
            child.kill().map_err(|error| not_started(&error))?;
            child.wait().map_err(|error| not_started(&error))?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = reading.join().unwrap_or_default();
    Ok(match status {
        None => Found::Broken(format!("it did not end within {CASE_PATIENCE:?}")),
        Some(status) if status.success() => Found::Holds,
        Some(status) => Found::Broken(reason(&said).unwrap_or_else(|| status.to_string())),
    })
}

/// What a process gave as its reason, in one line.
fn reason(said: &str) -> Option<String> {
    let told = said.rsplit_once(BROKEN).map_or(said, |(_, told)| told);
    let line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

fn not_started(error: &std::io::Error) -> Failure {
    Failure::new(Exit::NothingDone, "no_resources", format!("a case cannot be run: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_stands_behind_the_mark_in_one_line() {
        let said = format!("a warning\n{BROKEN}left: 1\n right: 2\n");
        assert_eq!(reason(&said).as_deref(), Some("left: 1 right: 2"));
        assert_eq!(reason("error[x]: y\n").as_deref(), Some("error[x]: y"));
        assert_eq!(reason(" \n"), None);
    }

    #[test]
    fn every_promise_has_a_name_of_its_own() {
        let mut all: Vec<&str> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(count > 50, "{count}");
    }
}
