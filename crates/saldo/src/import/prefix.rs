//! The names of rows that have none: a hash of the file from its beginning to the row's end.
//!
//! **Invariant:** what stands behind a row does not move its name, and neither does the line end
//! behind it: the last row of a file keeps its name when rows are added. Whatever is changed before
//! the row's end gives it another one.

use ledger::{TxId, TxIdFault};

/// What such a name begins with.
const HEAD: &str = "import-";

/// Hexadecimal digits of the hash in a name: 128 bits, so that no two files meet by chance.
const HASH_DIGITS: usize = 32;

/// The file as far as it was read.
#[derive(Default)]
pub struct Prefix {
    hasher: blake3::Hasher,
    /// Line ends behind the last row: they count once another row follows.
    line_ends: Vec<u8>,
}

impl Prefix {
    /// Takes the next row, with the line ends around it.
    pub fn take(&mut self, bytes: &[u8]) {
        let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let ends_count = bytes.iter().rev().take_while(|byte| is_line_end(byte)).count();
        let (row, line_ends) = bytes.split_at(bytes.len() - ends_count);
        if !row.is_empty() {
            self.hasher.update(&self.line_ends);
            self.hasher.update(row);
            self.line_ends.clear();
        }
        self.line_ends.extend_from_slice(line_ends);
    }

    /// The name of the row that was taken last.
    pub fn name(&self) -> Result<TxId<'static>, TxIdFault> {
        let hash: String = self.hasher.finalize().to_hex().chars().take(HASH_DIGITS).collect();
        TxId::new(format!("{HEAD}{hash}"))
    }
}

/// The name under which a row with this name is tried anew: for one that was made, the same with the
/// number of the attempt behind it; for one of the row's own, that very one.
pub fn next(tx_id: &TxId<'_>) -> String {
    let tx_id = tx_id.as_str();
    let (hash, attempt) = tx_id.split_once('/').unwrap_or((tx_id, "1"));
    let is_made = hash.strip_prefix(HEAD).is_some_and(|digits| {
        digits.len() == HASH_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    match attempt.parse::<u32>() {
        Ok(attempt) if is_made => format!("{hash}/{}", attempt.saturating_add(1)),
        Ok(_) | Err(_) => tx_id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &[&str]) -> String {
        let mut prefix = Prefix::default();
        parts.iter().for_each(|part| prefix.take(part.as_bytes()));
        prefix.name().unwrap().to_string()
    }

    #[test]
    fn a_name_rests_on_every_byte_up_to_the_end_of_its_row_and_on_none_behind() {
        let named = name(&["a\n", "b"]);
        assert_eq!(named.len(), HEAD.len() + HASH_DIGITS);
        for same in [&["a\n", "b\n"][..], &["a\n", "b\r\n", "\n"], &["a", "\nb\r", "\n"]] {
            assert_eq!(name(same), named, "{same:?}");
        }
        for other in [&["a\n"][..], &["a\n", "\nb"], &["a\r\n", "b"], &["c\n", "b"], &["a\n", "b "]]
        {
            assert_ne!(name(other), named, "{other:?}");
        }
    }
    #[test]
    fn a_name_that_was_made_leads_to_the_next_attempt_and_any_other_to_itself() {
        let made = format!("{HEAD}{}", "0f".repeat(HASH_DIGITS / 2));
        let next = |tx_id: &str| next(&TxId::new(tx_id).unwrap());
        assert_eq!(next(&made), format!("{made}/2"));
        assert_eq!(next(&format!("{made}/2")), format!("{made}/3"));
        for own in ["own", "own/2", "import-7", &format!("{made}/x"), &format!("{made}0")] {
            assert_eq!(next(own), *own);
        }
    }
}
