//! How far a run is: a bar on a terminal, a line every five seconds elsewhere, on stderr.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::When;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of all runs together.
#[derive(Debug)]
pub struct Progress {
    shown: Shown,
    /// What is counted.
    noun: &'static str,
    /// How long the runs before this one took, and what they brought.
    before: Duration,
    answered_before: u64,
}

/// Where it is shown.
#[derive(Debug)]
enum Shown {
    /// On a terminal.
    Bar(ProgressBar),
    /// Elsewhere.
    Lines {
        /// Of how long a run.
        total: Duration,
        /// When the next line is due, after the beginning.
        due: Duration,
    },
    /// Nowhere.
    Hidden,
}

impl Progress {
    /// Progress of runs of this length together.
    pub fn new(when: When, quiet: bool, total: Duration, noun: &'static str) -> Self {
        let shown = Shown::new(when, quiet, total);
        Self { shown, noun, before: Duration::ZERO, answered_before: 0 }
    }

    /// Shows how long the run at hand has run and how many requests of it were answered.
    pub fn show(&mut self, elapsed: Duration, answered: u64) {
        let Self { noun, .. } = *self;
        let (rate, so_far) = (per_second(answered, elapsed), self.before + elapsed);
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_position(u64::try_from(so_far.as_millis()).unwrap_or(u64::MAX));
                let left = bar.length().map(Duration::from_millis).unwrap_or_default();
                let left = left.saturating_sub(so_far).as_secs_f64().ceil();
                bar.set_message(format!("{rate}/s, {left} s left"));
            }
            Shown::Lines { total, due } => {
                if so_far >= *due {
                    *due += LINE_EVERY;
                    let (now, all) = (so_far.as_secs(), total.as_secs());
                    let answered = self.answered_before + answered;
                    line(&format!("{now} of {all} s: {answered} {noun}, {rate}/s"));
                }
            }
            Shown::Hidden => {}
        }
    }

    /// The run at hand took so long and brought so much.
    pub fn end_run(&mut self, elapsed: Duration, answered: u64) {
        self.before += elapsed;
        self.answered_before += answered;
    }

    /// Says what was done, in how long.
    pub fn finish(self) {
        let (answered, noun) = (self.answered_before, self.noun);
        let last = format!("{answered} {noun} in {:.1} s", self.before.as_secs_f64());
        match self.shown {
            Shown::Bar(bar) => {
                bar.finish_and_clear();
                line(&last);
            }
            Shown::Lines { .. } => line(&last),
            Shown::Hidden => {}
        }
    }
}

impl Shown {
    fn new(when: When, quiet: bool, total: Duration) -> Self {
        if when.is_hidden(quiet) {
            return Self::Hidden;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { total, due: LINE_EVERY };
        }
        let length = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        // The template is a constant: without it the bar would only look different.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}") {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }
}

/// How many of them in a second; 0 before any time has passed.
pub fn per_second(count: u64, elapsed: Duration) -> u64 {
    let nanos = elapsed.as_nanos();
    let rate = (u128::from(count) * 1_000_000_000).checked_div(nanos).unwrap_or_default();
    u64::try_from(rate).unwrap_or(u64::MAX)
}

fn line(text: &str) {
    // A closed stderr must not end the run.
    drop(writeln!(anstream::stderr().lock(), "bench: {text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_whole_and_exact() {
        assert_eq!(per_second(600_000, Duration::from_secs(1)), 600_000);
        assert_eq!(per_second(3, Duration::from_millis(1_500)), 2);
        assert_eq!(per_second(3, Duration::ZERO), 0);
    }
}
