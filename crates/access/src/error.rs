//! What goes wrong with the file of access, and what it is not asked to hold.

use std::io;
use std::path::PathBuf;

use ledger::NameFault;
use thiserror::Error;

use crate::role::Role;

/// The file, or the audit log beside it, cannot be used. No message shows what is in the file.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The operating system refused.
    #[error("{} cannot be {act}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was tried: `read`, `written`, `locked`.
        act: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Group or others may read it.
    #[error("{} has mode {mode:04o}; others can read it", path.display())]
    TooOpen {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is too large to be ours.
    #[error("{} has more than {max} bytes", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The most.
        max: u64,
    },
    /// It is no file of ours, or of another version.
    #[error("{} is not in the format {}", path.display(), crate::record::FORMAT)]
    Format {
        /// Which file.
        path: PathBuf,
    },
    /// A key is missing, unknown or of another type.
    #[error("{} is damaged at line {line}, column {column}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// What it says cannot be.
    #[error("{} says what cannot be", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What.
        source: Refusal,
    },
    /// Another writer keeps the lock.
    #[error("{} is locked by another program", path.display())]
    Busy {
        /// The file that is locked.
        path: PathBuf,
    },
    /// A line of the audit log does not follow from the one before.
    #[error("{} is damaged at line {line}", path.display())]
    AuditBroken {
        /// Which file.
        path: PathBuf,
        /// Counted from 1; 0 where lines were not counted.
        line: u64,
    },
}

/// Why a change is not made. The file stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A customer without an account could do nothing.
    #[error("a customer needs at least one account")]
    NoAccounts,
    /// Only customers have accounts of their own.
    #[error("the role {role} is not bound to accounts")]
    AccountsOf {
        /// The role that was to have them.
        role: Role,
    },
    /// One customer has more accounts than that.
    #[error("a customer has at most {max} accounts")]
    TooManyAccounts {
        /// The most.
        max: usize,
    },
    /// A name is none of an account.
    #[error("{name:?}: {fault}")]
    Account {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// The role moves no money.
    #[error("the role {role} moves no money, so it has no limits")]
    LimitsOf {
        /// The role that was to have them.
        role: Role,
    },
    /// A limit is no amount.
    #[error("a limit is a whole number of cents, 1 to 9007199254740991")]
    Limits,
    /// The note is too long or holds control characters.
    #[error("a note has at most {max} bytes and no control characters")]
    Note {
        /// The most bytes.
        max: usize,
    },
    /// It would have ended before it began.
    #[error("it would expire in the past")]
    Over,
    /// The name of a user has another form.
    #[error(
        "a user's name has 1 to {max} of a to z, 0 to 9 and . _ - @, the first a letter or a digit"
    )]
    UserName {
        /// The most bytes.
        max: usize,
    },
    /// The name in a certificate has another form.
    #[error(
        "a certificate's name is a DNS name or a URI of at most {max} printable bytes, without *"
    )]
    CertificateName {
        /// The most bytes.
        max: usize,
    },
    /// The password is too short or too long.
    #[error(
        "a password has {} to {} bytes, this one has {bytes}",
        crate::PASSWORD_BYTES_MIN,
        crate::PASSWORD_BYTES_MAX
    )]
    PasswordLength {
        /// How many it has.
        bytes: usize,
    },
    /// The hash of a password cannot be made.
    #[error("the password cannot be hashed")]
    Hashing,
    /// The operating system gives no random bytes.
    #[error("there are no random bytes")]
    NoRandomness,
    /// The name is taken.
    #[error("{name} exists already")]
    Taken {
        /// Which.
        name: String,
    },
    /// There is none of that name.
    #[error("there is no {name}")]
    Unknown {
        /// Which, as the journal names it.
        name: String,
    },
    /// It has ended already.
    #[error("{name} has ended already")]
    Ended {
        /// Which.
        name: String,
    },
    /// The file is full of principals that have not ended.
    #[error("there are {max} principals already")]
    Full {
        /// The most.
        max: usize,
    },
    /// A principal in the file is none.
    #[error("{by} is malformed")]
    Record {
        /// Which.
        by: String,
    },
}

/// A change that was not made.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// It makes no sense.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The file or the audit log cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
}
