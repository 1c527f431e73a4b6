//! Faults that tests plant to see themselves fail. A build without the feature `planted` holds
//! none of them, and a release build with it does not compile.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("planted faults are for test builds, never for a release");

/// One planted fault. The letters are those of the table of negative controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// B1: a group counts as durable without its sync.
    NoSync,
    /// B2: the folder is not synced after a rename.
    NoFolderSync,
    /// B4: a snapshot gets its name before its bytes are synced.
    SnapshotBeforeSync,
    /// B7: tx_ids from before the snapshot are forgotten on restart.
    IdsForgotten,
    /// B10: a group counts whole though its seal does not fit.
    SealUnchecked,
    /// An account's lock is released before its event has its seq.
    EarlyUnlock,
    /// A recent tx_id makes room for another before the index holds it.
    EvictedEarly,
    /// A tx_id counts as voided without an event that says so.
    VoidNotStaged,
    /// A run of the index gets its name before its bytes are synced.
    RunBeforeSync,
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
    pub fn has(self, fault: Planted) -> bool {
        self.fault == Some(fault)
    }

    /// Whether this fault is planted: no.
    #[cfg(not(feature = "planted"))]
    pub const fn has(self, _fault: Planted) -> bool {
        false
    }
}
