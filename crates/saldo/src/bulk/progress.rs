//! How far a bulk verb is: a bar on a terminal, a line every five seconds elsewhere, on stderr.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of a verb over so many things.
pub struct Progress {
    verb: &'static str,
    things: &'static str,
    began: Instant,
    total: u64,
    bar: Option<ProgressBar>,
    due: Duration,
    is_hidden: bool,
}

impl Progress {
    /// Progress over `total` things, zero when nobody knows; hidden when `is_hidden`.
    pub fn new(verb: &'static str, things: &'static str, total: u64, is_hidden: bool) -> Self {
        let bar = (!is_hidden && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            // The template is a constant: without it the bar would only look different.
            if let Ok(style) = ProgressStyle::with_template(
                "{bar:30} {percent:>3}%  {human_pos} of {human_len}, {per_sec}, {eta} left",
            ) {
                bar.set_style(style);
            }
            bar
        });
        Self { verb, things, began: Instant::now(), total, bar, due: LINE_EVERY, is_hidden }
    }

    /// So many are done.
    pub fn show(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if !self.is_hidden && self.began.elapsed() >= self.due {
            self.due += LINE_EVERY;
            let of = if self.total > 0 { format!(" of {}", self.total) } else { String::new() };
            self.line(&format!("{done}{of} {}", self.things));
        }
    }

    /// Says what was done, in how long.
    pub fn finish(self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if !self.is_hidden {
            let seconds = self.began.elapsed().as_secs_f64();
            self.line(&format!("{done} {} in {seconds:.1} s", self.things));
        }
    }

    fn line(&self, text: &str) {
        // A closed stderr must not end the run.
        drop(writeln!(anstream::stderr().lock(), "{}: {text}", self.verb));
    }
}
