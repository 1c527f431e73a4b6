//! Many requests over one connection, and how far they are: what import and export stand on.

mod pipe;
mod progress;

pub use pipe::{Lost, Pipe, Sent, text_of};
pub use progress::Progress;
