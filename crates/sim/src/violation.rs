//! A broken promise, with what repeats it.

/// An invariant that does not hold, inside a run.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The invariant, as a sentence.
    pub(crate) invariant: &'static str,
    /// What was found instead.
    pub(crate) found: String,
}

impl Broken {
    pub(crate) fn new(invariant: &'static str, found: impl Into<String>) -> Self {
        Self { invariant, found: found.into() }
    }
}

/// What every check of an invariant returns.
pub(crate) type Holds = Result<(), Broken>;

/// A run in which a promise was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "seed {seed}, life {life}, step {step}: it does not hold that {invariant}: {found}\n\
     to repeat it: SALDO_SEED={seed} cargo test -p sim --test power_loss"
)]
pub struct Violation {
    /// The seed of the run.
    pub seed: u64,
    /// Which life of the server, from 1.
    pub life: u64,
    /// The step of the run, from 1.
    pub step: u64,
    /// The invariant that does not hold, as a sentence.
    pub invariant: &'static str,
    /// What was found instead.
    pub found: String,
}
