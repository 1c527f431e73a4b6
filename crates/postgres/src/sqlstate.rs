//! What an error of the database means for a batch. One function decides, for every code and for
//! every moment at which it can come.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// How far a batch was when an error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing was written.
    Reading,
    /// A write raised it; the commit was sent behind it.
    Writing,
    /// The commit raised it.
    Committing,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Certainly rolled back: the whole batch again.
    Retry,
    /// Nothing was written, and this connection is of no use: again on another one.
    Elsewhere,
    /// Certainly not written; the database has no room or no memory now.
    Unavailable,
    /// It may be committed: ask again under the same tx_ids.
    Unknown,
    /// Nothing was written: the database does not take a value that was asked with. It fails who asked,
    /// and nobody else.
    BadValue,
    /// A question took longer than the database was to work on it: so it would again.
    TooHeavy,
    /// Something is wrong that no retry mends.
    Fatal,
}

/// Decides. An error without a code is a lost connection, or an answer that cannot be: another number
/// of rows, or another type, than the statement has.
pub(crate) fn fault(stage: Stage, error: &Error) -> Fault {
    match error.code() {
        Some(code) => of_code(stage, code),
        None if !is_lost(error) => Fault::Fatal,
        None if stage == Stage::Reading => Fault::Elsewhere,
        None => Fault::Unknown,
    }
}

fn is_lost(error: &Error) -> bool {
    error.is_closed() || error.source().is_some_and(|source| source.is::<io::Error>())
}

fn of_code(stage: Stage, code: &SqlState) -> Fault {
    let text = code.code();
    match text {
        // A definite rollback, whenever it comes.
        "40001" | "40P01" | "55P03" | "23505" | "22012" => Fault::Retry,
        "40003" if stage != Stage::Reading => Fault::Unknown,
        "57014" if stage == Stage::Committing => Fault::Unknown,
        "40003" | "57014" => Fault::Retry,
        "57P01" | "57P02" | "57P05" | "25P03" | "25P04" if stage == Stage::Reading => {
            Fault::Elsewhere
        }
        "57P01" | "57P02" | "57P05" | "25P03" | "25P04" => Fault::Unknown,
        // It is no primary, or not yet.
        "57P03" | "25006" if stage == Stage::Committing => Fault::Unknown,
        "57P03" | "25006" => Fault::Elsewhere,
        _ if text.starts_with("08") && stage == Stage::Reading => Fault::Elsewhere,
        _ if text.starts_with("08") => Fault::Unknown,
        _ if text.starts_with("53") && stage == Stage::Committing => Fault::Unknown,
        _ if text.starts_with("53") => Fault::Unavailable,
        _ if text.starts_with("22") && stage == Stage::Reading => Fault::BadValue,
        _ => Fault::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pg_d39_every_code_means_what_the_moment_makes_of_it() {
        use Fault::{BadValue, Elsewhere, Fatal, Retry, Unavailable, Unknown};
        for (codes, reading, writing, committing) in [
            (&["40001", "40P01", "55P03", "23505", "22012"][..], Retry, Retry, Retry),
            (&["40003"][..], Retry, Unknown, Unknown),
            (&["57014"][..], Retry, Retry, Unknown),
            (
                &["57P01", "57P02", "57P05", "25P03", "25P04", "08006", "08001"][..],
                Elsewhere,
                Unknown,
                Unknown,
            ),
            (&["57P03", "25006"][..], Elsewhere, Elsewhere, Unknown),
            (&["53100", "53200", "53300"][..], Unavailable, Unavailable, Unknown),
            (&["22003", "22021"][..], BadValue, Fatal, Fatal),
            (&["23514", "42501", "42P01", "XX000", "25P02"][..], Fatal, Fatal, Fatal),
        ] {
            for code in codes {
                let of = |stage| of_code(stage, &SqlState::from_code(code));
                let found = [Stage::Reading, Stage::Writing, Stage::Committing].map(of);
                assert_eq!(found, [reading, writing, committing], "{code}");
            }
        }
    }
}
