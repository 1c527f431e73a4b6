//! The bank over a replicated PostgreSQL: accounts are rows, and many servers may stand before them.
//!
//! A batch locks the rows of its accounts in order, decides by the same rules as every engine, and
//! writes accounts, events and statement in one transaction, which the database commits on two
//! machines before it answers. Nothing of the bank is kept in the server.
//!
//! From the bottom up: `sqlstate` (what an error means), `schema`, `address` (hosts, with `passfile`
//! and `secure`), `link` (one connection, its checks and statements, kept from waiting for
//! a host that is gone by `alive`), `finder` (which host is the primary, with what each one said in
//! `search`), `plan` (deciding a batch; pure), `store` (a batch as a transaction), `reads`, `queue` and
//! `slot` (batches under way, and again after a failure), `contact` (what the log says of a database
//! that is lost), `engine`. Beside them, for whole histories: `scan` reads one, `verify` proves one with
//! its `keys`, `intake` takes one over; `scratch` makes databases to try promises in.
//!
//! **Invariant:** an answer leaves only after the acknowledgement of a replicated commit that was
//! written later than everything it shows.
//! **Invariant:** what may have been committed is settled by asking again under the same tx_ids, never
//! by a guess.
//! Not here: replication, failover and locking, which are the database's.
#![deny(clippy::indexing_slicing)]

mod address;
mod alive;
mod carry_error;
mod contact;
mod engine;
mod error;
mod finder;
mod intake;
mod keys;
mod link;
mod passfile;
mod plan;
mod planted;
mod queue;
mod reads;
mod scan;
mod schema;
mod scratch;
mod search;
mod secure;
mod slot;
mod sqlstate;
mod statements;
mod store;
mod verify;

pub use crate::engine::{Options, PostgresEngine};
pub use address::Address;
pub use carry_error::{CarryError, Flaw, Mismatch};
pub use error::{AddressError, CheckFault, OpenError};
pub use intake::Intake;
pub use link::Mode;
pub use planted::{Planted, Plants};
pub use scan::History;
pub use schema::{SCHEMA_VERSION, create_schema, upgrade_schema};
pub use scratch::{create_database, drop_database, is_not_allowed};
pub use verify::{Proof, verify};
