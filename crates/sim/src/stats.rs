//! What runs went through, counted, so that a test can tell a quiet run from a deaf one.

use std::fmt;
use std::ops::AddAssign;

/// Makes the struct, its sum and its rows from one list.
macro_rules! counts {
    ($($name:ident: $text:literal,)*) => {
        /// Counts over one run or many.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Stats {
            $(#[doc = concat!("How many ", $text, ".")] pub $name: u64,)*
        }

        impl AddAssign for Stats {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl fmt::Display for Stats {
            /// One count a line.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>12}  {}", self.$name, $text)?;)*
                Ok(())
            }
        }
    };
}

counts! {
    runs: "runs",
    steps: "steps",
    requests: "requests",
    commits: "groups committed",
    rotations: "rotations",
    checkpoints: "checkpoints published",
    clean_stops: "clean stops",
    replies: "replies given",
    acknowledged: "changes and recorded refusals among them",
    duplicates: "duplicates answered",
    conflicts: "conflicts answered",
    refusals: "refusals answered",
    late: "requests refused for their deadline",
    resolved: "resolves answered with what was settled",
    voided: "tx_ids voided",
    late_copies: "requests refused under a voided tx_id",
    recalls: "requests that recalled what stands under their tx_id",
    recalls_waited: "recalls that waited for a commit",
    index_runs: "runs of the index written",
    index_merges: "merges of runs",
    index_failures: "failed steps of the index",
    index_stops: "stops because the index could not be written",
    index_damaged: "indexes cut or flipped while the server was down",
    index_damage_met: "lives ended because a reading met damage of the index",
    index_wiped: "indexes taken away",
    index_dropped: "files that an opened index dropped",
    readings: "readings of history compared",
    power_cuts_ordered: "power cuts that took back the last names",
    power_cuts_strict: "power cuts that took back any names",
    process_crashes: "crashes of the process",
    down_in_commit: "crashes inside a commit",
    down_in_rotation: "crashes inside a rotation",
    down_in_idle_seal: "crashes inside an idle seal",
    down_in_index: "crashes inside a step of the index",
    down_in_reading: "crashes inside a reading",
    down_in_padding: "crashes inside a step of the padding",
    down_in_checkpoint: "crashes inside a checkpoint",
    down_in_clean_stop: "crashes inside a clean stop",
    down_in_recovery: "crashes inside a recovery",
    down_between_steps: "crashes between two steps",
    interrupted_twice: "recoveries interrupted twice or more",
    recoveries: "recoveries",
    snapshots_used: "recoveries from a snapshot",
    torn_tails: "torn tails set aside",
    torn_rotations: "rotations found half done",
    events_lost: "events lost, told to nobody",
    events_kept_untold: "events kept, told to nobody",
    faults_met: "failing calls",
    journal_stops: "stops of the journal after one",
    disks_full: "stops for want of room",
    openings_failed: "openings that failed for one",
}

impl Stats {
    /// Crashes of every kind.
    pub fn crashes(&self) -> u64 {
        self.power_cuts_ordered + self.power_cuts_strict + self.process_crashes
    }
}
