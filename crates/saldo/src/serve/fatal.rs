//! When the bank must not go on: what is said, and with which number the process ends.

use std::io::Write as _;

use engine::chain;
use journal::JournalError;

use crate::exit_code::Exit;
use crate::failure::Failure;

/// The journal can be written no more: ends the process.
pub fn journal_stopped(error: &JournalError) {
    stop_at_once(&of_journal(error));
}

/// The database said or held what cannot be: ends the process.
pub fn database_unfit(what: &str) {
    let text = format!("{what}; the outcome of requests under way is unknown");
    let failure = Failure::new(Exit::WriteFailed, "database_unfit", text)
        .hint("look at the database, then start again: requests are settled by their tx_ids");
    stop_at_once(&failure);
}

/// Ends the process without destructors and without another word to any client: what was under way
/// is unknown, and a restart settles it.
fn stop_at_once(failure: &Failure) {
    failure.report(false);
    drop(std::io::stderr().flush());
    std::process::exit(i32::from(failure.exit().code()));
}

/// The last commit, checkpoint or seal failed.
pub fn failed_to_close(error: &JournalError) -> Failure {
    of_journal(error)
}

/// Something outside the bank failed before it was ready.
pub fn failed_to_start(error: anyhow::Error) -> Failure {
    Failure::new(Exit::WriteFailed, "not_started", format!("{error:#}"))
}

fn of_journal(error: &JournalError) -> Failure {
    let text = chain(error);
    match error {
        JournalError::DiskFull { .. } => Failure::new(
            Exit::DiskFull,
            "disk_full",
            format!("{text}; nothing acknowledged is lost"),
        )
        .hint("make space and start again"),
        JournalError::Failed { .. } | JournalError::Stopped => Failure::new(
            Exit::WriteFailed,
            "write_failed",
            format!(
                "{text}; the outcome of requests under way is unknown, nothing acknowledged is lost"
            ),
        )
        .hint("look at the disk, then start again: the start recovers"),
    }
}
