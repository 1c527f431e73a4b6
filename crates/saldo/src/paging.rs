//! What the verbs that show lists have in common: which page, and how to come to the next one.

use client::request::history::Page;
use protocol::limits::PAGE_MAX;

use crate::failure::Failure;
use crate::moment::Clock;
use crate::shell::Command;

/// The flags of a list.
#[derive(Debug, clap::Args)]
pub struct PageArgs {
    /// Most lines in one page, 1 to 1000
    #[arg(long, value_name = "N", help_heading = "Pages")]
    limit: Option<String>,
    /// Go on where a page ended: what its note, or its next_cursor, says
    #[arg(long, value_name = "CURSOR", help_heading = "Pages")]
    cursor: Option<String>,
    /// Every page up to the end, one after the other
    #[arg(long, help_heading = "Pages")]
    all: bool,
}

/// The flag of a verb that shows times.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ClockArgs {
    /// Times of a table in UTC, not in local time
    #[arg(long, help_heading = "Output")]
    utc: bool,
}

/// Which pages were asked for.
#[derive(Debug)]
pub struct Pages {
    limit: Option<usize>,
    cursor: Option<String>,
    all: bool,
    is_first: bool,
}

impl ClockArgs {
    /// How the times of a table are written.
    pub fn clock(self) -> Clock {
        if self.utc { Clock::Utc } else { Clock::Local }
    }
}

impl PageArgs {
    /// Settles on the pages. With `--all` they are as large as they can be, unless a limit was
    /// given. Errors: the limit is none.
    pub fn resolve(self) -> Result<Pages, Failure> {
        let limit = match self.limit.as_deref() {
            None => self.all.then_some(PAGE_MAX),
            Some(given) => {
                let limit = given.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
                let shown = crate::output::text::quoted(given);
                Some(limit.ok_or_else(|| {
                    Failure::usage(format!("--limit {shown}: give a number from 1 to {PAGE_MAX}"))
                        .hint("--all shows every page")
                })?)
            }
        };
        Ok(Pages { limit, cursor: self.cursor, all: self.all, is_first: true })
    }
}

impl Pages {
    /// The page at hand.
    pub fn page(&self) -> Page<'_> {
        Page { limit: self.limit, cursor: self.cursor.as_deref() }
    }

    /// Whether the page at hand is the first that is shown.
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Goes on to the page at `next`, when there is one and it was asked for.
    pub fn advance(&mut self, next: Option<String>) -> bool {
        self.cursor = next;
        self.is_first = false;
        self.all && self.cursor.is_some()
    }

    /// `command` for the page at hand.
    pub fn asked_by(&self, mut command: Command) -> Command {
        if let Some(limit) = self.limit.filter(|_| !self.all) {
            command = command.option("--limit", limit.to_string());
        }
        if let Some(cursor) = &self.cursor {
            command = command.option("--cursor", cursor);
        }
        command
    }

    /// Whether there is a page behind the ones that were shown.
    pub fn has_more(&self) -> bool {
        self.cursor.is_some()
    }
}
