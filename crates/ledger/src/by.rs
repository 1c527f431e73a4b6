//! Who did it.

use std::borrow::Cow;
use std::fmt;

use crate::limits::BY_BYTES_MAX;
use crate::text::has_control;

/// Names the principal on whose behalf an event was written: 1 to 64 bytes of UTF-8 without control
/// characters, such as `user:ana`. It is no part of what a tx_id is bound to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct By<'a>(Cow<'a, str>);

/// Why a text names no principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByFault {
    /// It has no bytes.
    Empty,
    /// It has more than [`BY_BYTES_MAX`] bytes.
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// It holds a control character.
    ControlCharacter,
}

impl<'a> By<'a> {
    /// Reads the name of a principal. Errors, in the order tried: `Empty`, `TooLong`,
    /// `ControlCharacter`.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, ByFault> {
        let text = text.into();
        if text.is_empty() {
            return Err(ByFault::Empty);
        }
        if text.len() > BY_BYTES_MAX {
            return Err(ByFault::TooLong { bytes: text.len() });
        }
        if has_control(&text) {
            return Err(ByFault::ControlCharacter);
        }
        Ok(Self(text))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same name, owning its bytes.
    pub fn into_owned(self) -> By<'static> {
        By(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ByFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name of a principal is empty"),
            Self::TooLong { bytes } => {
                write!(f, "the name of a principal has {bytes} bytes, the limit is {BY_BYTES_MAX}")
            }
            Self::ControlCharacter => {
                f.write_str("the name of a principal holds a control character")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_has_1_to_64_printable_bytes() {
        assert_eq!(By::new(""), Err(ByFault::Empty));
        assert!(By::new("x".repeat(64)).is_ok());
        assert_eq!(By::new("x".repeat(65)), Err(ByFault::TooLong { bytes: 65 }));
        assert_eq!(By::new("user:\u{7f}"), Err(ByFault::ControlCharacter));
    }
}
