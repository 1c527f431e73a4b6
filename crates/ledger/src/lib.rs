//! What a bank does, and nothing else: accounts, amounts, commands, the rules that turn a command
//! into an event or a rejection, and the naive model that everything else is compared with.
//!
//! **Invariant:** this crate names no file, no clock, no thread and no other crate.
//! **Invariant:** all arithmetic on money is checked; there is no float.
#![deny(clippy::arithmetic_side_effects, clippy::float_arithmetic, clippy::indexing_slicing)]

mod account;
mod apply;
mod by;
mod command;
mod decide;
mod event;
pub mod limits;
pub mod model;
mod money;
mod rejection;
mod repeated;
mod seq;
mod text;
mod transaction;
mod tx_id;

pub use account::{AccountId, NameFault};
pub use apply::apply;
pub use by::{By, ByFault};
pub use command::{Command, Openings, Transfer};
pub use decide::decide;
pub use event::{Event, Leg, Refused};
pub use money::{Amount, AmountFault, Balance};
pub use rejection::Rejection;
pub use repeated::Repeated;
pub use seq::Seq;
pub use transaction::Transaction;
pub use tx_id::{TxId, TxIdFault};
