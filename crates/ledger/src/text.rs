//! What names and tx_ids have in common: printable text.

/// Whether `text` holds a control character (C0, DEL or C1).
pub(crate) fn has_control(text: &str) -> bool {
    // C1 controls begin with 0xC2 in UTF-8, so plain ASCII is settled byte by byte.
    let ascii_control = text.bytes().any(|byte| byte < 0x20 || byte == 0x7f);
    ascii_control || (!text.is_ascii() && text.chars().any(char::is_control))
}
