//! Faults that tests plant to see themselves fail. A build without the feature `planted` holds
//! none of them, and a release build with it does not compile.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("planted faults are for test builds, never for a release");

/// One planted fault: a rule of the design that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// D30: a notice during a commit is not looked at.
    NoticeIgnored,
    /// D34: what was read is told without a commit behind it.
    NoBarrier,
    /// D38: a batch counts as written when its COMMIT was answered, whatever its writes were.
    OnlyCommitCounts,
    /// D41: a commit whose answer was lost counts as not done.
    LostIsNotDone,
    /// D45: a name that was missing is not looked for again under the lock.
    AbsenceUnproved,
}

/// Which fault is planted, if any; always none without the feature.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plants {
    #[cfg(feature = "planted")]
    fault: Option<Planted>,
}

impl Plants {
    /// Plants one fault.
    #[cfg(feature = "planted")]
    pub fn with(fault: Planted) -> Self {
        Self { fault: Some(fault) }
    }

    /// Whether this fault is planted.
    #[cfg(feature = "planted")]
    pub(crate) fn has(self, fault: Planted) -> bool {
        self.fault == Some(fault)
    }

    /// Whether this fault is planted: no.
    #[cfg(not(feature = "planted"))]
    pub(crate) const fn has(self, _fault: Planted) -> bool {
        false
    }
}
