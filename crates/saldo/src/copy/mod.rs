//! Moves a bank from one place to another, with its whole history: every event with its seq, time and
//! tx_id, refusals and voids as well.
//!
//! The source is read in order by a thread of its own (`source`); what the target has already is
//! compared, event by event, with what the source says, and only what is missing is written behind it
//! (`target`). At the end the target is proven as `saldo verify` proves it, and says the same, event by
//! event.
//!
//! **Invariant:** a target holds a prefix of the source and a mark, whatever ends the copy; with the
//! mark no server serves it.
//! **Invariant:** nothing is written behind what was not compared, and nothing is ever overwritten.

pub mod database;
mod folder;
mod mark;
mod place;
mod portion;
mod source;
mod target;

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use journal::{Content, Genesis};
use ledger::Seq;

pub use self::database::refused as carried;
pub use self::mark::{MARK, is_marked, must_be_finished};
pub use self::place::Place;
pub use self::portion::EVENTS_MAX;
use self::portion::Portion;
pub use self::target::Proven;
use self::target::Target;
use crate::bulk::Progress;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// Portions that may wait for the target.
const PORTIONS_AHEAD: usize = 4;

/// From where to where, and how.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where the bank is.
    pub from: Place,
    /// Where it is to be.
    pub to: Place,
    /// Most events in a portion.
    pub events_max: u32,
    /// A database need not replicate.
    pub is_unreplicated: bool,
    /// Whether no progress is shown.
    pub is_hidden: bool,
}

/// What was done.
#[derive(Debug)]
pub struct Copied {
    /// Ledger and currency.
    pub genesis: Genesis,
    /// Events that the target had already.
    pub found: Seq,
    /// What the target was proven to hold.
    pub proven: Proven,
}

/// What a thread that reads the source says.
type Portions = Receiver<Result<Portion, Failure>>;

/// Copies, and proves the target. Errors: the source or the target is no bank, is in use, or is not
/// what it was; then the target holds a prefix, and the same copy goes on behind it.
pub fn run(route: &Route) -> Result<Copied, Failure> {
    let (sender, portions) = sync_channel(PORTIONS_AHEAD);
    // What it returns keeps the source as it is, until the target is proven.
    let asked = route.clone();
    let reading = thread::spawn(move || source::read(&asked, &sender));
    let Portion::Opened { genesis, last } = next(&portions)? else { return Err(ended_early()) };
    let mut target = Target::open(&route.to, route.is_unreplicated, &genesis)?;
    let found = target.last();
    if found > last {
        return Err(Failure::new(
            Exit::No,
            "target_ahead",
            format!("{} has events up to seq {found}, {} up to {last}", route.to, route.from),
        )
        .hint("the target has gone on by itself; copy into an empty one"));
    }
    let prefix = target.content()?;
    let mut progress = Progress::new("copy", "events", last.get(), route.is_hidden);
    let mut content = Content::default();
    while content.last() < last {
        let Portion::Events(events) = next(&portions)? else { return Err(ended_early()) };
        for event in &events {
            content.take(event);
            if event.seq == found && content.hash() != prefix.hash() {
                return Err(no_prefix(route, found));
            }
        }
        let known = events.iter().take_while(|event| event.seq <= found).count();
        let missing = events.get(known..).unwrap_or_default();
        if !missing.is_empty() {
            target.write(missing)?;
        }
        progress.show(content.last().get());
    }
    let Portion::End = next(&portions)? else { return Err(ended_early()) };
    let proven = target.finish(&content)?;
    progress.finish(content.last().get());
    drop(reading.join());
    Ok(Copied { genesis, found, proven })
}

fn next(portions: &Portions) -> Result<Portion, Failure> {
    portions.recv().unwrap_or_else(|_| Err(ended_early()))
}

/// The thread that reads the source always says why it ends.
fn ended_early() -> Failure {
    Failure::new(Exit::Broken, "internal", "the reading of the source ended early")
}

fn no_prefix(route: &Route, found: Seq) -> Failure {
    Failure::new(
        Exit::No,
        "another_history",
        format!(
            "{} has the same ledger, but other events up to seq {found} than {}",
            route.to, route.from
        ),
    )
    .hint("the two banks went on separately; copy into an empty target")
}
