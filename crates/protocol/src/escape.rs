//! Writes JSON strings. One escaper for every reply, compared with serde_json by a property test.

use crate::plain::is_plain;

/// What a byte becomes inside a JSON string (RFC 8259, section 7).
#[derive(Clone, Copy)]
enum Escape {
    /// Itself.
    None,
    /// A backslash and this byte.
    Short(u8),
    /// `\u00` and two hexadecimal digits.
    Long,
}

static ESCAPES: [Escape; 256] = escapes();

/// Appends `text` as a JSON string, quotation marks included.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    inner(out, text);
    out.push(b'"');
}

/// Appends what stands between the quotation marks of `text` as a JSON string.
#[inline]
pub(crate) fn inner(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        with_escapes(out, text);
    }
}

fn with_escapes(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| must_escape(byte)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, behind)) = special.split_first() else {
            break;
        };
        escaped(out, byte);
        rest = behind;
    }
    out.extend_from_slice(rest);
}

fn escape_of(byte: u8) -> Escape {
    ESCAPES.get(usize::from(byte)).copied().unwrap_or(Escape::None)
}

fn must_escape(byte: u8) -> bool {
    !matches!(escape_of(byte), Escape::None)
}

fn escaped(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    match escape_of(byte) {
        Escape::None => out.push(byte),
        Escape::Short(letter) => out.extend_from_slice(&[b'\\', letter]),
        Escape::Long => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "computed at compile time, where a bad index is an error"
)]
const fn escapes() -> [Escape; 256] {
    let mut table = [Escape::None; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = Escape::Long;
        control += 1;
    }
    table[0x08] = Escape::Short(b'b');
    table[b'\t' as usize] = Escape::Short(b't');
    table[b'\n' as usize] = Escape::Short(b'n');
    table[0x0c] = Escape::Short(b'f');
    table[b'\r' as usize] = Escape::Short(b'r');
    table[b'"' as usize] = Escape::Short(b'"');
    table[b'\\' as usize] = Escape::Short(b'\\');
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_single_byte_character_is_written_as_serde_json_writes_it() {
        for byte in 0..=0x7fu8 {
            let text = char::from(byte).to_string();
            assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_serde_json_writes_it(text in any::<String>()) {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn text_full_of_escapes_is_written_as_serde_json_writes_it(
            text in "[\0-\u{1f}\"\\\\/é\u{2028}a]{0,40}",
        ) {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
