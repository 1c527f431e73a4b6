//! What the trouble with a database means for who copies or verifies.

use std::fmt::Display;

use postgres::CarryError;

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::serve::database;

/// What the database says of a role that lacks a right.
const NO_RIGHT: &str = "42501";

/// Tells it. `place`: which database.
pub fn refused(place: &impl Display, error: &CarryError) -> Failure {
    if error.is_damage() {
        let text = format!("{place}: {}", engine::chain(error));
        return Failure::new(Exit::Broken, "corrupt", text).hint(
            "change nothing in the database and keep a copy of it; then restore it from a backup",
        );
    }
    match error {
        CarryError::Open(error) => database::refused(error),
        CarryError::Database(source) => {
            let text = format!("{place}: {}", engine::chain(source));
            if let Some(code) = source.code().filter(|_| !source.is_closed()) {
                let failure = Failure::new(Exit::NothingDone, "database_refused", text);
                if code.code() != NO_RIGHT {
                    return failure;
                }
                return failure.hint(
                    "the role must own the schema saldo to copy into it, and may read it otherwise",
                );
            }
            Failure::new(Exit::NothingDone, "database_unreachable", text).retryable()
        }
        CarryError::Flawed(flaw) => {
            Failure::new(Exit::Broken, "corrupt", format!("{place}: {flaw}"))
        }
        CarryError::OtherLedger { found } => {
            Failure::new(Exit::No, "another_ledger", format!("{place} holds the ledger {found}"))
                .hint("copy into an empty target")
        }
        CarryError::Moved { seq } => Failure::new(
            Exit::No,
            "bank_moved",
            format!("{place} was written by somebody else behind seq {seq}"),
        )
        .hint(
            "stop the servers over it, then run the same copy again; it goes on where it stopped",
        ),
    }
}
