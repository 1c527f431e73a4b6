//! The bytes of a cursor: a kind, a version, what it carries, and a check over all of that and
//! over the request that it belongs to, so that one that was damaged, or was given for another
//! request, is noticed. It is no secret, and nothing is trusted that it says.

use crate::limits::CURSOR_BYTES_MAX;

/// To which request a cursor belongs. Its letter and its version begin the cursor; a version that
/// is given up is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Accounts,
    Statement,
    Transactions,
}

impl Kind {
    const fn head(self) -> &'static str {
        match self {
            Self::Accounts => "a1",
            Self::Statement => "s1",
            Self::Transactions => "t1",
        }
    }
}

/// The cursor that carries `body`. `context`: what else the request says that its later pages
/// must say again.
pub(crate) fn write(kind: Kind, body: &str, context: &str) -> String {
    format!("{}.{body}.{:08x}", kind.head(), check(kind, body, context))
}

/// What `cursor` carries; `None` when [`write`] did not write it for this `kind` and `context`.
pub(crate) fn read<'c>(kind: Kind, cursor: &'c str, context: &str) -> Option<&'c str> {
    if cursor.len() > CURSOR_BYTES_MAX {
        return None;
    }
    let (head, rest) = cursor.split_once('.')?;
    let (body, said) = rest.split_once('.')?;
    let is_own = head == kind.head() && said == format!("{:08x}", check(kind, body, context));
    is_own.then_some(body)
}

/// A text in printable form.
pub(crate) fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The text that [`hex`] was given.
pub(crate) fn unhex(hex: &str) -> Option<String> {
    let digits: Option<Vec<u8>> = hex
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    if rest.is_empty() { String::from_utf8(bytes).ok() } else { None }
}

/// FNV-1a of 32 bits (Fowler, Noll and Vo), over the parts with a byte between them that none of
/// them holds.
fn check(kind: Kind, body: &str, context: &str) -> u32 {
    let parts = [kind.head(), body, context].map(str::bytes);
    parts
        .into_iter()
        .flat_map(|part| part.chain([0]))
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [Kind; 3] = [Kind::Accounts, Kind::Statement, Kind::Transactions];

    #[test]
    fn a_cursor_is_read_for_the_request_that_it_was_given_for_and_for_no_other() {
        for kind in KINDS {
            let cursor = write(kind, "41-7", "alice");
            assert_eq!(read(kind, &cursor, "alice"), Some("41-7"));
            assert_eq!(read(kind, &cursor, "alicf"), None);
            for other in KINDS {
                assert_eq!(read(other, &cursor, "alice").is_some(), other == kind);
            }
        }
    }

    #[test]
    fn a_cursor_with_anything_done_to_one_byte_is_none() {
        let cursor = write(Kind::Statement, "41-7", "alice");
        for at in 0..cursor.len() {
            for byte in b' '..=b'~' {
                let mut damaged = cursor.clone().into_bytes();
                damaged[at] = byte;
                let damaged = String::from_utf8(damaged).unwrap();
                let body = read(Kind::Statement, &damaged, "alice");
                assert_eq!(body.is_some(), damaged == cursor, "{damaged}");
            }
            assert_eq!(read(Kind::Statement, &cursor[..at], "alice"), None);
        }
        assert_eq!(read(Kind::Statement, &"x".repeat(1 << 20), ""), None);
    }

    #[test]
    fn the_longest_name_has_a_cursor() {
        let cursor = write(Kind::Accounts, &hex(&"é".repeat(32)), "é");
        assert!(
            cursor.len() <= CURSOR_BYTES_MAX && cursor.bytes().all(|byte| byte.is_ascii_graphic())
        );
        assert_eq!(read(Kind::Accounts, &cursor, "é").and_then(unhex), Some("é".repeat(32)));
    }

    #[test]
    fn what_is_no_text_in_hex_is_none() {
        for hex in ["6", "6g", "ff", "c3", "+1", "é"] {
            assert_eq!(unhex(hex), None, "{hex}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_its_hex(text in any::<String>()) {
            prop_assert_eq!(unhex(&hex(&text)), Some(text));
        }
    }
}
