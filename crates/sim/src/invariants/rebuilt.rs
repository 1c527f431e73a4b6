//! The index that a life ends up with answers as one that is built anew from the journal.

use engine::Reading;

use crate::violation::{Broken, Holds};

const INVARIANT: &str = "the index is equal to a full rebuild";

/// Compares the answers to the same questions.
pub(crate) fn answers_alike(as_it_is: &[Reading], rebuilt: &[Reading]) -> Holds {
    let different = as_it_is.iter().zip(rebuilt).find(|(one, other)| one != other);
    match different {
        None if as_it_is.len() == rebuilt.len() => Ok(()),
        _ => Err(Broken::new(INVARIANT, format!("as it is and rebuilt: {different:?}"))),
    }
}
