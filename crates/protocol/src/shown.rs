//! A client's own text, made safe to repeat in an error.

use crate::limits::SHOWN_CHARS_MAX;

/// `text` with control and invisible characters escaped as `\u{…}`, cut after
/// [`SHOWN_CHARS_MAX`] characters with an ellipsis in place of the rest.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(SHOWN_CHARS_MAX) {
        if is_visible(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Whether a reader sees this character for itself: the standard library's own idea of what a
/// debug print may leave as it is, to which quotation marks and the backslash do no harm.
fn is_visible(character: char) -> bool {
    match character {
        ' '..='~' => true,
        _ => character.escape_debug().len() == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_text_is_shown_as_it_is() {
        assert_eq!(shown("fly \"high\" \\ 'josé' 日本"), "fly \"high\" \\ 'josé' 日本");
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        assert_eq!(shown("a\u{1b}[31m\n\0"), "a\\u{1b}[31m\\u{a}\\u{0}");
        for hidden in ['\u{7f}', '\u{85}', '\u{200b}', '\u{202e}', '\u{feff}', '\u{2028}'] {
            let expected = format!("\\u{{{:x}}}", u32::from(hidden));
            assert_eq!(shown(&hidden.to_string()), expected);
        }
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(shown(&"é".repeat(64)), "é".repeat(64));
        assert_eq!(shown(&"é".repeat(65)), format!("{}…", "é".repeat(64)));
    }
}
