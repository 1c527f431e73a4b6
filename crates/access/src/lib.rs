//! Who may do what: the one table of roles and acts, the file of tokens, users and certificates,
//! limits on what a principal moves, and the audit log. Every door asks here: TCP, HTTP, the console
//! and the command line.
//!
//! Not here: sockets, sessions, rates, and what a door says to whom it turns away.
//!
//! **Invariant:** what the table does not allow is forbidden.
//! **Invariant:** no secret is in a file, in a message or in anything that can be printed.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

mod access;
mod act;
pub mod audit;
mod error;
mod file;
mod limit;
mod logins;
mod password;
mod principal;
mod record;
mod role;
mod secret;
mod store;
mod table;
mod time;

pub use access::{Access, Denied};
pub use act::Act;
pub use audit::Entry;
pub use error::{AccessError, ChangeError, Refusal};
pub use limit::{LimitFault, Limits, Reserved, day_of};
pub use logins::{LOGINS_AT_ONCE, LoginPermit};
pub use password::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN};
pub use principal::{Forbidden, Principal};
pub use record::{Grant, Kind, Listed, Standing};
pub use role::Role;
pub use secret::Secret;
pub use store::{Actor, Issued, Store};
pub use table::{Rule, rule};
