//! How far a run is: a bar on a terminal, a line every five seconds elsewhere, on stderr.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::Failure;
use crate::setting::Setting;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// When to show progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// A bar on a terminal, a line every 5 s elsewhere, nothing with -q
    Auto,
    /// With -q as well
    Always,
    /// Not at all
    Never,
}

/// The progress shown.
#[derive(Debug)]
pub enum Progress {
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

/// When to show it: the flag comes first, then `SALDO_PROGRESS`. Errors: that names none.
pub fn settle(flag: Option<When>) -> Result<When, Failure> {
    if let Some(when) = flag {
        return Ok(when);
    }
    let setting = Setting::pick(("--progress", None), "SALDO_PROGRESS", "auto")?;
    When::from_str(&setting.value, false)
        .map_err(|_| setting.refuse("it can be auto, always or never"))
}

impl Progress {
    /// Progress of a run of this length.
    pub fn new(when: When, quiet: bool, total: Duration) -> Self {
        let hidden = match when {
            When::Auto => quiet,
            When::Always => false,
            When::Never => true,
        };
        if hidden {
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

    /// Shows how long it has run and how many transfers were answered.
    pub fn show(&mut self, elapsed: Duration, answered: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
                let left = bar.length().map(Duration::from_millis).unwrap_or_default();
                let left = left.saturating_sub(elapsed).as_secs_f64().ceil();
                bar.set_message(format!("{}/s, {left} s left", per_second(answered, elapsed)));
            }
            Self::Lines { total, due } => {
                if elapsed >= *due {
                    *due += LINE_EVERY;
                    let (now, all) = (elapsed.as_secs(), total.as_secs());
                    let rate = per_second(answered, elapsed);
                    line(&format!("{now} of {all} s: {answered} transfers, {rate}/s"));
                }
            }
            Self::Hidden => {}
        }
    }

    /// Says what was done, in how long.
    pub fn finish(self, elapsed: Duration, answered: u64) {
        let last = format!("{answered} transfers in {:.1} s", elapsed.as_secs_f64());
        match self {
            Self::Bar(bar) => {
                bar.finish_and_clear();
                line(&last);
            }
            Self::Lines { .. } => line(&last),
            Self::Hidden => {}
        }
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
