//! The TCP door of the bank: it takes connections, reads lines, hands the requests in them to an
//! [`engine::Engine`] and writes the replies.
//!
//! * [`serve`] takes connections until it is told to stop, then drains them;
//! * `connection` is one client's loop, `input` its unread bytes, `batch` from lines to requests
//!   and from outcomes to replies, `query` the same for history, `last_word` how a connection is
//!   ended by the server;
//! * [`Desk`] is where all doors ask: it judges who may do, see and move what;
//! * `guest` finds out who a client is, `visitors` ends the connections of who is revoked, `wire` is
//!   the stream below a connection, [`tls`] what guards it;
//! * [`feed`] gives what happens to those who follow;
//! * `tx_ids` names the writes whose client gave no tx_id.
//!
//! Not here: what a line means (`protocol`), what a request does (`engine`), signals and addresses
//! (`saldo`).
//!
//! **Invariant:** every buffer, line, queue and wait has a limit; [`Options`] has them.
//! **Invariant:** the replies of a connection come in the order of its lines.
//! **Invariant:** while replies are being written, nothing is read from that connection.

mod addresses;
mod batch;
mod buffers;
mod connection;
pub mod counters;
mod desk;
pub mod feed;
mod follow;
mod guest;
mod input;
mod last_word;
mod options;
mod query;
mod serve;
mod throttle;
pub mod tls;
mod tx_ids;
mod visitors;
mod wire;

pub use access;
pub use batch::{code_of, write_outcome};
pub use counters::Counters;
pub use desk::{Desk, No, seen_by};
pub use feed::Feed;
pub use options::Options;
pub use query::{for_engine, write_reading};
pub use serve::{Report, serve};
pub use tls::Tls;
pub use tokio_util::sync::CancellationToken;
