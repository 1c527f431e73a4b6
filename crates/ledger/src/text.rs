//! What names and tx_ids have in common: printable text.

/// Whether `text` holds a control character (C0, DEL or C1).
pub(crate) fn has_control(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Eight bytes at a time and without an early exit: texts here are short, and plain. The last
    // eight overlap those before them.
    let found = match bytes.last_chunk() {
        Some(last) => {
            let (words, _) = bytes.as_chunks();
            words.iter().fold(suspicious(*last), |found, word| found | suspicious(*word))
        }
        None => bytes.iter().fold(0, |found, byte| found | suspicious([*byte; 8])),
    };
    // Only what is suspicious is looked at: C1 controls lie beyond ASCII.
    found != 0 && text.chars().any(char::is_control)
}

/// Not zero when a byte is no printable ASCII character, and perhaps for a few that are.
#[inline]
const fn suspicious(bytes: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(bytes);
    let below_blank = word.wrapping_sub(u64::from_le_bytes([b' '; 8]));
    let from_del = word.wrapping_add(u64::from_le_bytes([1; 8]));
    (below_blank | from_del | word) & u64::from_le_bytes([0x80; 8])
}

#[cfg(test)]
mod tests {
    use super::has_control;

    #[test]
    fn a_control_character_is_found_in_every_place() {
        for place in 0..20 {
            for character in '\0'..='\u{ff}' {
                let text: String =
                    (0..20).map(|at| if at == place { character } else { 'a' }).collect();
                let text = format!("é{text}");
                for text in [text.as_str(), &text["é".len()..]] {
                    assert_eq!(has_control(text), character.is_control(), "{text:?}");
                }
            }
        }
        assert!(!has_control(""));
    }
}
