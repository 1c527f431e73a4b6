//! Whether a running server is well, as monitors ask: what is looked at, what it may be, and how it
//! is told. Not here: the question itself (`http`), the page that is the answer (`vitals`).

mod finding;
mod item;
mod judge;
mod limits;
mod probe;
mod report;

pub use finding::Status;
pub use limits::Limits;
pub use probe::probe;
pub use report::{Format, worst};
