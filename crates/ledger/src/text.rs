//! What names and tx_ids have in common: printable text.

/// Whether `text` holds a control character (C0, DEL or C1).
pub(crate) fn has_control(text: &str) -> bool {
    // Without an early exit the loop runs sixteen bytes at a time; texts here are short.
    let ascii_control =
        text.bytes().fold(false, |found, byte| found | (byte < 0x20) | (byte == 0x7f));
    // C1 controls lie beyond ASCII.
    ascii_control || (!text.is_ascii() && text.chars().any(char::is_control))
}
