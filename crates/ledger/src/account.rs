//! The name of an account.

use std::borrow::Cow;
use std::fmt;

use crate::limits::{ACCOUNT_ID_BYTES_MAX, RESERVED_PREFIX};
use crate::text::has_control;

/// A named place for money of one currency: 1 to 64 bytes of UTF-8 without control characters,
/// not beginning with `@`. Names are compared byte for byte and never normalised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId<'a>(Cow<'a, str>);

/// Why a text is not the name of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// It has no bytes.
    Empty,
    /// It has more than [`ACCOUNT_ID_BYTES_MAX`] bytes.
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// It holds a control character.
    ControlCharacter,
    /// It begins with `@`: the bank's own.
    Reserved,
    /// It is no text at all.
    NotText,
}

impl<'a> AccountId<'a> {
    /// Reads a name. Errors, in the order tried: `Empty`, `TooLong`, `ControlCharacter`, `Reserved`.
    pub fn new(name: impl Into<Cow<'a, str>>) -> Result<Self, NameFault> {
        let name = name.into();
        if name.is_empty() {
            return Err(NameFault::Empty);
        }
        if name.len() > ACCOUNT_ID_BYTES_MAX {
            return Err(NameFault::TooLong { bytes: name.len() });
        }
        if has_control(&name) {
            return Err(NameFault::ControlCharacter);
        }
        if name.starts_with(RESERVED_PREFIX) {
            return Err(NameFault::Reserved);
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same name, owning its bytes.
    pub fn into_owned(self) -> AccountId<'static> {
        AccountId(Cow::Owned(self.0.into_owned()))
    }

    /// The same name, borrowing from this one.
    pub fn borrow(&self) -> AccountId<'_> {
        AccountId(Cow::Borrowed(&self.0))
    }
}

impl fmt::Display for AccountId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("account name is empty"),
            Self::TooLong { bytes } => {
                write!(f, "account name has {bytes} bytes, the limit is {ACCOUNT_ID_BYTES_MAX}")
            }
            Self::ControlCharacter => f.write_str("account name holds a control character"),
            Self::Reserved => f.write_str("account names that begin with '@' are the bank's own"),
            Self::NotText => f.write_str("account name must be a string"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_64_bytes() {
        assert_eq!(AccountId::new(""), Err(NameFault::Empty));
        assert!(AccountId::new("a").is_ok());
        assert!(AccountId::new("a".repeat(64)).is_ok());
        assert_eq!(AccountId::new("a".repeat(65)), Err(NameFault::TooLong { bytes: 65 }));
        assert_eq!(AccountId::new("é".repeat(33)), Err(NameFault::TooLong { bytes: 66 }));
    }

    #[test]
    fn a_name_holds_no_control_character_of_any_kind() {
        for name in ["\0", "a\tb", "a\nb", "a\u{7f}", "a\u{85}b", "é\u{9f}"] {
            assert_eq!(AccountId::new(name), Err(NameFault::ControlCharacter), "{name:?}");
        }
        assert!(AccountId::new("josé da silva").is_ok());
    }

    #[test]
    fn a_name_that_begins_with_an_at_sign_is_the_banks_own() {
        assert_eq!(AccountId::new("@world"), Err(NameFault::Reserved));
        assert!(AccountId::new("a@world").is_ok());
    }
}
