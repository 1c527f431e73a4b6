//! What is looked at.

/// One thing that can be well or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// Somebody answers.
    Reachable,
    /// The bank may serve.
    Ready,
    /// What all but one request in a hundred take at most; where no request is timed, commits.
    P99,
    /// The mean time of writing and syncing a group.
    Sync,
    /// Room left under the data folder.
    Disk,
    /// How long ago the last checkpoint was made.
    Snapshot,
    /// Events that wait for the history index.
    Index,
    /// What all accounts hold, the bank's own included: zero.
    Money,
    /// How long the certificate is good for.
    Certificate,
}

/// What an item is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A time.
    Seconds,
    /// Room, which may also be given as a share of the whole.
    Bytes,
    /// How many.
    Count,
}

/// Which values of an item are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// Those above its threshold.
    High,
    /// Those below it.
    Low,
    /// There is no threshold: it is as it must be, or not.
    Never,
}

/// All of them, in the order in which they are told.
pub const ITEMS: [Item; 9] = [
    Item::Reachable,
    Item::Ready,
    Item::P99,
    Item::Sync,
    Item::Disk,
    Item::Snapshot,
    Item::Index,
    Item::Money,
    Item::Certificate,
];

impl Item {
    /// As it is typed and told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Ready => "ready",
            Self::P99 => "p99",
            Self::Sync => "sync",
            Self::Disk => "disk",
            Self::Snapshot => "snapshot",
            Self::Index => "index",
            Self::Money => "money",
            Self::Certificate => "certificate",
        }
    }

    /// What it is counted in.
    pub fn unit(self) -> Unit {
        match self {
            Self::Reachable | Self::P99 | Self::Sync | Self::Snapshot | Self::Certificate => {
                Unit::Seconds
            }
            Self::Disk => Unit::Bytes,
            Self::Ready | Self::Index | Self::Money => Unit::Count,
        }
    }

    /// Which of its values are bad.
    pub fn bad(self) -> Bad {
        match self {
            Self::Reachable | Self::Ready | Self::Money => Bad::Never,
            Self::P99 | Self::Sync | Self::Snapshot | Self::Index => Bad::High,
            Self::Disk | Self::Certificate => Bad::Low,
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        ITEMS.into_iter().find(|item| item.name() == name)
    }
}
