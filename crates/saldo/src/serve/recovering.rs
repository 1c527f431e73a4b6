//! How far a long start has come: a bar for people, an event of the log every five seconds for
//! everybody else.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use journal::{Phase, Progress};

use super::log;

/// A folder of this size takes a second or more to read: then the wait is told.
const TOLD_BYTES: u64 = 64 << 20;

const EVERY: Duration = Duration::from_secs(5);

/// Tells it.
pub struct Recovering {
    /// Nothing is told of a short start.
    is_long: bool,
    bar: Option<ProgressBar>,
    due: Cell<Instant>,
}

impl Recovering {
    /// A start over a journal of so many bytes begins.
    pub fn begin(journal_bytes: u64) -> Self {
        let is_long = journal_bytes >= TOLD_BYTES;
        let is_watched = log::is_text() && std::io::stderr().is_terminal();
        if is_long && !is_watched {
            let megabytes = journal_bytes / 1_000_000;
            tracing::info!(target: "journal", event = "recovering", megabytes,
                "reading the journal; clients are answered when it is proven");
        }
        let bar = (is_long && is_watched).then(bar);
        Self { is_long, bar, due: Cell::new(Instant::now() + EVERY) }
    }

    /// So far it has come.
    pub fn tell(&self, progress: Progress) {
        let Progress { phase, bytes_done, bytes_total } = progress;
        if let Some(bar) = &self.bar {
            if bar.length() != Some(bytes_total) || bar.message() != doing(phase) {
                bar.set_length(bytes_total);
                bar.set_message(doing(phase));
                bar.reset_eta();
            }
            bar.set_position(bytes_done);
        } else if self.is_due(Instant::now()) {
            let (done, of) = (bytes_done / 1_000_000, bytes_total / 1_000_000);
            tracing::info!(target: "journal", event = "recovering", megabytes_done = done,
                megabytes = of, "{}: {done} of {of} MB", doing(phase));
        }
    }

    /// It is over.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    /// Whether the next event is due; if so, the one after it is due that much later.
    fn is_due(&self, now: Instant) -> bool {
        let is_due = self.is_long && now >= self.due.get();
        if is_due {
            self.due.set(now + EVERY);
        }
        is_due
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let template = "{msg:22} {bar:30} {percent:>3}%  {bytes} of {total_bytes}, {eta} left";
    // The template is a constant: without it the bar would only look different.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Proving => "proving the journal",
        Phase::Accounts => "loading the accounts",
        Phase::Events => "reading the events",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_start_is_told_every_five_seconds_and_a_short_one_never() {
        let long = Recovering { is_long: true, bar: None, due: Cell::new(Instant::now()) };
        let began = long.due.get();
        let told = |seconds| long.is_due(began + Duration::from_secs(seconds));
        assert_eq!(
            [0, 1, 4, 5, 9, 10, 30].map(told),
            [true, false, false, true, false, true, true]
        );
        let short = Recovering::begin(TOLD_BYTES - 1);
        assert!(!short.is_due(Instant::now() + 2 * EVERY));
    }
}
