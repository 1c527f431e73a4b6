//! The secret by which a client shows who it is.

use std::borrow::Cow;
use std::fmt;

/// Most bytes of a token.
pub const TOKEN_BYTES_MAX: usize = 256;

/// A token as it came. Neither `Debug` nor anything else prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token<'a>(Cow<'a, str>);

impl<'a> Token<'a> {
    /// A token: 1 to [`TOKEN_BYTES_MAX`] bytes; `None` for any other text.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Option<Self> {
        let text = text.into();
        (1..=TOKEN_BYTES_MAX).contains(&text.len()).then_some(Self(text))
    }

    /// The text, for whoever looks whose it is.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        let token = Token::new("saldo_k7f3q2ab_secret").unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_eq!(token.reveal(), "saldo_k7f3q2ab_secret");
    }

    #[test]
    fn a_token_is_neither_empty_nor_long() {
        assert!(Token::new("").is_none());
        assert!(Token::new("x".repeat(TOKEN_BYTES_MAX)).is_some());
        assert!(Token::new("x".repeat(TOKEN_BYTES_MAX + 1)).is_none());
    }
}
