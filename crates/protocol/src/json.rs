//! What every line must be, before its fields mean anything: UTF-8, one JSON object, not nested
//! too deep, without halves of characters. The grammar itself is serde_json's.

use std::borrow::Cow;

use memchr::memchr;
use serde_json::value::RawValue;

use crate::limits::DEPTH_MAX;
use crate::refusal::JsonFault;

/// Takes `line` as the text of something that can be an object. The reader of derived structs
/// would take a list as well, field by field in their order, and so could move money by accident.
pub(crate) fn object_text(line: &[u8]) -> Result<&str, JsonFault> {
    let text = str::from_utf8(line)?;
    match text.bytes().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
        Some(b'{') => Ok(text),
        Some(_) => Err(JsonFault::NotAnObject),
        None => Err(JsonFault::EmptyLine),
    }
}

/// The text that `value` is; `None` when it is no string. It borrows unless it has escapes.
pub(crate) fn text<'a>(value: &'a RawValue) -> Result<Option<Cow<'a, str>>, JsonFault> {
    let json: &'a str = value.get();
    let Some(inner) = json.strip_prefix('"').and_then(|open| open.strip_suffix('"')) else {
        return Ok(None);
    };
    if memchr(b'\\', inner.as_bytes()).is_none() {
        return Ok(Some(Cow::Borrowed(inner)));
    }
    Ok(Some(Cow::Owned(serde_json::from_str(json)?)))
}

/// Whether the valid JSON value `json`, which stands inside one object, is nested so deep that the
/// request passes [`DEPTH_MAX`]. The grammar alone sets no limit to what it skips.
pub(crate) fn is_too_deep(json: &str) -> bool {
    if !json.starts_with(['{', '[']) {
        return false;
    }
    let mut depth = 1;
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    false
}

/// Whether an escape in the valid JSON text `json` is a surrogate without its other half. The
/// grammar lets it pass, but it is no character, so no two readers agree on it.
pub(crate) fn has_lone_surrogate(json: &str) -> bool {
    let mut rest = json.as_bytes();
    while let Some(at) = memchr(b'\\', rest) {
        let escape = rest.get(at + 1..).unwrap_or_default();
        rest = match (escaped_unit(escape), escaped_unit(escape.get(6..).unwrap_or_default())) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) if escape.get(5) == Some(&b'\\') => {
                escape.get(11..).unwrap_or_default()
            }
            (Some(0xd800..=0xdfff), _) => return true,
            _ => escape.get(1..).unwrap_or_default(),
        };
    }
    false
}

/// The UTF-16 unit of an escape such as `u00e9`, whose backslash was taken off.
fn escaped_unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"u")?.get(..4)?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A list nested in a request whose levels are `levels` with the request's own.
    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1))
    }

    #[test]
    fn a_value_may_reach_the_deepest_level_and_not_pass_it() {
        assert!(!is_too_deep(&nested(DEPTH_MAX)));
        assert!(is_too_deep(&nested(DEPTH_MAX + 1)));
        assert!(!is_too_deep(&format!("[{}]", "[],".repeat(1_000) + "{}")));
    }

    #[test]
    fn brackets_in_strings_are_no_levels() {
        assert!(!is_too_deep(&format!("[\"{}\\\"{}\"]", "[".repeat(200), "{".repeat(200))));
        assert!(is_too_deep(&format!("[\"\\\\\",{}]", nested(DEPTH_MAX))));
    }

    #[test]
    fn surrogates_must_come_in_pairs() {
        for json in
            [r#""\ud83d\ude00""#, r#""\uD83D\uDE00a\u00e9""#, r#""\\ud83d""#, r#""\\\\ud83d""#]
        {
            assert!(!has_lone_surrogate(json), "{json}");
        }
        for json in [
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ude00\ud83d""#,
            r#""\ud83d\ud83d\ude00""#,
            r#""\ud83dx\ude00""#,
            r#""\\\ud83d""#,
            r#""\ud83d\\ude00""#,
        ] {
            assert!(has_lone_surrogate(json), "{json}");
        }
    }

    proptest! {
        #[test]
        fn a_string_has_a_lone_surrogate_when_serde_json_cannot_decode_it(
            escapes in prop::collection::vec(
                prop::sample::select(vec![
                    r"\ud800", r"\udbff", r"\udc00", r"\udfff", r"\u0041", r"\\", r"\n", "u", "a",
                ]),
                0..8,
            ),
        ) {
            let json = format!("\"{}\"", escapes.concat());
            let decoded = serde_json::from_str::<String>(&json);
            prop_assert_eq!(has_lone_surrogate(&json), decoded.is_err(), "{}", json);
        }
    }
}
