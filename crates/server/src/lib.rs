//! The TCP door of the bank: it takes connections, reads lines, hands the requests in them to an
//! [`engine::Engine`] and writes the replies.
//!
//! * [`serve`] takes connections until it is told to stop, then drains them;
//! * `connection` is one client's loop, `input` its unread bytes, `batch` from lines to requests
//!   and from outcomes to replies, `query` the same for history, `last_word` how a connection is
//!   ended by the server;
//! * `tx_ids` names the writes whose client gave no tx_id.
//!
//! Not here: what a line means (`protocol`), what a request does (`engine`), signals and addresses
//! (`saldo`).
//!
//! **Invariant:** every buffer, line, queue and wait has a limit; [`Options`] has them.
//! **Invariant:** the replies of a connection come in the order of its lines.
//! **Invariant:** while replies are being written, nothing is read from that connection.

mod batch;
mod buffers;
mod connection;
mod input;
mod last_word;
mod options;
mod query;
mod serve;
mod throttle;
mod tx_ids;

pub use batch::{code_of, write_outcome};
pub use options::Options;
pub use query::{for_engine, write_reading};
pub use serve::{Report, serve};
pub use tokio_util::sync::CancellationToken;
