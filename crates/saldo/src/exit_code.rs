//! What the process ends with. The numbers are a promise: none ever changes its meaning, and
//! `saldo help exit-codes` lists them.

/// Why a verb ended. Zero, done, is success itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The answer is no: the bank rejected it, or the person who was asked said so.
    No = 1,
    /// Wrong arguments, or input that cannot be read.
    Usage = 2,
    /// Nothing was done: the server is not reachable, overloaded or shutting down.
    NothingDone = 3,
    /// Not authenticated, or not allowed.
    NotAllowed = 4,
    /// It was sent and no answer came: it may have happened.
    OutcomeUnknown = 5,
    /// Damage was found, or a promise is broken: the totals do not agree.
    Broken = 6,
    /// The server stopped: a write or a sync failed. Starting again recovers.
    WriteFailed = 70,
    /// The server does not start: the journal or a snapshot is corrupt.
    Corrupt = 71,
    /// The server does not start: the folder is open in another one.
    Locked = 72,
    /// The server does not start: the address is open to others, and it has no access control.
    UnsafeBind = 73,
    /// The server does not start: the folder's format is not one of this program's.
    NewerFormat = 74,
    /// The server stopped, or does not start: the disk is full. Nothing acknowledged is lost.
    DiskFull = 75,
    /// Ctrl-C ended it early.
    Interrupted = 130,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_stand_in_the_help() {
        let topic = crate::help::EXIT_CODES;
        for exit in [
            Exit::No,
            Exit::Usage,
            Exit::NothingDone,
            Exit::NotAllowed,
            Exit::OutcomeUnknown,
            Exit::Broken,
            Exit::WriteFailed,
            Exit::Corrupt,
            Exit::Locked,
            Exit::UnsafeBind,
            Exit::NewerFormat,
            Exit::DiskFull,
            Exit::Interrupted,
        ] {
            let number = format!("\n{:>5}  ", exit.code());
            assert!(topic.contains(&number), "{exit:?}");
        }
    }
}
