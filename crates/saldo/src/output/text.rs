//! Text from outside, made safe to look at: what hides, and what turns the reading order round, is
//! shown by its number. For tables and messages; TSV and JSON carry names as they are.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Characters that cannot be seen, or that change how others are seen, by ranges of their numbers.
/// Source: the Unicode Character Database, version 17: general category Cf, the property
/// Default_Ignorable_Code_Point, white space besides U+0020, and the blocks of letters that are
/// written from right to left.
const DECEPTIVE: &[RangeInclusive<char>] = &[
    '\u{a0}'..='\u{a0}',
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    // Hebrew, Arabic, Syriac, Thaana, NKo, Samaritan, Mandaic, Arabic extended.
    '\u{590}'..='\u{8ff}',
    '\u{115f}'..='\u{1160}',
    '\u{1680}'..='\u{1680}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    // Spaces of all widths, joiners, marks and overrides of direction, invisible operators.
    '\u{2000}'..='\u{200f}',
    '\u{2028}'..='\u{202f}',
    '\u{205f}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3000}'..='\u{3000}',
    '\u{3164}'..='\u{3164}',
    // Presentation forms of Hebrew and Arabic.
    '\u{fb1d}'..='\u{fdff}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{fe70}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    // Scripts of the past and of Africa that run from right to left.
    '\u{10800}'..='\u{10fff}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{13455}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{1e800}'..='\u{1efff}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Whether the character hides, or turns the reading order round.
pub fn is_deceptive(character: char) -> bool {
    character.is_control()
        || (!character.is_ascii() && DECEPTIVE.iter().any(|range| range.contains(&character)))
}

/// A name for a table: no two different names look the same for want of a visible character.
pub fn name(name: &str) -> Cow<'_, str> {
    shown(name, true)
}

/// A name in a message, between quotation marks.
pub fn quoted(given: &str) -> String {
    format!("\"{}\"", name(given))
}

/// Text from a server or a system, on one line.
pub fn message(text: &str) -> Cow<'_, str> {
    shown(text, false)
}

fn shown(text: &str, with_backslash: bool) -> Cow<'_, str> {
    let special = |character| is_deceptive(character) || (with_backslash && character == '\\');
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if !special(character) {
            shown.push(character);
        } else if character == '\\' {
            shown.push_str(r"\\");
        } else if write!(shown, r"\u{{{:x}}}", u32::from(character)).is_err() {
            // Writing to a String does not fail.
            shown.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_read_stay_as_they_are() {
        for plain in ["alice", "josé da silva", "日本", "o'brien \"x\"", "Ελλάδα", "💰", "мир"]
        {
            assert!(matches!(name(plain), Cow::Borrowed(_)), "{plain}");
        }
    }

    #[test]
    fn what_hides_or_turns_round_is_shown_by_its_number() {
        for (given, seen) in [
            ("a\u{200b}b", r"a\u{200b}b"),
            ("\u{202e}evil", r"\u{202e}evil"),
            ("a\u{a0}b", r"a\u{a0}b"),
            ("\u{feff}a", r"\u{feff}a"),
            ("שלום", r"\u{5e9}\u{5dc}\u{5d5}\u{5dd}"),
            ("a\u{fe0f}", r"a\u{fe0f}"),
            ("a\u{e0041}", r"a\u{e0041}"),
        ] {
            assert_eq!(name(given), seen);
        }
    }

    #[test]
    fn a_name_that_spells_an_escape_differs_from_the_character() {
        assert_eq!(name(r"a\u{200b}"), r"a\\u{200b}");
        assert_eq!(message("a\\b\n\u{1b}[2J"), r"a\b\u{a}\u{1b}[2J");
    }
}
