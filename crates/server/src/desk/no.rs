//! Why somebody is turned away.

use std::fmt;
use std::time::Duration;

use access::{Forbidden, LimitFault};
use engine::Unavailable;
use protocol::Code;

use crate::feed::TooManyFollowers;

/// Why nothing was done. Its text is for whoever asked: it tells a customer the same of an account
/// that is somebody else's and of one that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum No {
    /// Whoever asks is not known any more.
    Unauthenticated,
    /// The table does not allow it.
    Forbidden(Forbidden),
    /// There were too many requests.
    RateLimited {
        /// When the next one may come.
        retry_after: Duration,
    },
    /// More may not move at once, or today.
    Limit(LimitFault),
    /// There are as many followers as there may be.
    TooManyFollowers(TooManyFollowers),
    /// The engine cannot say.
    Unavailable(Unavailable),
}

impl No {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Forbidden(_) => Code::Forbidden,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::Limit(_) => Code::LimitExceeded,
            Self::TooManyFollowers(_) => Code::Overloaded,
            Self::Unavailable(why) => crate::batch::code_of(*why),
        }
    }
}

impl fmt::Display for No {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthenticated => f.write_str("the token was revoked, changed or is at its end"),
            Self::Forbidden(Forbidden { is_about_accounts: true, .. }) => {
                f.write_str("this is not yours to see or to move")
            }
            Self::Forbidden(forbidden) => forbidden.fmt(f),
            Self::RateLimited { retry_after } => {
                let millis = retry_after.as_millis().max(1);
                write!(f, "more requests than may come: try again in {millis} ms")
            }
            Self::Limit(fault) => fault.fmt(f),
            Self::TooManyFollowers(full) => full.fmt(f),
            Self::Unavailable(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for No {}

impl From<LimitFault> for No {
    fn from(fault: LimitFault) -> Self {
        Self::Limit(fault)
    }
}

impl From<TooManyFollowers> for No {
    fn from(full: TooManyFollowers) -> Self {
        Self::TooManyFollowers(full)
    }
}

impl From<Unavailable> for No {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why)
    }
}
