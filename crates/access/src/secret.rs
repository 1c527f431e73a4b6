//! The secret of a token: 256 random bits, shown once and kept as a digest.

use std::fmt;

/// Begins every token, so that scanners find one that was left lying about.
const PREFIX: &str = "saldo";

/// Letters of an id: none that is easily taken for another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Letters in an id: 40 bits.
const ID_LETTERS: usize = 8;

/// Hexadecimal digits of the secret part: 256 bits.
const SECRET_DIGITS: usize = 64;

/// What the digest is for: the same bytes hashed for another purpose give another digest.
const PURPOSE: &str = "saldo 2026-11-25 access token";

/// The text of a token, `saldo_<id>_<64 hexadecimal digits>`. Neither `Debug` nor `Display` show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one who is to keep it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Makes an id: not secret, and never given twice in one file.
pub(crate) fn new_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; ID_LETTERS];
    getrandom::fill(&mut bytes)?;
    // 32 letters divide 256: each is as likely as the others.
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte & 31)).copied();
    Ok(bytes.iter().filter_map(letter).map(char::from).collect())
}

/// Makes the secret of the token `id`.
pub(crate) fn new_secret(id: &str) -> Result<Secret, getrandom::Error> {
    let mut bytes = [0; SECRET_DIGITS / 2];
    getrandom::fill(&mut bytes)?;
    let mut text = format!("{PREFIX}_{id}_");
    for byte in bytes {
        text.extend(
            [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16)).iter().flatten(),
        );
    }
    Ok(Secret(text))
}

/// The id in a token's text; `None` when the text has not the form of one.
pub(crate) fn id_of(token: &str) -> Option<&str> {
    let (id, secret) = token.strip_prefix(PREFIX)?.strip_prefix('_')?.split_once('_')?;
    let is_secret = secret.len() == SECRET_DIGITS
        && secret.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (is_id(id) && is_secret).then_some(id)
}

/// Whether a text has the form of an id.
pub(crate) fn is_id(id: &str) -> bool {
    id.len() == ID_LETTERS && id.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// The digest by which a token is known again.
pub(crate) fn digest(token: &str) -> blake3::Hash {
    blake3::Hasher::new_derive_key(PURPOSE).update(token.as_bytes()).finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_and_its_id_is_found_again() {
        let id = new_id().unwrap();
        let secret = new_secret(&id).unwrap();
        assert_eq!(id_of(secret.reveal()), Some(&*id));
        assert_eq!(secret.reveal().len(), "saldo_".len() + ID_LETTERS + 1 + 64);
        assert_ne!(secret, new_secret(&id).unwrap());
        assert_ne!(id, new_id().unwrap());
    }

    #[test]
    fn what_has_another_form_is_no_token() {
        let digits = "0".repeat(64);
        assert!(id_of(&format!("saldo_abcdefgh_{digits}")).is_some());
        for text in [
            String::new(),
            "saldo".into(),
            "saldo__".into(),
            format!("saldo_abcdefg_{digits}"),
            format!("saldo_abcdefgl_{digits}"),
            format!("saldo_abcdefgh_{digits}0"),
            format!("saldo_abcdefgh_{}", "A".repeat(64)),
            format!("Saldo_abcdefgh_{digits}"),
            format!(" saldo_abcdefgh_{digits}"),
        ] {
            assert_eq!(id_of(&text), None, "{text}");
        }
    }

    #[test]
    fn nothing_that_can_be_printed_shows_a_secret() {
        let secret = new_secret("abcdefgh").unwrap();
        let hidden = &secret.reveal()["saldo_abcdefgh_".len()..];
        assert!(!format!("{secret:?}").contains(hidden));
        assert!(!digest(secret.reveal()).to_hex().contains(hidden));
    }

    #[test]
    fn a_digest_is_bound_to_its_purpose() {
        assert_ne!(digest("x"), blake3::hash(b"x"));
        assert_eq!(digest("x"), digest("x"));
    }
}
