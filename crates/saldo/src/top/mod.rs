//! A running server, live: what two pages of its metrics say about the time between them, on a screen
//! or line by line. Not here: the pages themselves (`vitals`), the question (`http`).

mod figures;
mod lines;
mod poll;
mod screen;
mod terminal;
mod watch;

use std::time::Duration;

pub use lines::run as lines;
pub use terminal::run as screen;

/// How a run watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long lies between two pages.
    pub every: Duration,
    /// After how many of these times it ends; `None`: when somebody ends it.
    pub count: Option<u32>,
}
