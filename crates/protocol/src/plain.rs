//! Plain text, eight bytes at a time: what a JSON string holds as it is. Names and tx_ids are short,
//! and almost always plain.
//!
//! A word's byte in the lowest place is the first; so it is on every machine.

/// A byte in each of the eight places of a word.
pub(crate) const fn in_each_place(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of each byte of `word` that is zero; above the first of them it may err.
#[inline]
pub(crate) const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(in_each_place(1)) & !word & in_each_place(0x80)
}

/// The highest bit of each byte of `word` that no plain string holds: a quotation mark, a
/// backslash, a control character below 0x20; above the first of them it may err.
#[inline]
const fn specials(word: u64) -> u64 {
    let quotes = (word ^ in_each_place(b'"')).wrapping_sub(in_each_place(1));
    let backslashes = (word ^ in_each_place(b'\\')).wrapping_sub(in_each_place(1));
    let controls = word.wrapping_sub(in_each_place(b' '));
    // A byte beyond ASCII is none of the three.
    (quotes | backslashes | controls) & !word & in_each_place(0x80)
}

/// How many bytes stand before the first that no plain string holds.
#[inline]
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    let mut length = 0;
    for word in words {
        let specials = specials(u64::from_le_bytes(*word));
        if specials != 0 {
            return length + specials.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | ..b' ')).count()
}

/// Whether `bytes` holds nothing that a JSON string must escape.
#[inline]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    // Without an early exit, and the last eight bytes overlap those before them.
    let found = match bytes.last_chunk() {
        Some(last) => {
            let (words, _) = bytes.as_chunks();
            let last = specials(u64::from_le_bytes(*last));
            words.iter().fold(last, |found, word| found | specials(u64::from_le_bytes(*word)))
        }
        None => bytes.iter().fold(0, |found, byte| found | specials(in_each_place(*byte))),
    };
    found == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_special(byte: u8) -> bool {
        byte < b' ' || byte == b'"' || byte == b'\\'
    }

    #[test]
    fn every_byte_is_plain_or_not_in_every_place() {
        for place in 0..20 {
            for byte in 0..=255 {
                for length in place + 1..=20 {
                    let mut text = vec![b'!'; length];
                    text[place] = byte;
                    let expected = if is_special(byte) { place } else { length };
                    assert_eq!(plain_length(&text), expected, "{byte:#x} in place {place}");
                    assert_eq!(is_plain(&text), !is_special(byte), "{byte:#x} in place {place}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn plain_text_ends_at_the_first_special_byte(
            text in "[ -~é\u{0}-\u{1f}\"\\\\]{0,40}",
        ) {
            let bytes = text.as_bytes();
            let expected = bytes.iter().position(|byte| is_special(*byte)).unwrap_or(bytes.len());
            prop_assert_eq!(plain_length(bytes), expected);
            prop_assert_eq!(is_plain(bytes), expected == bytes.len());
        }
    }
}
