//! The idempotency key of a write.

use std::borrow::Cow;
use std::fmt;

use crate::limits::TX_ID_BYTES_MAX;
use crate::text::has_control;

/// Names one write for ever: 1 to 128 bytes of UTF-8 without control characters. The same tx_id
/// with the same content happens once; it is bound to that content and never expires.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId<'a>(Cow<'a, str>);

/// Why a text is not a tx_id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxIdFault {
    /// It has no bytes. (On the wire an empty tx_id means that none was given.)
    Empty,
    /// It has more than [`TX_ID_BYTES_MAX`] bytes.
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// It holds a control character.
    ControlCharacter,
    /// It is no text at all.
    NotText,
}

impl<'a> TxId<'a> {
    /// Reads a tx_id. Errors, in the order tried: `Empty`, `TooLong`, `ControlCharacter`.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, TxIdFault> {
        let text = text.into();
        if text.is_empty() {
            return Err(TxIdFault::Empty);
        }
        if text.len() > TX_ID_BYTES_MAX {
            return Err(TxIdFault::TooLong { bytes: text.len() });
        }
        if has_control(&text) {
            return Err(TxIdFault::ControlCharacter);
        }
        Ok(Self(text))
    }

    /// The tx_id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same tx_id, owning its bytes.
    pub fn into_owned(self) -> TxId<'static> {
        TxId(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for TxId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TxIdFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("tx_id is empty"),
            Self::TooLong { bytes } => {
                write!(f, "tx_id has {bytes} bytes, the limit is {TX_ID_BYTES_MAX}")
            }
            Self::ControlCharacter => f.write_str("tx_id holds a control character"),
            Self::NotText => f.write_str("tx_id must be a string"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tx_id_has_1_to_128_printable_bytes() {
        assert_eq!(TxId::new(""), Err(TxIdFault::Empty));
        assert!(TxId::new("x".repeat(128)).is_ok());
        assert_eq!(TxId::new("x".repeat(129)), Err(TxIdFault::TooLong { bytes: 129 }));
        assert_eq!(TxId::new("a\u{1b}b"), Err(TxIdFault::ControlCharacter));
    }
}
